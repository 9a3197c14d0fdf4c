"""Vectors of a scan that are those of a circular one, recognised."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.divergent import turning_axes
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.vector_beam import VectorBeam

CLOSE = 1e-9
"""Largest difference of rays that are called the same, in radians and relative to the size of the scan."""


def circular(beam: VectorBeam, angles: Sequence[float] | None = None) -> Geometry:
    """The parallel, fan or cone beam that has the rays of these vectors, in the same order; ``beam`` where none has.

    Angles are those of u, of which whole turns are chosen to be near ``angles``, if given, and else such that they
    advance by less than half a turn. A source beside the middle of a fan is told as ``axis_offset``.
    """
    u = torch.tensor(beam.u, dtype=torch.float64)
    turned = torch.atan2(u[:, -2], u[:, -1])
    if angles is None:
        steps = turned.diff(prepend=turned[:1])
        turned = turned - torch.round(steps / (2 * pi)).cumsum(0) * 2 * pi
    else:
        given = torch.tensor(list(angles), dtype=torch.float64)
        apart = torch.remainder(turned - given + pi, 2 * pi) - pi
        turned = torch.where(apart.abs() < CLOSE, given, given + apart)
    try:
        candidate = _parallel(beam, turned) if beam.sources is None else _diverging(beam, turned)
    except ValueError:
        return beam
    return candidate if _same_rays(candidate, beam) else beam


def _frame(angles: Tensor, ndim: int) -> tuple[Tensor, Tensor]:
    """Unit vectors of the first view: from the source to the detector and along growing bins, ``(d,)``."""
    e, u = (axis[0] for axis in turning_axes((float(angles[0]),)))
    lift = (ndim - 2, 0)
    return torch.nn.functional.pad(e, lift), torch.nn.functional.pad(u, lift)


def _parallel(beam: VectorBeam, angles: Tensor) -> Geometry:
    centre, pitch = torch.tensor(beam.detectors[0], dtype=torch.float64), _length(beam.u[0])
    _, u = _frame(angles, beam.ndim)
    offset = tidy(centre @ u, pitch)
    if beam.v is None or beam.rows is None:
        return ParallelBeam(angles, beam.bins, pitch, offset)
    pitches = (_length(beam.v[0]), pitch)
    return ParallelBeam3D(angles, beam.rows, beam.bins, pitches, (tidy(centre[0], pitches[0]), offset))


def _diverging(beam: VectorBeam, angles: Tensor) -> Geometry:
    assert beam.sources is not None
    sources, centres = (torch.tensor(part, dtype=torch.float64) for part in (beam.sources, beam.detectors))
    source, centre, pitch = sources[0], centres[0], _length(beam.u[0])
    e, u = _frame(angles, beam.ndim)
    to_axis, to_detector = -float(source @ e), float((centre - source) @ e)
    axis_offset = tidy(-source @ u, to_detector)
    offset = tidy(centre @ u + axis_offset, to_detector)
    if beam.v is None or beam.rows is None:
        return FanBeam(angles, beam.bins, to_axis, to_detector, pitch, offset=offset, axis_offset=axis_offset)
    far = int((angles - angles[0]).abs().argmax())
    turn = float(angles[far] - angles[0])
    slope = float(sources[far, 0] - sources[0, 0]) / turn if turn else 0.0
    slope = slope if abs(slope * turn) > CLOSE * to_detector else 0.0
    height = slope * float(angles[0])
    return ConeBeam(
        angles,
        beam.rows,
        beam.bins,
        to_axis,
        to_detector,
        (_length(beam.v[0]), pitch),
        (tidy(centre[0] - height, to_detector), offset),
        (tidy(source[0] - height, to_detector), 0.0),
        axis_offset,
        slope * 2 * pi,
    )


def tidy(offset: Tensor | float, size: float) -> float:
    """An offset, zero where it is nothing but rounding of lengths of ``size``."""
    return float(offset) if abs(float(offset)) > 1e-13 * abs(size) else 0.0


def _length(vector: Sequence[float]) -> float:
    return float(torch.tensor(vector, dtype=torch.float64).norm())


def _same_rays(one: Geometry, other: Geometry) -> bool:
    """Whether rays of two flat detectors are the same lines in every view, by those at the detectors' corners."""
    corners = [torch.tensor([0.0, max(size - 1, 1)], dtype=torch.float64) for size in one.shape[1:]]
    (points, directions), (others, along) = one.frames().at(*corners), other.frames().at(*corners)
    between = points - others
    beside = between - (between * along).sum(-1, keepdim=True) * along
    turned = directions - (directions * along).sum(-1, keepdim=True) * along
    scale = float(points.abs().max()) + float(others.abs().max())
    return float(turned.abs().max()) < CLOSE and float(beside.abs().max()) < CLOSE * max(scale, 1e-300)
