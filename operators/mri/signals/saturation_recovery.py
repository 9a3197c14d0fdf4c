"""Recovery with T₁ after a saturation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.relaxation import relaxation_time, relaxation_unknown
from recon.operators.mri.signals.signal_model import Maps, SignalModel, checked_times, product, typical
from recon.operators.operator import Operator
from recon.operators.tensors import is_number


class SaturationRecovery(SignalModel):
    """s(t) = M₀ (1 − κ exp(−t/T₁)): read out at the times t after saturation; κ = 1 where nothing is left of M₀.

    Maps ``m0``, complex, and ``t1`` in s. With typical values m and τ the unknowns and derivatives are

        p₀ = M₀/m,         ∂s/∂p₀ = s/p₀,
        p₁ = τ/T₁ − 1,     ∂s/∂p₁ = κ M₀ (t/τ) exp(−t/T₁).

    Spin echoes with repetition times t are of this form too.

    Parameters
    ----------
    recovery_times
        t in s, two different ones at least.
    shape
        Shape of one map; by default that of a single voxel.
    efficiency
        κ.
    m0, t1
        The typical values m and τ, τ in s.

    Errors: ValueError for an efficiency outside (0, 1].
    """

    names = ("saturation_recovery",)

    def __init__(
        self,
        recovery_times: Tensor | Sequence[float],
        shape: Sequence[int] | None = None,
        efficiency: float = 1.0,
        m0: float = 1.0,
        t1: float = 1.0,
    ) -> None:
        if not is_number(efficiency) or not 0 < efficiency <= 1:
            raise ValueError(f"SaturationRecovery expects an efficiency above 0 and at most 1, got {efficiency!r}.")
        self.efficiency = float(efficiency)
        self.m0, self.t1 = typical(m0, "SaturationRecovery", "m0"), typical(t1, "SaturationRecovery", "t1")
        times = checked_times(recovery_times, "SaturationRecovery", "recovery_times", self.t1, 2, "t1")
        super().__init__(times, shape, (Parameter("m0", complex=True), Parameter("t1", "s")))

    def physical(self, p: Maps) -> Maps:
        return self.m0 * p[0], relaxation_time(p[1], self.t1)

    def unknowns(self, quantities: Maps) -> Maps:
        return quantities[0] / self.m0, relaxation_unknown(quantities[1], self.t1)

    def _missing(self, p: Maps, t: Tensor) -> Tensor:
        return self.efficiency * (-(t / self.t1) * (1 + p[1])).exp()

    def signal(self, p: Maps, t: Tensor) -> Tensor:
        return self.m0 * p[0] * (1 - self._missing(p, t))

    def partials(self, p: Maps, t: Tensor) -> Maps:
        missing = self._missing(p, t)
        return self.m0 * (1 - missing), product(self.m0 * (t / self.t1) * missing, p[0])

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(torch.tensor([0.1, 0.6, 1.5]), (2, 3))
        yield cls([0.2, 0.9, 3.0], efficiency=0.9, m0=2.0, t1=1.3)
