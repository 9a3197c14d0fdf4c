"""ODL's scan geometries among ours, and ours among ODL's."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray

from recon.operators.bridges.circular import circular, tidy
from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume

Array = NDArray[np.float64]


@overload
def from_odl_geometry(geometry: Any, space: None = None) -> Geometry: ...
@overload
def from_odl_geometry(geometry: Any, space: Any) -> tuple[Geometry, Volume]: ...
def from_odl_geometry(geometry: Any, space: Any = None) -> Geometry | tuple[Geometry, Volume]:
    """The rays of an ODL geometry and, with a ``space`` of images, its pixel grid; lengths are taken as mm.

    Coordinates are the same, the axes of arrays are in reverse order: ODL's images are ``(x, y)`` and ours
    ``(y, x) = x.T``, its volumes ``(x, y, z)`` and ours ``x.permute(2, 1, 0)``. Projections ``(angles, bins)`` are the
    same; those of volumes are ``(angles, u, v)`` there and ``(angles, rows v, bins u)`` here.

    Parameters
    ----------
    geometry
        A ``Parallel2dGeometry``, ``Parallel3dAxisGeometry``, ``FanBeamGeometry`` or ``ConeBeamGeometry`` with evenly
        spaced bins, any axes, translation and shifts. What is no parallel, fan or cone beam of ours comes as
        :class:`~recon.operators.ct.vector_beam.VectorBeam`.
    space
        An ``odl.uniform_discr`` space.

    Errors: TypeError for anything else; ValueError for uneven bins or pixels, for cylindrical and spherical detectors,
    and for curved ones whose centre is not the source.
    """
    import odl

    kinds = [
        getattr(odl.applications.tomo, f"{name}Geometry")
        for name in ("Parallel2d", "Parallel3dAxis", "FanBeam", "ConeBeam")
    ]
    if not isinstance(geometry, tuple(kinds)):
        names = ", ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"from_odl_geometry expects one of ODL's {names}, got {type(geometry).__name__}.")
    rays = _rays(geometry)
    return rays if space is None else (rays, _volume(space))


@overload
def to_odl_geometry(geometry: Geometry, volume: None = None) -> Any: ...
@overload
def to_odl_geometry(geometry: Geometry, volume: Volume) -> tuple[Any, Any]: ...
def to_odl_geometry(geometry: Geometry, volume: Volume | None = None) -> Any:
    """ODL's geometry with these rays and, with a ``volume``, the space of its images; see :func:`from_odl_geometry`.

    Errors: ValueError for angles that do not increase from view to view, which ODL's always do, and for a
    :class:`~recon.operators.ct.vector_beam.VectorBeam`, which has no counterpart.
    """
    import odl

    if not isinstance(geometry, ParallelBeam | ParallelBeam3D | FanBeam | ConeBeam):
        raise ValueError(f"to_odl_geometry expects a parallel, fan or cone beam, got {type(geometry).__name__}.")
    angles = np.array(geometry.angles)
    if len(angles) > 1 and float(np.diff(angles).min()) <= 0:
        raise ValueError(
            "to_odl_geometry expects angles that increase from view to view, got others; put the views in order with "
            "geometry.take."
        )
    turn = odl.nonuniform_partition(angles) if len(angles) > 1 else odl.uniform_partition(angles[0], angles[0], 1)
    tomo = odl.applications.tomo
    match geometry:
        case ParallelBeam():
            result = tomo.Parallel2dGeometry(turn, _bins(geometry.bins, geometry.pitch, geometry.offset))
        case ParallelBeam3D():
            result = tomo.Parallel3dAxisGeometry(turn, _panel(geometry))
        case FanBeam():
            curved = geometry.detector == "curved"
            unit = geometry.source_to_detector if curved else 1.0
            result = tomo.FanBeamGeometry(
                turn,
                _bins(geometry.bins, geometry.pitch / unit, geometry.offset / unit),
                geometry.source_to_axis,
                geometry.source_to_detector - geometry.source_to_axis,
                det_curvature_radius=unit if curved else None,
                src_shift_func=_Shift(0.0, geometry.source_offset - geometry.axis_offset),
                det_shift_func=_Shift(0.0, geometry.axis_offset),
            )
        case ConeBeam():
            height, aside = geometry.source_offset
            result = tomo.ConeBeamGeometry(
                turn,
                _panel(geometry),
                geometry.source_to_axis,
                geometry.source_to_detector - geometry.source_to_axis,
                pitch=geometry.helical_pitch,
                src_shift_func=_Shift(0.0, aside - geometry.axis_offset, height),
                det_shift_func=_Shift(0.0, geometry.axis_offset, 0.0),
            )
    return result if volume is None else (result, _space(volume))


class _Shift:
    """The same shift at all angles; a class, so that geometries pickle.

    ODL counts the tangential shift of a source along growing bins, that of a detector against them.
    """

    def __init__(self, *shift: float) -> None:
        self.shift = shift

    def __call__(self, angle: Any) -> Array:
        return np.tile(np.array(self.shift), (np.size(angle), 1))


def _bins(count: int, pitch: float, offset: float) -> Any:
    import odl

    return odl.uniform_partition(offset - count * pitch / 2, offset + count * pitch / 2, count)


def _panel(geometry: ParallelBeam3D | ConeBeam) -> Any:
    import odl

    counts, pitch, offset = (
        np.array(pair[::-1]) for pair in ((geometry.rows, geometry.bins), geometry.pitch, geometry.offset)
    )
    return odl.uniform_partition(offset - counts * pitch / 2, offset + counts * pitch / 2, counts)


def _rays(geometry: Any) -> Geometry:
    middle, steps, counts = _even(geometry.det_partition, "bins on the detector")
    angles = np.asarray(geometry.angles, dtype=np.float64)
    detector = type(geometry.detector).__name__
    if detector not in ("Flat1dDetector", "Flat2dDetector", "CircularDetector"):
        raise ValueError(f"from_odl_geometry expects a flat or a circular detector, got ODL's {detector}.")
    if detector == "CircularDetector":
        return _curved(geometry, angles, float(middle[0]), float(steps[0]), counts[0])
    axes = geometry.det_axis(angles)[:, None] if geometry.ndim == 2 else geometry.det_axes(angles)
    centre = geometry.det_point_position(angles, float(middle[0]) if len(middle) == 1 else middle)
    sources = directions = None
    if hasattr(geometry, "src_position"):
        sources = _ours(geometry.src_position(angles))
    else:
        directions = _ours(-geometry.det_to_src(angles, float(middle[0]) if len(middle) == 1 else middle))
    u, *v = (_ours(axes[:, axis] * steps[axis]) for axis in range(len(steps)))
    rows = counts[1] if v else None
    beam = VectorBeam(_ours(centre), u, counts[0], sources, directions, v[0] if v else None, rows)
    return circular(beam, angles.tolist())


def _curved(geometry: Any, angles: Array, middle: float, step: float, bins: int) -> FanBeam:
    """A fan on an arc about its source; the arc may lie beside the source by ``source_offset``."""
    ahead, across = np.array(geometry.src_to_det_init), np.array(geometry.det_axis_init)
    start = float(np.arctan2(across[1], across[0]))
    beta = angles + start
    e, u = np.stack((-np.sin(beta), np.cos(beta)), 1), np.stack((np.cos(beta), np.sin(beta)), 1)
    radius = float(geometry.det_curvature_radius)
    source = np.asarray(geometry.src_position(angles))
    centre = np.asarray(geometry.det_refpoint(angles)) - radius * e
    to_axis, axis_offset = -float(centre[0] @ e[0]), tidy(-float(centre[0] @ u[0]), radius)
    source_offset = tidy(float((source[0] - centre[0]) @ u[0]), radius)
    off = (
        np.abs(source - (-to_axis * e + (source_offset - axis_offset) * u)).max()
        + np.abs(centre - (-to_axis * e - axis_offset * u)).max()
    )
    if off > 1e-9 * radius or abs(ahead @ across) > 1e-9 or to_axis <= 0:
        raise ValueError(
            "from_odl_geometry expects a curved detector with its centre at the source's distance and level with it in "
            f"every view, got a radius of {radius:g}, a source at {geometry.src_radius:g} and a detector at "
            f"{geometry.det_radius:g}."
        )
    return FanBeam(
        beta.tolist() if start else angles.tolist(),
        bins,
        to_axis,
        radius,
        radius * step,
        detector="curved",
        offset=radius * middle,
        source_offset=source_offset,
        axis_offset=axis_offset,
    )


def _ours(vectors: Any) -> torch.Tensor:
    """ODL's vectors (x, y, ...) with their components in the order of our axes."""
    return torch.from_numpy(np.ascontiguousarray(np.asarray(vectors, dtype=np.float64)[..., ::-1]))


