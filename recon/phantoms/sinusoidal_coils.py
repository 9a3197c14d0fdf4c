"""Coil sensitivities with which k-space of phantoms stays exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.ct import Volume
from recon.operators.mri.birdcage import birdcage_field

_SAMPLES = 12
"""Samples along an axis for each wave that is fitted."""


@dataclass(frozen=True, eq=False)
class SinusoidalCoils:
    """Sensitivities S_c(r) = Σ_m a_cm exp(2πi f_m·r).

    Weighting an object with such a sum only shifts and adds its Fourier transform, ∫ S_c g exp(−2πi w·r) dr =
    Σ_m a_cm ĝ(w − f_m), so that coil images, maps and k-space all belong to each other exactly (M. Guerquin-Kern et
    al., IEEE Trans. Med. Imaging 31 (2012) 626). How near such sums come to given maps is ``misfit``.

    Parameters
    ----------
    coefficients
        a, complex ``(coils, m)``.
    waves
        f in cycles per mm, ``(m, d)`` in the order of a volume's axes.
    misfit
        Largest error of the fit, relative to the largest sensitivity, where they have been fitted; else 0.
    """

    coefficients: Tensor
    waves: Tensor
    misfit: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", torch.as_tensor(self.coefficients).to(torch.complex128))
        object.__setattr__(self, "waves", torch.as_tensor(self.waves).to(torch.float64))
        shapes = tuple(self.coefficients.shape), tuple(self.waves.shape)
        if len(shapes[0]) != 2 or len(shapes[1]) != 2 or shapes[0][1] != shapes[1][0] or shapes[1][1] not in (2, 3):
            raise ValueError(
                f"SinusoidalCoils expects coefficients (coils, m) and waves (m, 2) or (m, 3), got {shapes[0]} and "
                f"{shapes[1]}."
            )

    @property
    def ndim(self) -> int:
        """Number of axes of the images that they weight."""
        return self.waves.shape[1]

    def values(self, places: Tensor) -> Tensor:
        """S at places ``(..., d)`` in mm: complex128 ``(coils, ...)``."""
        angles = 2 * torch.pi * (places.to(torch.float64).reshape(-1, self.ndim) @ self.waves.T)
        waves = torch.polar(torch.ones_like(angles), angles)
        return (self.coefficients @ waves.T).reshape(-1, *places.shape[:-1])

    def maps(self, volume: Volume, dtype: torch.dtype = torch.complex64) -> Tensor:
        """S at the centres of pixels, ``(coils, *volume.shape)``."""
        axes = [volume.centres(axis) for axis in range(volume.ndim)]
        return self.values(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)).to(dtype)

    @classmethod
    def fit(
        cls, sensitivities: Tensor, places: Tensor, period: Sequence[float], waves: int | Sequence[int] = 4
    ) -> SinusoidalCoils:
        """The sums of waves f = (n_a / period_a), |n_a| ≤ ``waves``, that are nearest to ``sensitivities``
        ``(coils, p)`` at ``places`` ``(p, d)`` in mm.

        ``period`` in mm should exceed the extent of the places, by half for example, as maps are not periodic.
        """
        counts = [waves] * len(period) if isinstance(waves, int) else list(waves)
        axes = [torch.arange(-n, n + 1, dtype=torch.float64) / p for n, p in zip(counts, period, strict=True)]
        f = torch.cartesian_prod(*axes).reshape(-1, len(axes))
        angles = 2 * torch.pi * (places.to(torch.float64) @ f.T)
        system = torch.polar(torch.ones_like(angles), angles)
        wanted = sensitivities.to(torch.complex128)
        # Waves of a longer period nearly depend on each other on the places; small singular values add size, not fit.
        solution = torch.linalg.lstsq(system, wanted.T, rcond=1e-9, driver="gelsd").solution
        error = (system @ solution - wanted.T).abs().max() / wanted.abs().max()
        return cls(solution.T.contiguous(), f, float(error))

    @classmethod
    def birdcage(cls, volume: Volume, coils: int = 8, radius: float = 1.5, waves: int = 5) -> SinusoidalCoils:
        """The fit to the maps of :func:`~recon.operators.mri.birdcage.birdcage_maps` of ``volume``, within the
        ellipse that its rows and columns inscribe; they do not depend on z."""
        count = _SAMPLES * waves
        unit = (torch.arange(count, dtype=torch.float64) + 0.5) * 2 / count - 1
        y, x = (part.flatten() for part in torch.meshgrid(unit, unit, indexing="ij"))
        inside = y**2 + x**2 < 1
        edge = torch.arange(8 * count, dtype=torch.float64) * (2 * torch.pi / (8 * count))
        y, x = torch.cat([y[inside], edge.sin()]), torch.cat([x[inside], edge.cos()])
        half = [n * d / 2 for n, d in zip(volume.shape, volume.spacing, strict=True)]
        middle = [float(volume.centres(axis)[n // 2]) for axis, n in enumerate(volume.shape)]
        places = torch.stack([y * half[-2] + middle[-2], x * half[-1] + middle[-1]], -1)
        fitted = cls.fit(birdcage_field(y, x, coils, radius), places, [3 * half[-2], 3 * half[-1]], waves)
        if volume.ndim == 2:
            return fitted
        flat = torch.cat([torch.zeros(len(fitted.waves), 1, dtype=torch.float64), fitted.waves], -1)
        return cls(fitted.coefficients, flat, fitted.misfit)
