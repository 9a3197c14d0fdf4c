"""What operators say about the axes of images and samples of MRI."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators import CartesianMRI, NonCartesianMRI, Operator, SoftSENSE


def image_ndim(operator: Operator) -> int:
    """How many axes are an image's own; those before are of a stack, of coils or of sets."""
    if isinstance(operator, NonCartesianMRI):
        return operator.trajectory.ndim
    sampling = operator.sampling if isinstance(operator, SoftSENSE) else operator
    return sampling.ndim if isinstance(sampling, CartesianMRI) else 2


def kspace_radius(operator: Operator) -> Tensor | None:
    """The distance of every sample of one coil from the centre of k-space; None for data of other kinds."""
    if isinstance(operator, NonCartesianMRI):
        parts = [entry.trajectory.points.detach().square().sum(0).sqrt() for entry in operator.transforms]
        lead = (len(parts), *(1,) * (len(operator.range_shape) - 3)) if len(parts) > 1 else ()
        return torch.stack(parts).reshape(*lead, *parts[0].shape)
    sampling = operator.sampling if isinstance(operator, SoftSENSE) else operator
    if not isinstance(sampling, CartesianMRI):
        return None
    sizes = sampling.range_shape[-sampling.ndim :]
    axes = torch.meshgrid(*((torch.arange(n) - n // 2) / n for n in sizes), indexing="ij")
    return torch.stack(axes).square().sum(0).sqrt()
