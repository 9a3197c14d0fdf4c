"""Small helpers on tensors and numbers that every room uses."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from reprlib import repr as shortened
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

ASKED = 16
"""Iterations of an inner loop for each time that it asks a device whether it is done."""


def matching_dtype(value: Tensor, like: Tensor) -> torch.dtype:
    """The dtype of ``value`` in the precision of ``like``; integers and booleans become real numbers."""
    real = torch.zeros((), dtype=like.dtype).real.dtype if like.is_complex() else like.dtype
    return real.to_complex() if value.is_complex() else real


def is_number(value: object) -> bool:
    """Whether a value is a real number of Python or NumPy, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def checked_number(value: Any, owner: str, name: str, positive: bool = False) -> float:
    """A finite float, optionally positive, or one sentence that names it."""
    wanted = f"{owner} expects a {'positive, ' if positive else ''}finite {name}"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{wanted}, got {value!r}.") from None
    if not isfinite(number) or (positive and number <= 0):
        raise ValueError(f"{wanted}, got {value!r}.")
    return number


def checked_count(value: Any, owner: str, name: str) -> int:
    """A positive whole number, or one sentence that names it."""
    try:
        if not isinstance(value, bool) and int(value) == value and value >= 1:
            return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{owner} expects {name} to be a positive whole number, got {value!r}.")


def exact(value: Any) -> Any:
    """A number of Python as a tensor in double precision, anything else as it is."""
    return torch.tensor(value, dtype=torch.float64) if is_number(value) else value


def fixed(value: Any, owner: str, name: str) -> Tensor:
    """A private, detached copy of an array-like argument; refuses tensors that require gradients."""
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":  # strides that torch explains itself
            raise
        shown = shortened(value) if value is None or isinstance(value, str | list | tuple) else type(value).__name__
        raise TypeError(
            f"{owner} expects {name} to be a tensor or numbers in rows of one length, got {shown}."
        ) from None
    if tensor.requires_grad:
        raise ValueError(
            f"{owner} is not differentiable in its {name}; pass {name}.detach(), or build the operator "
            "with LinearOperator.from_functions(..., differentiable=True)."
        )
    if not torch.isfinite(tensor).all():
        raise ValueError(f"{owner} expects finite numbers in {name}, got NaN or infinity.")
    return tensor.detach().clone()


def learnable(value: Any, owner: str, name: str) -> Tensor:
    """Like :func:`fixed`, but a tensor that requires gradients stays part of its graph, and numbers stay exact."""
    if isinstance(value, Tensor) and value.requires_grad:
        fixed(value.detach(), owner, name)
        return value.clone()
    return fixed(exact(value), owner, name)


def positive_weight(value: object, what: str) -> float | Tensor:
    """A positive, finite number as a float, or a tensor of such numbers (one, or one per item) as it is.

    Errors: ValueError, "``what``, got …".
    """
    if isinstance(value, Tensor):
        numbers = value.detach()
        real = not (value.is_complex() or value.dtype == torch.bool)
        if real and bool(((numbers > 0) & torch.isfinite(numbers)).all()):
            return value if value.is_floating_point() else value.to(torch.get_default_dtype())
    elif isinstance(value, Real) and is_number(value) and 0 < float(value) < float("inf"):
        return float(value)
    shown = f"a tensor with least value {float(value.min())}" if _is_real_tensor(value) else repr(value)
    raise ValueError(f"{what}, got {shown}.")


def _is_real_tensor(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and not value.is_complex() and value.numel() > 0


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


def shared_number(values: Tensor) -> float | None:
    """The number that all entries of a vector are; None where they differ, or a device would have to be waited for."""
    if waits(values.device):
        return None
    numbers = values.tolist()
    return numbers[0] if numbers and numbers.count(numbers[0]) == len(numbers) else None


def waits(device: torch.device) -> bool:
    """Whether reading a tensor on a device makes the host wait for what it was told to compute."""
    return device.type != "cpu"


def all_done(running: Tensor, iteration: int) -> bool:
    """Whether an inner loop over items may end: none of them runs any more.

    Asked at every iteration on the CPU, and at every 16th where the host has to wait for the answer: the loop masks
    items that are done, so that going on changes nothing.
    """
    return (not waits(running.device) or iteration % ASKED == ASKED - 1) and not bool(running.any())


def item_sum(x: Tensor, ndim: int) -> Tensor:
    """Sum over the last ``ndim`` dimensions, leaving one value per batch item (ndim 0 sums nothing)."""
    return x.flatten(x.ndim - ndim).sum(-1) if ndim else x


def item_norm(x: Tensor, ndim: int) -> Tensor:
    """Euclidean norm over the last ``ndim`` dimensions, one real value per batch item."""
    if not ndim:
        return x.abs()
    # As pairs of reals, of which torch takes norms tens of times faster than of complex numbers.
    parts = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
    norm: Tensor = torch.linalg.vector_norm(parts.flatten(x.ndim - ndim), dim=-1)
    return norm


def item_dot(x: Tensor, y: Tensor, ndim: int) -> Tensor:
    """Real part of ⟨x, y⟩ over the last ``ndim`` dimensions, one value per batch item."""
    if ndim and x.is_complex() and y.is_complex():
        pairs = torch.view_as_real(x.resolve_conj()) * torch.view_as_real(y.resolve_conj())
        return item_sum(pairs, ndim + 1)
    product = (x.conj() * y).real if x.is_complex() or y.is_complex() else x * y
    return item_sum(product, ndim)
