"""Small helpers on tensors that every room uses."""

from __future__ import annotations

from numbers import Real
from typing import Any

import torch
from torch import Tensor


def matching_dtype(value: Tensor, like: Tensor) -> torch.dtype:
    """The dtype of ``value`` in the precision of ``like``; integers and booleans become real numbers."""
    real = torch.zeros((), dtype=like.dtype).real.dtype if like.is_complex() else like.dtype
    return real.to_complex() if value.is_complex() else real


def is_number(value: object) -> bool:
    """Whether a value is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def fixed(value: Any, owner: str, name: str) -> Tensor:
    """A private, detached copy of an array-like argument; refuses tensors that require gradients."""
    tensor = torch.as_tensor(value)
    if tensor.requires_grad:
        raise ValueError(
            f"{owner} is not differentiable in its {name}; pass {name}.detach(), or build the operator "
            "with LinearOperator.from_functions for gradients through closures."
        )
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{owner} expects finite numbers in {name}, got NaN or infinity.")
    return tensor.detach().clone()


def per_item(value: float | Tensor, x: Tensor, ndim: int) -> float | Tensor:
    """A scalar, per-item or per-element ``value``, shaped to broadcast against ``x``.

    ``x`` has ``ndim`` trailing item dimensions. A tensor of the shape of x's batch holds one value
    per item; one of more dimensions must broadcast against x by itself.
    """
    if not isinstance(value, Tensor) or value.ndim == 0:
        return value
    batch = tuple(x.shape[: x.ndim - ndim])
    if tuple(value.shape) == batch:
        return value.reshape(*batch, *(1,) * ndim)
    if value.ndim <= x.ndim and torch.broadcast_shapes(value.shape, x.shape) == x.shape:
        return value
    raise ValueError(
        f"expected a number, one value per item {batch} or one per element {tuple(x.shape)}, "
        f"got shape {tuple(value.shape)}."
    )


def item_sum(x: Tensor, ndim: int) -> Tensor:
    """Sum over the last ``ndim`` dimensions, leaving one value per batch item (ndim 0 sums nothing)."""
    return x.flatten(x.ndim - ndim).sum(-1) if ndim else x


def item_norm(x: Tensor, ndim: int) -> Tensor:
    """Euclidean norm over the last ``ndim`` dimensions, one real value per batch item."""
    return torch.linalg.vector_norm(x.flatten(x.ndim - ndim), dim=-1) if ndim else x.abs()


def item_dot(x: Tensor, y: Tensor, ndim: int) -> Tensor:
    """Real part of ⟨x, y⟩ over the last ``ndim`` dimensions, one value per batch item."""
    product = (x.conj() * y).real if x.is_complex() or y.is_complex() else x * y
    return item_sum(product, ndim)
