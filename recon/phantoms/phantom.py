"""Sums of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from recon.operators.ct import Geometry, Volume
from recon.operators.mri.trajectory import Trajectory
from recon.phantoms.shape import Shape, midpoints
from recon.phantoms.sinusoidal_coils import SinusoidalCoils

PIXELS_AT_ONCE = 1 << 20
RAYS_AT_ONCE = 1 << 17
WAVES_AT_ONCE = 1 << 19


@dataclass(frozen=True, init=False)
class Phantom:
    """A sum of shapes, of which the image, the line integrals and the Fourier transform are known.

    Integrals and k-space come from formulas, not from a projector or an FFT, so data made from them does not commit
    the inverse crime and operators can be judged by them.

    Parameters
    ----------
    shapes
        Shapes of any kinds, all in the plane or all in space.
    """

    shapes: tuple[Shape, ...]

    def __init__(self, shapes: Sequence[Shape]) -> None:
        object.__setattr__(self, "shapes", tuple(shapes))
        if not self.shapes:
            raise ValueError("Phantom expects at least one shape, got none.")
        if len({shape.ndim for shape in self.shapes}) > 1:
            raise ValueError("Phantom expects shapes that are all in the plane or all in space, got both.")

    @property
    def ndim(self) -> int:
        """Number of axes of its images, 2 or 3."""
        return self.shapes[0].ndim

    def rasterise(self, volume: Volume, samples: int | None = None, dtype: torch.dtype = torch.float32) -> Tensor:
        """The image ``(rows, columns)`` or ``(planes, rows, columns)``: means over the pixels.

        Pixels that a boundary may cross are averaged over ``samples`` points an axis, in the plane 16 and in space 6
        by default; all others of solid shapes are exact. Gaussian blobs are integrated by Gauss-Legendre rules of at
        most as many points. ``samples=1`` takes the values at the pixels' centres.
        """
        count = {2: 16, 3: 6}[self.ndim] if samples is None else samples
        if volume.ndim != self.ndim or count < 1:
            raise ValueError(
                f"rasterise expects {self.ndim} axes and a positive count of samples, got {volume.shape}, {count}."
            )
        image = torch.empty(volume.shape, dtype=dtype)
        layers = max(1, PIXELS_AT_ONCE // prod(volume.shape[1:]))
        for first in range(0, volume.shape[0], layers):
            slab = _slab(volume, first, min(first + layers, volume.shape[0]))
            part = torch.zeros(slab.shape, dtype=torch.float64)
            for shape in self.shapes:
                shape.add_to(part, slab, count)
            image[first : first + layers] = part.to(dtype)
        return image

    def line_integrals(
        self, geometry: Geometry, samples: int | Sequence[int] = 1, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Exact integrals along the rays of a scan, of its shape.

        ``samples`` is the number of rays over which every bin is averaged, at equal distances (on a curved detector
        at equal angles) about its centre; in space along rows and bins alike, or (along rows, along bins).
        """
        axes = geometry.ndim - 1
        counts = (samples,) * axes if isinstance(samples, int) else tuple(samples)
        if geometry.ndim != self.ndim or len(counts) != axes or min(counts) < 1:
            raise ValueError(
                f"line_integrals expects a geometry of {self.ndim} axes and positive counts of samples, got "
                f"{type(geometry).__name__} of shape {geometry.shape}, {samples}."
            )
        frames, detector = geometry.frames(), geometry.shape[1:]
        indices = [
            (torch.arange(size, dtype=torch.float64)[:, None] + midpoints(count, 1)[:, 0]).flatten()
            for size, count in zip(detector, counts, strict=True)
        ]
        bins = tuple(length for pair in zip(detector, counts, strict=True) for length in pair)
        result = torch.empty(geometry.shape, dtype=dtype)
        views = max(1, RAYS_AT_ONCE // prod(bins))
        for first in range(0, geometry.shape[0], views):
            rays = frames.take(slice(first, first + views)).at(*indices)
            total = torch.stack([shape.integrals(*rays) for shape in self.shapes]).sum(0)
            averaged = total.reshape(len(total), *bins).mean(tuple(range(2, len(bins) + 1, 2)))
            result[first : first + views] = averaged.to(dtype)
        return result

    def kspace(
        self,
        volume: Volume,
        points: Tensor | Trajectory | None = None,
        coils: SinusoidalCoils | None = None,
        dtype: torch.dtype = torch.complex64,
    ) -> Tensor:
        """Exact k-space, in the scale of the orthonormal Fourier transform of its image on ``volume``:

        y_c(k) = N^{-½} |Δ|⁻¹ exp(2πi w·r₀) ∫ S_c(r) g(r) exp(−2πi w·r) dr,   w_a = k_a/Δ_a,

        with N pixels of size |Δ| = Π Δ_a, of which the one at index N//2 is centred on r₀. It is the limit of
        ``CartesianMRI`` and of non-uniform transforms on ever finer grids. On a grid, means over pixels are damped by
        Π sinc k_a, and what lies beyond |k_a| = ½ is folded back; here it is not.

        Parameters
        ----------
        volume
            The pixels of the image.
        points
            k in cycles per pixel, a trajectory or a tensor ``(d, *samples)`` in the order of the axes; by default the
            Cartesian grid k_a = (i − N_a//2)/N_a.
        coils
            S_c, sensitivities that are sums of complex exponentials; None for a single coil of sensitivity 1.
        dtype
            Of the result; the computation is in double precision.

        Returns complex ``(*samples)``, or ``(*volume.shape)`` on the Cartesian grid, behind a coil axis for ``coils``.
        """
        return self.kspace_of_shapes(volume, points, coils, dtype).sum(0)

    def kspace_of_shapes(
        self,
        volume: Volume,
        points: Tensor | Trajectory | None = None,
        coils: SinusoidalCoils | None = None,
        dtype: torch.dtype = torch.complex64,
    ) -> Tensor:
        """The share of each shape in :meth:`kspace`, along a further first axis."""
        if volume.ndim != self.ndim:
            raise ValueError(f"kspace expects a volume of {self.ndim} axes, got shape {volume.shape}.")
        if points is None:
            points = _cartesian(volume.shape)
        grid = (points.points if isinstance(points, Trajectory) else points).to(torch.float64)
        if grid.ndim < 1 or grid.shape[0] != self.ndim:
            raise ValueError(f"kspace expects points of shape ({self.ndim}, ...), got {tuple(grid.shape)}.")
        if coils is not None and coils.ndim != self.ndim:
            raise ValueError(f"kspace expects coils in {self.ndim} dimensions, got them in {coils.ndim}.")
        waves = grid.flatten(1).T / torch.tensor(volume.spacing, dtype=torch.float64)
        middle = torch.stack([volume.centres(axis)[n // 2] for axis, n in enumerate(volume.shape)])
        scale = 1 / (prod(volume.shape) ** 0.5 * prod(volume.spacing))
        one = torch.ones(1, 1, dtype=torch.complex128)
        shifts, weights = (waves.new_zeros(1, self.ndim), one) if coils is None else (coils.waves, coils.coefficients)
        parts = []
        for some in waves.split(max(1, WAVES_AT_ONCE // len(shifts))):
            phase = torch.polar(torch.full_like(some[:, 0], scale), 2 * torch.pi * (some @ middle))
            shares = [shape.weighted_transform(some, shifts, weights) * phase for shape in self.shapes]
            parts.append(torch.stack(shares).to(dtype))
        result = torch.cat(parts, -1).reshape(len(self.shapes), -1, *grid.shape[1:])
        return result[:, 0] if coils is None else result


def _cartesian(shape: Sequence[int]) -> Tensor:
    """The points of the Cartesian grid in cycles per pixel, ``(d, *shape)``."""
    axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def _slab(volume: Volume, first: int, end: int) -> Volume:
    """Some of the layers of a volume along its first axis."""
    if end - first == volume.shape[0]:
        return volume
    shift = ((first + end - 1) / 2 - (volume.shape[0] - 1) / 2) * volume.spacing[0]
    return Volume((end - first, *volume.shape[1:]), volume.spacing, (volume.offset[0] + shift, *volume.offset[1:]))
