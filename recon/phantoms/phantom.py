"""Sums of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from recon.operators.ct import Geometry, Volume
from recon.phantoms.shape import Shape, midpoints

PIXELS_AT_ONCE = 1 << 20
RAYS_AT_ONCE = 1 << 17


@dataclass(frozen=True, init=False)
class Phantom:
    """A sum of shapes, of which both the image and the line integrals are known.

    The integrals come from the formula, not from a projector, so data made from them does not commit
    the inverse crime and a projector can be judged by them.

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


def _slab(volume: Volume, first: int, end: int) -> Volume:
    """Some of the layers of a volume along its first axis."""
    if end - first == volume.shape[0]:
        return volume
    shift = ((first + end - 1) / 2 - (volume.shape[0] - 1) / 2) * volume.spacing[0]
    return Volume((end - first, *volume.shape[1:]), volume.spacing, (volume.offset[0] + shift, *volume.offset[1:]))
