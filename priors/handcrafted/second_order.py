"""What priors on second derivatives with a field of their own share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import torch
from torch import Tensor

from recon.operators.functionals import GroupL1, SplitSum
from recon.operators.gradient import Gradient
from recon.operators.operator import Shape
from recon.operators.tensors import is_number
from recon.priors.handcrafted.differences import Differences

LARGEST = 256
"""Dimensions of a kernel up to which a basis of it is laid out."""


def affine_images(D: Gradient) -> Tensor | None:
    """Images (k, *shape) that span those affine along D's axes, any of the others; None for more than a few hundred."""
    shape, axes = D.domain_shape, D.axes
    others = [a for a in range(len(shape)) if a not in axes]
    count = prod(shape[a] for a in others)
    if count * (1 + len(axes)) > LARGEST:
        return None
    ramps = [torch.ones(shape, dtype=torch.float64)]
    for axis, h in zip(axes, D.spacing, strict=True):
        ramp = h * torch.arange(shape[axis], dtype=torch.float64)
        ramps.append((ramp - ramp.mean()).reshape(-1, *(1,) * (len(shape) - 1 - axis)).expand(shape))
    images = []
    for place in product(*(range(shape[a]) for a in others)):
        mask = torch.zeros(shape, dtype=torch.float64)
        mask[tuple(place[others.index(a)] if a in others else slice(None) for a in range(len(shape)))] = 1
        images += [mask * ramp for ramp in ramps]
    return torch.stack(images)


def two_norms(D: Gradient, ratio: float) -> SplitSum:
    """‖z₁‖₂,₁ + ratio·‖z₂‖₂,₁ for a vector field z₁ and a symmetric matrix field z₂, one after the other."""
    d = len(D.axes)
    shape = D.domain_shape
    first, second = GroupL1((d, *shape)), GroupL1((d * (d + 1) // 2, *shape), torch.tensor(ratio, dtype=torch.float64))
    return SplitSum(first, second)


def checked_ratio(ratio: float, owner: str) -> float:
    """The ratio of the two weights; refuses what is not positive."""
    if not (is_number(ratio) and 0 < ratio < float("inf")):
        raise ValueError(f"{owner} expects ratio > 0, got {ratio!r}.")
    return float(ratio)


def free_differences(owner: str, axes: Sequence[int] | None, spacing: float | Sequence[float]) -> Differences:
    """Settings of differences with free edges."""
    return Differences(owner, axes, "neumann", spacing, None)


def check_sides(shape: Shape, D: Gradient, owner: str) -> None:
    """Refuse images without second differences."""
    if all(shape[a] < 3 for a in D.axes):
        raise ValueError(
            f"{owner} needs at least 3 pixels along one of the axes {D.axes}, got images of shape {shape}."
        )
