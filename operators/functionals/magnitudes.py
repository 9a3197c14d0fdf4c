"""Magnitudes of entries or of groups of entries, which penalties on sparsity act on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.tensors import learnable, per_item


def squares(x: Tensor) -> Tensor:
    """|x|² entry by entry."""
    return torch.view_as_real(x).square().sum(-1) if x.is_complex() else x.square()


def magnitudes(x: Tensor, ndim: int, groups: bool) -> Tensor:
    """|x|, or the Euclidean norms over the first of ``ndim`` item dimensions, kept with size 1.

    Norms are at least the least normal number: there the root has a derivative.
    """
    if not groups:
        return x.abs()
    square = squares(x)
    return square.sum(x.ndim - ndim, keepdim=True).clamp(min=torch.finfo(square.dtype).tiny).sqrt()


def presence(x: Tensor, ndim: int, groups: bool) -> Tensor:
    """1 for entries (or groups, kept with size 1) that are not zero, 0 for others, NaN for NaN."""
    size = x.abs().amax(x.ndim - ndim, keepdim=True) if groups else x.abs()
    return torch.where(size.isnan(), size, (size != 0).to(size.dtype))


def with_magnitudes(x: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """x with magnitudes ``new`` in place of ``old`` and its phases kept."""
    return x * (new / torch.where(old == 0, 1, old))


def nonnegative_weights(weights: Tensor | float, shape: Sequence[int], owner: str) -> Tensor:
    """Weights of a penalty on magnitudes of ``shape``, as a floating-point tensor; refuses others and negative ones."""
    numbers = learnable(weights, owner, "weights")
    numbers = numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())
    if bool((numbers < 0).any()):
        raise ValueError(f"{owner} expects nonnegative weights.")
    sizes = zip(numbers.shape[::-1], tuple(shape)[::-1], strict=False)
    if numbers.ndim > len(shape) or any(w not in (1, n) for w, n in sizes):
        raise ValueError(
            f"{owner} expects weights that broadcast against {tuple(shape)}, got shape {tuple(numbers.shape)}."
        )
    return numbers


def check_groups(shape: Sequence[int], groups: bool, owner: str) -> None:
    """Refuse groups of items that have but one dimension."""
    if groups and len(shape) < 2:
        raise ValueError(f"{owner} with groups expects items (components, *shape), got shape {tuple(shape)}.")


def step_per_group(tau: float | Tensor, x: Tensor, ndim: int, groups: bool, owner: str) -> float | Tensor:
    """τ shaped to broadcast against magnitudes; refuses one that differs within groups."""
    step = per_item(tau, x, ndim)
    if groups and isinstance(step, Tensor) and step.ndim >= ndim and step.shape[-ndim] != 1:
        raise ValueError(
            f"{owner} has a closed-form prox for one step per group only, a tensor of shape (..., 1, *shape); got "
            f"{tuple(step.shape)}."
        )
    return step


def step_per_item(tau: float | Tensor, x: Tensor, ndim: int, owner: str) -> float | Tensor:
    """τ shaped to broadcast against items; refuses one that differs within them."""
    step = per_item(tau, x, ndim)
    if isinstance(step, Tensor) and any(n != 1 for n in step.shape[max(step.ndim - ndim, 0) :]):
        raise ValueError(
            f"{owner} has a closed-form prox for one step per item only, a number or a tensor of shape "
            f"{tuple(x.shape[: x.ndim - ndim])}; got {tuple(step.shape)}."
        )
    return step
