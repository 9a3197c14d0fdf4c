"""A scan given view by view, for any path of source and detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import Geometry, checked_views
from recon.operators.tensors import checked_count

Vectors = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, init=False)
class VectorBeam(Geometry):
    """Every view has a source (or, for parallel rays, a direction), a flat detector's centre and its edges.

    The ray to bin k (and row l in three dimensions) runs through

        detector + (k − (bins − 1)/2) u + (l − (rows − 1)/2) v    [mm]

    from ``source``, or along ``direction``. Vectors have their components in the order of a volume's axes:
    (y, x) in the plane, (z, y, x) in space. Tilted detectors, laminography, tomosynthesis and calibrated
    scans are written this way; :meth:`of` gives the vectors of another geometry as a start.

    Parameters
    ----------
    detectors
        Centre of the detector in every view, ``(views, d)`` in mm.
    u
        From one bin to the next, ``(views, d)`` in mm; it need not be perpendicular to the rays.
    bins
        Number of bins along u.
    sources
        The sources of diverging rays, ``(views, d)`` in mm; either these or ``directions``.
    directions
        The directions of parallel rays, ``(views, d)`` of any length.
    v
        From one row to the next, ``(views, 3)`` in mm; in space only.
    rows
        Number of rows along v; in space only.

    Errors: ValueError for vectors of different counts or dimensions, for vectors that are not finite, for u and v
    of no area, and for rays that lie in the detector.
    """

    names: ClassVar[tuple[str, ...]] = ("vector_beam", "vectors")

    detectors: Vectors
    u: Vectors
    bins: int
    sources: Vectors | None
    directions: Vectors | None
    v: Vectors | None
    rows: int | None

    def __init__(
        self,
        detectors: Tensor | Sequence[Sequence[float]],
        u: Tensor | Sequence[Sequence[float]],
        bins: int,
        sources: Tensor | Sequence[Sequence[float]] | None = None,
        directions: Tensor | Sequence[Sequence[float]] | None = None,
        v: Tensor | Sequence[Sequence[float]] | None = None,
        rows: int | None = None,
    ) -> None:
        if (sources is None) == (directions is None):
            raise ValueError("VectorBeam expects sources for diverging or directions for parallel rays, one of them.")
        if (v is None) != (rows is None):
            raise ValueError("VectorBeam expects v and rows together: both in space, neither in the plane.")
        given = {"detectors": detectors, "u": u, "sources": sources, "directions": directions, "v": v}
        vectors = {name: None if value is None else _vectors(value, name) for name, value in given.items()}
        shapes = {name: (len(rows), len(rows[0])) for name, rows in vectors.items() if rows is not None}
        ndim = 2 if v is None else 3
        if len(set(shapes.values())) > 1 or shapes["u"][1] != ndim:
            raise ValueError(
                f"VectorBeam expects {ndim} components of each vector and as many of each as there are views, got "
                + ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
                + "."
            )
        for name, value in vectors.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "bins", checked_count(bins, "VectorBeam", "bins"))
        object.__setattr__(self, "rows", None if rows is None else checked_count(rows, "VectorBeam", "rows"))
        self._refuse_flat_views()

    def _refuse_flat_views(self) -> None:
        """A detector seen edge on measures nothing."""
        frames = self.frames()
        spans = frames.points if self.sources is None else frames.directions
        middle = self._ray()
        edges = torch.stack((middle, *spans.unbind(1)[1:]), -1)
        volume = torch.linalg.det(edges / edges.norm(dim=1, keepdim=True).clamp_min(1e-300)).abs()
        if float(volume.min()) < 1e-9:
            raise ValueError(
                f"VectorBeam expects rays that cross the detector; in view {int(volume.argmin())} none does."
            )

    def _ray(self) -> Tensor:
        """The central ray of every view."""
        if self.directions is not None:
            return torch.tensor(self.directions, dtype=torch.float64)
        return torch.tensor(self.detectors, dtype=torch.float64) - torch.tensor(self.sources, dtype=torch.float64)

    @classmethod
    def of(cls, geometry: Geometry) -> VectorBeam:
        """The vectors of another geometry; ValueError for a curved detector, which has none."""
        frames, (*rows, bins) = geometry.frames(), geometry.shape[1:]
        if frames.cosine is not None:
            raise ValueError("VectorBeam describes flat detectors, and the detector of this FanBeam is curved.")
        sources = frames.sources
        spans = frames.points if sources is None else frames.directions
        corner = frames.points[:, 0] if sources is None else frames.points[:, 0] + frames.directions[:, 0]
        middle = corner + (bins - 1) / 2 * spans[:, 1]
        if rows:
            middle = middle + (rows[0] - 1) / 2 * spans[:, 2]
        return cls(
            middle,
            spans[:, 1],
            bins,
            sources,
            frames.directions[:, 0] if sources is None else None,
            spans[:, 2] if rows else None,
            rows[0] if rows else None,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(views, bins), in space (views, rows, bins)."""
        return (len(self.u), self.bins) if self.rows is None else (len(self.u), self.rows, self.bins)

    def take(self, views: Sequence[int]) -> Self:
        taken = checked_views(views, len(self.detectors), type(self).__name__)

        def chosen(vectors: Vectors) -> Vectors:
            return tuple(vectors[view] for view in taken)

        sources, directions, v = (
            None if vectors is None else chosen(vectors) for vectors in (self.sources, self.directions, self.v)
        )
        return type(self)(chosen(self.detectors), chosen(self.u), self.bins, sources, directions, v, self.rows)

    def frames(self) -> Frames:
        detectors, u = (torch.tensor(vectors, dtype=torch.float64) for vectors in (self.detectors, self.u))
        spans = [u] if self.v is None else [u, torch.tensor(self.v, dtype=torch.float64)]
        corner = detectors - (self.bins - 1) / 2 * u
        if self.rows is not None:
            corner = corner - (self.rows - 1) / 2 * spans[1]
        fixed = [torch.zeros_like(u)] * len(spans)
        if self.sources is None:
            return Frames(torch.stack((corner, *spans), 1), torch.stack((self._ray(), *fixed), 1))
        sources = torch.tensor(self.sources, dtype=torch.float64)
        return Frames(torch.stack((sources, *fixed), 1), torch.stack((corner - sources, *spans), 1))

    def __repr__(self) -> str:
        kind = "parallel" if self.sources is None else "diverging"
        return f"VectorBeam({len(self.u)} {kind} views, detector {'×'.join(map(str, self.shape[1:]))})"


def _vectors(values: Any, name: str) -> Vectors:
    """Tuples of finite numbers from a tensor or nested sequence ``(views, d)``."""
    listed = values.tolist() if hasattr(values, "tolist") else values
    try:
        result = tuple(tuple(float(number) for number in vector) for vector in listed)
    except TypeError:
        raise TypeError(f"VectorBeam expects {name} to be a list of vectors, got {values!r}.") from None
    if not result or len({len(vector) for vector in result}) > 1:
        raise ValueError(f"VectorBeam expects at least one vector in {name}, all of one length.")
    if not all(isfinite(number) for vector in result for number in vector):
        raise ValueError(f"VectorBeam expects finite {name}, got NaN or infinity.")
    return result
