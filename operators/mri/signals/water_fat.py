"""Water and fat in one voxel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi

import torch
from torch import Tensor

from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.signal_model import Maps, SignalModel, checked_times, product, typical
from recon.operators.operator import Operator
from recon.operators.tensors import fixed

HYDROGEN = 42.577478518
"""γ/2π of ¹H in MHz per tesla."""
LIVER_FAT = ((-3.80, 0.087), (-3.40, 0.693), (-2.60, 0.128), (-1.94, 0.004), (-0.39, 0.039), (0.60, 0.048))
"""Peaks of fat: chemical shift against water in ppm, and relative size."""


class WaterFat(SignalModel):
    """s(t) = (W + F φ(t)) exp(−R₂* t − 2πi B₀ t),  φ(t) = Σ_k a_k exp(−2πi f_k t),  Σ_k a_k = 1.

    Gradient echoes at the times t; f_k are the peaks of fat off the resonance of water, in Hz the chemical shift in ppm
    times the frequency of ¹H in MHz. Maps ``water`` and ``fat``, complex, ``b0`` in Hz and ``r2_star`` in 1/s. With
    typical values m, f and r the unknowns and derivatives are

        p₀ = W/m,       ∂s/∂p₀ = m exp(−R₂* t − 2πi B₀ t),
        p₁ = F/m,       ∂s/∂p₁ = φ(t) ∂s/∂p₀,
        p₂ = B₀/f,      ∂s/∂p₂ = −2πi f t s,
        p₃ = R₂*/r,     ∂s/∂p₃ = −r t s.

    The misfit has several minima in B₀: where that is farther from the start than half the frequency of the main peak
    of fat, water and fat are taken for each other.

    Parameters
    ----------
    echo_times
        t in s, three different ones at least.
    shape
        Shape of one map; by default that of a single voxel.
    field
        B₀ of the scanner in T.
    peaks
        (chemical shift in ppm, relative size) of each peak of fat; six of fat in the liver by default.
    m0, b0, r2_star
        The typical values m, f in Hz and r in 1/s.

    Errors: ValueError for peaks without size.

    Source of the peaks: G. Hamilton et al., NMR Biomed. 24 (2011) 784.
    """

    names = ("water_fat",)

    def __init__(
        self,
        echo_times: Tensor | Sequence[float],
        shape: Sequence[int] | None = None,
        field: float = 3.0,
        peaks: Sequence[Sequence[float]] = LIVER_FAT,
        m0: float = 1.0,
        b0: float = 20.0,
        r2_star: float = 50.0,
    ) -> None:
        self.field, self.m0 = typical(field, "WaterFat", "field"), typical(m0, "WaterFat", "m0")
        self.b0, self.r2_star = typical(b0, "WaterFat", "b0"), typical(r2_star, "WaterFat", "r2_star")
        times = checked_times(echo_times, "WaterFat", "echo_times", 1 / self.r2_star, 3, "decay 1/r2_star")
        table = fixed(peaks, "WaterFat", "peaks").double()
        if table.ndim != 2 or table.shape[1:] != (2,) or not float(table[:, 1].sum()) > 0:
            raise ValueError(f"WaterFat expects peaks (shift in ppm, size) of positive total size, got {peaks!r}.")
        angles = 2 * pi * HYDROGEN * self.field * times[:, None] * table[:, 0]
        sizes = (table[:, 1] / table[:, 1].sum()).to(torch.complex128)
        self.fat_signal = torch.polar(torch.ones_like(angles), -angles) @ sizes
        parameters = (
            Parameter("water", complex=True),
            Parameter("fat", complex=True),
            Parameter("b0", "Hz"),
            Parameter("r2_star", "1/s"),
        )
        super().__init__(times, shape, parameters)

    def physical(self, p: Maps) -> Maps:
        return self.m0 * p[0], self.m0 * p[1], self.b0 * p[2], self.r2_star * p[3]

    def unknowns(self, quantities: Maps) -> Maps:
        water, fat, b0, r2_star = quantities
        return water / self.m0, fat / self.m0, b0 / self.b0, r2_star / self.r2_star

    def _decay(self, p: Maps, t: Tensor) -> tuple[Tensor, Tensor]:
        """m exp(−R₂* t − 2πi B₀ t) and φ(t)."""
        fat = self.constant("fat_signal", p[0]).reshape(t.shape)
        return self.m0 * torch.complex(-self.r2_star * t * p[3], -2 * pi * self.b0 * t * p[2]).exp(), fat

    def signal(self, p: Maps, t: Tensor) -> Tensor:
        decay, fat = self._decay(p, t)
        return (p[0] + fat * p[1]) * decay

    def partials(self, p: Maps, t: Tensor) -> Maps:
        decay, fat = self._decay(p, t)
        late = product(t, (p[0] + fat * p[1]) * decay)
        return decay, fat * decay, late * (-2j * pi * self.b0), late * -self.r2_star

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        times = [0.0012, 0.0022, 0.0032, 0.0043, 0.0054, 0.0065]
        yield cls(torch.tensor(times), (2, 2))
        yield cls(times, field=1.5, peaks=[[-3.4, 1.0]], m0=2.0, b0=30.0, r2_star=30.0)
