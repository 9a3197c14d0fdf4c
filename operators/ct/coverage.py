"""Scans that cannot be meant: sources inside the object, detectors that miss it."""

from __future__ import annotations

from warnings import warn

import torch
from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.volume import Volume


def check_coverage(volume: Volume, geometry: Geometry, owner: str) -> None:
    """Refuse a source inside the volume; warn where most views miss part of it across the rotation axis.

    Along the axis, where cone beams always miss something, nothing is said.
    """
    shape, spacing, centre = (
        torch.tensor(v, dtype=torch.float64) for v in (volume.shape, volume.spacing, volume.offset)
    )
    sources = geometry.frames().sources
    if sources is not None:
        inside = ((sources - centre).abs() < shape * spacing / 2).all(-1)
        if bool(inside.any()):
            view = int(inside.nonzero()[0])
            place = ", ".join(f"{c:.6g}" for c in sources[view].tolist())
            raise ValueError(
                f"{owner} expects sources outside the volume, view {view} has its source inside, at ({place}) mm; "
                "check source_to_axis and the volume's spacing, both in mm."
            )
    radius = float((shape * spacing)[-2:].min()) / 2
    reach = _reach(geometry, centre[-2:])
    seen = float(reach.median())
    if seen < 0.98 * radius - float(spacing[-2:].max()):
        warn(
            f"{owner} has a detector that sees {seen:.6g} mm to either side of the volume's centre, whose inscribed "
            f"circle has a radius of {radius:.6g} mm; what lies outside makes false values inside unless it is empty. "
            "Use a smaller volume, or check pitch and spacing, both in mm.",
            stacklevel=3,
        )


def _reach(geometry: Geometry, centre: Tensor) -> Tensor:
    """Distance in mm from ``centre`` of the farther of the two outermost rays, in the plane (y, x), per view."""
    frames, detector = geometry.frames(), geometry.shape[1:]
    if len(detector) == 2:
        middle = torch.tensor([1.0, 0.0, detector[0] // 2], dtype=torch.float64)[:, None]
        points, directions = (
            torch.cat(((part * middle).sum(1, keepdim=True), part[:, 1:2]), 1)[..., 1:]
            for part in (frames.points, frames.directions)
        )
        frames = Frames(points, directions)
    points, directions = frames.rays(detector[-1:])
    ends, along = points[:, [0, -1]] - centre, directions[:, [0, -1]]
    across = ends[..., 0] * along[..., 1] - ends[..., 1] * along[..., 0]
    reach: Tensor = (across.abs() / along.norm(dim=-1).clamp_min(1e-12)).amax(-1)
    return reach
