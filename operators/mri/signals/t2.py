"""Decay with T₂."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.relaxation import relaxation_time, relaxation_unknown
from recon.operators.mri.signals.signal_model import Maps, SignalModel, checked_times, product, typical
from recon.operators.operator import Operator


class T2Decay(SignalModel):
    """s(t) = M₀ exp(−t/T₂): spin echoes at the times t.

    Maps ``m0``, complex, and ``t2`` in s. With typical values m and τ the unknowns and derivatives are

        p₀ = M₀/m,         ∂s/∂p₀ = m exp(−t/T₂),
        p₁ = τ/T₂ − 1,     ∂s/∂p₁ = −M₀ (t/τ) exp(−t/T₂).

    The exponent is linear in p₁, which Gauss-Newton steps follow from afar; ln T₂ as the unknown lets them overshoot.

    Parameters
    ----------
    echo_times
        t in s, two different ones at least.
    shape
        Shape of one map; by default that of a single voxel.
    m0, t2
        The typical values m and τ, τ in s: where to start from, and what makes the unknowns comparable.
    """

    names = ("t2_decay",)

    def __init__(
        self,
        echo_times: Tensor | Sequence[float],
        shape: Sequence[int] | None = None,
        m0: float = 1.0,
        t2: float = 0.08,
    ) -> None:
        self.m0, self.t2 = typical(m0, "T2Decay", "m0"), typical(t2, "T2Decay", "t2")
        times = checked_times(echo_times, "T2Decay", "echo_times", self.t2, 2, "t2")
        super().__init__(times, shape, (Parameter("m0", complex=True), Parameter("t2", "s")))

    def physical(self, p: Maps) -> Maps:
        return self.m0 * p[0], relaxation_time(p[1], self.t2)

    def unknowns(self, quantities: Maps) -> Maps:
        return quantities[0] / self.m0, relaxation_unknown(quantities[1], self.t2)

    def signal(self, p: Maps, t: Tensor) -> Tensor:
        return self.m0 * p[0] * (-(t / self.t2) * (1 + p[1])).exp()

    def partials(self, p: Maps, t: Tensor) -> Maps:
        elapsed = t / self.t2
        decay = self.m0 * (-elapsed * (1 + p[1])).exp()
        return decay, product(-elapsed * decay, p[0])

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(torch.tensor([0.02, 0.05, 0.09]), (2, 3))
        yield cls([0.0, 0.1], m0=3.0, t2=0.2)
