"""ASTRA's geometries among ours, and ours among ASTRA's. ASTRA itself is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from recon.operators.bridges.circular import circular
from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume

Array = NDArray[np.float64]

_KINDS = (
    "parallel", "parallel_vec", "fanflat", "fanflat_vec", "parallel3d", "parallel3d_vec", "cone", "cone_vec",
)  # fmt: skip
_GRID = ("GridSliceCount", "GridRowCount", "GridColCount")


def from_astra(
    proj_geom: Mapping[str, Any], vol_geom: Mapping[str, Any], *, flip_rows: bool = False
) -> tuple[Geometry, Volume]:
    """The geometry and the volume that ASTRA's dictionaries describe, its unit of length taken as mm.

    Images and sinograms of two dimensions have the same axes here and there; volumes too, ``(z, y, x)``, while
    projections of volumes are ``(rows, angles, columns)`` in ASTRA and ``(angles, rows, bins)`` here.

    ASTRA's y axis runs against the rows of an image, but along those of a volume. In two dimensions its angles θ
    are therefore −θ here, and its fans, which turn the other way than ours, come as
    :class:`~recon.operators.ct.vector_beam.VectorBeam`.

    Parameters
    ----------
    proj_geom
        A geometry of the types ``parallel``, ``fanflat``, ``parallel3d``, ``cone`` or their vector forms. Vectors that
        are those of a parallel, fan or cone beam, circular or helical, come as such.
    vol_geom
        The pixel grid, with or without windows.
    flip_rows
        In two dimensions, takes images with their rows in the reverse order of ASTRA's, bottom row first. Angles then
        keep their sign, and fans come as :class:`~recon.operators.ct.fan_beam.FanBeam`.

    Errors: ValueError for other types, for missing entries, and for ``flip_rows`` with a volume.
    """
    kind = proj_geom.get("type")
    if kind not in _KINDS:
        raise ValueError(f"from_astra expects a projection geometry of type {', '.join(_KINDS)}, got {kind!r}.")
    thick = "3d" in kind or "cone" in kind
    up = _row_direction(thick, flip_rows, "from_astra")
    vectors = _array(proj_geom, "Vectors") if kind.endswith("_vec") else _vectors(kind, proj_geom)
    d = 3 if thick else 2
    if vectors.ndim != 2 or vectors.shape[1] != d * (d + 1):
        raise ValueError(f"from_astra expects {d * (d + 1)} numbers a view in Vectors, got shape {vectors.shape}.")
    vectors = vectors.reshape(len(vectors), d + 1, d)[..., ::-1].copy()
    vectors[..., -2] *= up
    start, detector, u, *v = (torch.from_numpy(vectors[:, part].copy()) for part in range(d + 1))
    bins = _entry(proj_geom, "DetectorColCount" if thick else "DetectorCount")
    beam = VectorBeam(
        detector,
        u,
        bins,
        sources=None if "parallel" in kind else start,
        directions=start if "parallel" in kind else None,
        v=v[0] if v else None,
        rows=_entry(proj_geom, "DetectorRowCount") if thick else None,
    )
    angles = None if kind.endswith("_vec") else (up * _array(proj_geom, "ProjectionAngles")).tolist()
    return circular(beam, angles), _volume(vol_geom, thick, up)


def to_astra(geometry: Geometry, volume: Volume, *, flip_rows: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """ASTRA's dictionaries of a projection geometry and of a volume, for arrays as in :func:`from_astra`.

    Scans with no offsets come by their names, others and, with rows as they are, fans by their vectors.

    Parameters
    ----------
    geometry, volume
        What ``astra.create_projector`` and the like are to be given.
    flip_rows
        In two dimensions, means images whose rows ASTRA has in the reverse order.

    Errors: ValueError for curved detectors, which ASTRA has none of in the plane, for a volume of other dimensions
    than the geometry, and for ``flip_rows`` with a volume.
    """
    if volume.ndim != geometry.ndim:
        raise ValueError(f"to_astra expects a volume of {geometry.ndim} axes, got {volume.shape}.")
    if isinstance(geometry, FanBeam) and geometry.detector == "curved":
        raise ValueError("to_astra expects a flat detector, ASTRA has no fan beams with a curved one.")
    thick = volume.ndim == 3
    up = _row_direction(thick, flip_rows, "to_astra")
    return _named(geometry, up) or _by_vectors(geometry, up), _grid(volume, up)


def _row_direction(thick: bool, flip_rows: bool, owner: str) -> Literal[-1, 1]:
    """The sign of ASTRA's y along our rows."""
    if thick and flip_rows:
        raise ValueError(f"{owner} flips rows in two dimensions only; in three ASTRA's y axis is ours.")
    return 1 if thick or flip_rows else -1


def _entry(geometry: Mapping[str, Any], name: str) -> Any:
    if name not in geometry:
        raise ValueError(f"from_astra expects {name} in ASTRA's geometry, got {', '.join(geometry)}.")
    return geometry[name]


def _array(geometry: Mapping[str, Any], name: str) -> Array:
    return np.asarray(_entry(geometry, name), dtype=np.float64)


