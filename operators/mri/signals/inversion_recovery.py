"""Recovery with T₁ after an inversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.relaxation import relaxation_time, relaxation_unknown
from recon.operators.mri.signals.signal_model import LAST, Maps, SignalModel, checked_times, product, typical
from recon.operators.operator import Operator
from recon.operators.tensors import is_number


class InversionRecovery(SignalModel):
    """s(t) = M₀ (1 − (1 + η) exp(−t/T₁) + η exp(−T_R/T₁)): read out by 90° pulses at the times t after an inversion.

    Inversions follow each other by T_R, whatever t is; η is their efficiency, 1 for one by 180°. Maps ``m0``, complex,
    ``t1`` in s and, where η is sought, ``efficiency``. With typical values m and τ and E = exp(−t/T₁), the unknowns
    and derivatives are

        p₀ = M₀/m,         ∂s/∂p₀ = s/p₀,
        p₁ = τ/T₁ − 1,     ∂s/∂p₁ = (M₀/τ) ((1 + η) t E − η T_R exp(−T_R/T₁)),
        p₂ = η − 1,        ∂s/∂p₂ = M₀ (exp(−T_R/T₁) − E).

    Data are complex, so that the sign of the signal is seen.

    Parameters
    ----------
    inversion_times
        t in s, two different ones at least, three where η is sought.
    shape
        Shape of one map; by default that of a single voxel.
    repetition_time
        T_R in s.
    efficiency
        η, or None for an unknown of its own.
    m0, t1
        The typical values m and τ, τ in s.

    Errors: ValueError for an efficiency outside (0, 1], or inversions that follow before the last time.
    """

    names = ("inversion_recovery",)

    def __init__(
        self,
        inversion_times: Tensor | Sequence[float],
        shape: Sequence[int] | None = None,
        repetition_time: float = float("inf"),
        efficiency: float | None = 1.0,
        m0: float = 1.0,
        t1: float = 1.0,
    ) -> None:
        self.m0, self.t1 = typical(m0, "InversionRecovery", "m0"), typical(t1, "InversionRecovery", "t1")
        least = 3 if efficiency is None else 2
        times = checked_times(inversion_times, "InversionRecovery", "inversion_times", self.t1, least, "t1")
        if efficiency is not None and not (is_number(efficiency) and 0 < efficiency <= 1):
            raise ValueError(f"InversionRecovery expects an efficiency above 0 and at most 1, got {efficiency!r}.")
        if not is_number(repetition_time) or not repetition_time >= float(times.max()):
            raise ValueError(
                f"InversionRecovery expects a repetition_time of at least {float(times.max()):g} s, the last of "
                f"inversion_times, got {repetition_time!r}."
            )
        if LAST * self.t1 < repetition_time < float("inf"):
            raise ValueError(
                f"InversionRecovery expects repetition_time in s, got {repetition_time:g}, which is long after a t1 of "
                f"{self.t1:g} s; divide milliseconds by 1000, or leave it out where recovery is complete."
            )
        self.efficiency, self.repetition_time = efficiency, float(repetition_time)
        parameters = [Parameter("m0", complex=True), Parameter("t1", "s")]
        super().__init__(times, shape, [*parameters, Parameter("efficiency")] if efficiency is None else parameters)

    def physical(self, p: Maps) -> Maps:
        found = (self.m0 * p[0], relaxation_time(p[1], self.t1))
        return found if self.efficiency is not None else (*found, 1 + p[2])

    def unknowns(self, quantities: Maps) -> Maps:
        found = (quantities[0] / self.m0, relaxation_unknown(quantities[1], self.t1))
        return found if self.efficiency is not None else (*found, quantities[2] - 1)

    def _decays(self, p: Maps, t: Tensor) -> tuple[Tensor, Tensor | float, Tensor | float]:
        """exp(−t/T₁), exp(−T_R/T₁) and (T_R/τ) exp(−T_R/T₁)."""
        rate = (1 + p[1]) / self.t1
        if isinf(self.repetition_time):
            return (-t * rate).exp(), 0.0, 0.0
        late = (-self.repetition_time * rate).exp()
        return (-t * rate).exp(), late, (self.repetition_time / self.t1) * late

    def _recovered(self, p: Maps, early: Tensor, late: Tensor | float) -> Tensor:
        eta = 1 + p[2] if self.efficiency is None else self.efficiency
        return 1 - (1 + eta) * early + eta * late

    def signal(self, p: Maps, t: Tensor) -> Tensor:
        early, late, _ = self._decays(p, t)
        return self.m0 * p[0] * self._recovered(p, early, late)

    def partials(self, p: Maps, t: Tensor) -> Maps:
        early, late, slope = self._decays(p, t)
        eta = 1 + p[2] if self.efficiency is None else self.efficiency
        weights = [self.m0 * self._recovered(p, early, late)]
        weights.append(product(self.m0 * ((1 + eta) * (t / self.t1) * early - eta * slope), p[0]))
        if self.efficiency is None:
            weights.append(product(self.m0 * (late - early), p[0]))
        return tuple(weights)

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(torch.tensor([0.1, 0.6, 1.5, 3.0]), (2, 3))
        yield cls([0.1, 0.6, 1.5, 3.0], (2,), repetition_time=4.0, efficiency=0.95, m0=2.0)
        yield cls([0.1, 0.6, 1.5, 3.0], repetition_time=5.0, efficiency=None, t1=1.4)
        yield cls([0.1, 0.6, 1.5], (3,), efficiency=None)