def _even(partition: Any, what: str) -> tuple[Array, Array, tuple[int, ...]]:
    """Middle, steps and counts of an evenly spaced partition."""
    grid = partition.grid
    if not grid.is_uniform:
        raise ValueError(f"from_odl_geometry expects evenly spaced {what}, got {partition}.")
    counts = tuple(int(count) for count in grid.shape)
    ends = np.array([(points[0], points[-1]) for points in grid.coord_vectors], dtype=np.float64)
    sides = np.array(partition.max_pt - partition.min_pt, dtype=np.float64)
    span = [(b - a) / (n - 1) if n > 1 else side for (a, b), n, side in zip(ends, counts, sides, strict=True)]
    return ends.mean(1), np.array(span), counts


def _volume(space: Any) -> Volume:
    import odl

    if not isinstance(space, odl.DiscretizedSpace) or space.ndim not in (2, 3):
        raise TypeError(
            f"from_odl_geometry expects a discretised space of two or three axes, got {type(space).__name__}."
        )
    middle, steps, counts = _even(space.partition, "pixels")
    return Volume(counts[::-1], steps[::-1].tolist(), middle[::-1].tolist())


def _space(volume: Volume) -> Any:
    import odl

    counts, spacing, middle = (np.array(entry[::-1]) for entry in (volume.shape, volume.spacing, volume.offset))
    return odl.uniform_discr(middle - counts * spacing / 2, middle + counts * spacing / 2, counts)