def _vectors(kind: str, geometry: Mapping[str, Any]) -> Array:
    """The vectors of a named geometry, in ASTRA's order and coordinates."""
    angles = _array(geometry, "ProjectionAngles")
    zero = np.zeros_like(angles)
    ahead = np.stack((-np.sin(angles), np.cos(angles), zero), 1)
    across = np.stack((np.cos(angles), np.sin(angles), zero), 1)
    source, detector = 1.0, 0.0
    if "parallel" not in kind:
        source = float(_entry(geometry, "DistanceOriginSource"))
        detector = float(_entry(geometry, "DistanceOriginDetector"))
    if kind in ("parallel", "fanflat"):
        width = float(_entry(geometry, "DetectorWidth"))
        return np.concatenate((-source * ahead[:, :2], detector * ahead[:, :2], width * across[:, :2]), 1)
    wide, high = (float(_entry(geometry, f"DetectorSpacing{axis}")) for axis in "XY")
    along = np.tile([0.0, 0.0, high], (len(angles), 1))
    return np.concatenate((-source * ahead, detector * ahead, wide * across, along), 1)


def _volume(geometry: Mapping[str, Any], thick: bool, up: int) -> Volume:
    counts = [int(_entry(geometry, name)) for name in _GRID[0 if thick else 1 :]]
    option = geometry.get("option", {})
    spacing, offset = [], []
    for axis, count in zip("ZYX"[-len(counts) :], counts, strict=True):
        low, high = (float(option.get(f"Window{end}{axis}", s * count / 2)) for end, s in (("Min", -1), ("Max", 1)))
        spacing.append((high - low) / count)
        offset.append((high + low) / 2 * (up if axis == "Y" else 1))
    return Volume(counts, spacing, offset)


def _grid(volume: Volume, up: int) -> dict[str, Any]:
    result: dict[str, Any] = dict(zip(_GRID[-volume.ndim :], volume.shape, strict=True))
    option: dict[str, float] = {}
    for axis, count, step, middle in zip(
        "ZYX"[-volume.ndim :], volume.shape, volume.spacing, volume.offset, strict=True
    ):
        centre = middle * (up if axis == "Y" else 1)
        option[f"WindowMin{axis}"], option[f"WindowMax{axis}"] = centre - count * step / 2, centre + count * step / 2
    return {**result, "option": option}


def _named(geometry: Geometry, up: int) -> dict[str, Any] | None:
    """ASTRA's name for the geometry, where it has one."""
    match geometry:
        case ParallelBeam(offset=0.0):
            angles = up * np.array(geometry.angles)
            return {
                "type": "parallel",
                "DetectorWidth": geometry.pitch,
                "DetectorCount": geometry.bins,
                "ProjectionAngles": angles,
            }
        case FanBeam(offset=0.0, source_offset=0.0, axis_offset=0.0) if up > 0:
            return {
                "type": "fanflat",
                "DetectorWidth": geometry.pitch,
                "DetectorCount": geometry.bins,
                "ProjectionAngles": np.array(geometry.angles),
                "DistanceOriginSource": geometry.source_to_axis,
                "DistanceOriginDetector": geometry.source_to_detector - geometry.source_to_axis,
            }
        case ParallelBeam3D(offset=(0.0, 0.0)):
            return {"type": "parallel3d", **_panel(geometry)}
        case ConeBeam(offset=(0.0, 0.0), source_offset=(0.0, 0.0), axis_offset=0.0, helical_pitch=0.0):
            return {
                "type": "cone",
                **_panel(geometry),
                "DistanceOriginSource": geometry.source_to_axis,
                "DistanceOriginDetector": geometry.source_to_detector - geometry.source_to_axis,
            }
    return None


def _panel(geometry: ParallelBeam3D | ConeBeam) -> dict[str, Any]:
    return {
        "DetectorSpacingX": geometry.pitch[1],
        "DetectorSpacingY": geometry.pitch[0],
        "DetectorRowCount": geometry.rows,
        "DetectorColCount": geometry.bins,
        "ProjectionAngles": np.array(geometry.angles),
    }


def _by_vectors(geometry: Geometry, up: int) -> dict[str, Any]:
    beam = geometry if isinstance(geometry, VectorBeam) else VectorBeam.of(geometry)
    start = -np.array(beam.directions) if beam.sources is None else np.array(beam.sources)
    parts = [start, np.array(beam.detectors), np.array(beam.u), *([] if beam.v is None else [np.array(beam.v)])]
    vectors = np.stack(parts, 1)
    vectors[..., -2] *= up
    table = np.ascontiguousarray(vectors[..., ::-1].reshape(len(vectors), -1), dtype=np.float64)
    parallel = beam.sources is None
    if beam.rows is None:
        kind = "parallel_vec" if parallel else "fanflat_vec"
        return {"type": kind, "DetectorCount": beam.bins, "Vectors": table}
    kind = "parallel3d_vec" if parallel else "cone_vec"
    return {"type": kind, "DetectorRowCount": beam.rows, "DetectorColCount": beam.bins, "Vectors": table}
