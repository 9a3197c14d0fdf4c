"""Decay with T₂* and precession off resonance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.relaxation import relaxation_time, relaxation_unknown
from recon.operators.mri.signals.signal_model import Maps, SignalModel, checked_times, product, typical
from recon.operators.operator import Operator


class T2StarDecay(SignalModel):
    """s(t) = M₀ exp(−t/T₂* − 2πi B₀ t): gradient echoes at the times t, B₀ the off-resonance.

    Maps ``m0``, complex, ``t2_star`` in s and ``b0`` in Hz. With typical values m, τ and f the unknowns and derivatives
    are

        p₀ = M₀/m,          ∂s/∂p₀ = s/p₀,
        p₁ = τ/T₂* − 1,     ∂s/∂p₁ = −(t/τ) s,
        p₂ = B₀/f,          ∂s/∂p₂ = −2πi f t s.

    Echoes Δt apart tell B₀ up to multiples of 1/Δt; from p = 0 the one nearest to zero is found.

    Parameters
    ----------
    echo_times
        t in s, two different ones at least.
    shape
        Shape of one map; by default that of a single voxel.
    m0, t2_star, b0
        The typical values m, τ in s and f in Hz, f about 1/(2πτ).
    """

    names = ("t2_star_decay",)

    def __init__(
        self,
        echo_times: Tensor | Sequence[float],
        shape: Sequence[int] | None = None,
        m0: float = 1.0,
        t2_star: float = 0.03,
        b0: float = 5.0,
    ) -> None:
        self.m0, self.b0 = typical(m0, "T2StarDecay", "m0"), typical(b0, "T2StarDecay", "b0")
        self.t2_star = typical(t2_star, "T2StarDecay", "t2_star")
        times = checked_times(echo_times, "T2StarDecay", "echo_times", self.t2_star, 2, "t2_star")
        parameters = (Parameter("m0", complex=True), Parameter("t2_star", "s"), Parameter("b0", "Hz"))
        super().__init__(times, shape, parameters)

    def physical(self, p: Maps) -> Maps:
        return self.m0 * p[0], relaxation_time(p[1], self.t2_star), self.b0 * p[2]

    def unknowns(self, quantities: Maps) -> Maps:
        m0, t2_star, b0 = quantities
        return m0 / self.m0, relaxation_unknown(t2_star, self.t2_star), b0 / self.b0

    def _decay(self, p: Maps, t: Tensor) -> Tensor:
        return self.m0 * torch.complex(-(t / self.t2_star) * (1 + p[1]), -2 * pi * self.b0 * t * p[2]).exp()

    def signal(self, p: Maps, t: Tensor) -> Tensor:
        return p[0] * self._decay(p, t)

    def partials(self, p: Maps, t: Tensor) -> Maps:
        decay = self._decay(p, t)
        s = product(t, p[0] * decay)
        return decay, s / -self.t2_star, s * (-2j * pi * self.b0)

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(torch.tensor([0.005, 0.02, 0.04]), (2, 3))
        yield cls([0.0, 0.01], m0=3.0, t2_star=0.02, b0=8.0)
