"""What fan and cone beams share: a source and a detector that turn about an axis between them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recon.operators.tensors import checked_number


def checked_distances(to_axis: Any, to_detector: Any, owner: str) -> tuple[float, float]:
    """Distances in mm from the source to the rotation axis and to the detector, which lies beyond the axis."""
    axis = checked_number(to_axis, owner, "source_to_axis", positive=True)
    detector = checked_number(to_detector, owner, "source_to_detector", positive=True)
    if detector < axis:
        raise ValueError(
            f"{owner} expects source_to_detector >= source_to_axis, both measured from the source, got {detector:g} "
            f"and {axis:g}; a detector {detector:g} mm behind the axis has source_to_detector={axis + detector:g}."
        )
    return axis, detector


def turning_axes(angles: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Unit vectors (y, x) of each view: from the source to the detector, and along growing bins; ``(views, 2)``."""
    beta = torch.tensor(angles, dtype=torch.float64)
    return torch.stack((beta.cos(), -beta.sin()), -1), torch.stack((beta.sin(), beta.cos()), -1)
