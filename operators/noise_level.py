"""The size of noise: a number, one per item, or one per measurement."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.operators.tensors import learnable, per_item

Level = float | Tensor


def checked_level(value: Level, owner: str, name: str) -> Level:
    """The level, a copy if it is a tensor; ValueError unless it is positive and finite."""
    if isinstance(value, Tensor):
        value = learnable(value, owner, name)
        if value.is_complex():
            raise ValueError(f"{owner} expects a real {name}, got {value.dtype}.")
    least = float(value.detach().min()) if isinstance(value, Tensor) else float(value)
    if not 0 < least < float("inf"):
        raise ValueError(f"{owner} expects {name} > 0, got {least}.")
    return value


def over(level: Level, clean: Tensor, owner: str, name: str) -> Level:
    """The level shaped to broadcast against data, of which it is not known where an item begins.

    One dimension that equals the first of the data is the batch. Where several dimensions could be the batch as well
    as those of an item, ValueError.
    """
    if not isinstance(level, Tensor) or not level.ndim:
        return level
    level = level.to(clean.device)
    lead = tuple(level.shape) == tuple(clean.shape[: level.ndim])
    trailing = fits(tuple(level.shape), tuple(clean.shape))
    if lead and trailing and 1 < level.ndim < clean.ndim:
        raise ValueError(
            f"{owner} has {name} of shape {tuple(level.shape)} for data of shape {tuple(clean.shape)}, which could be "
            "one per item or one per measurement; give it dimensions of 1, in front or behind."
        )
    return per_item(level, clean, clean.ndim - level.ndim if lead else 0)


def fit_level(level: Level, batch: Shape, shape: Shape, owner: str, name: str) -> Level:
    """The level of shape ``batch`` where it is one per item, and with the dimensions of data where per measurement."""
    if not isinstance(level, Tensor) or not level.ndim:
        return level
    while level.ndim > len(batch) + len(shape) and level.shape[0] == 1:  # fitted to a batch with more dimensions before
        level = level[0]
    given = tuple(level.shape)
    if len(given) <= len(batch) and fits(given, batch) and (given == batch or not fits(given, shape)):
        return level.expand(batch)
    if not fits(given, (*batch, *shape)):
        raise ValueError(
            f"{owner} has {name} of shape {given} for a batch of shape {batch} with data of shape {shape}; expected a "
            "number, one value per item or one per measurement."
        )
    return level.reshape(*(1,) * (len(batch) + len(shape) - len(given)), *given)


def flatten_level(level: Level, batch: Shape) -> Level:
    """A level that fits ``batch``, for its items in one dimension."""
    if not isinstance(level, Tensor) or not level.ndim:
        return level
    lead, item = tuple(level.shape[: len(batch)]), tuple(level.shape[len(batch) :])
    if prod(lead) == 1 and item:
        return level.reshape(1, *item)
    return level.expand(*batch, *item).reshape(-1, *item)


def select_level(level: Level, items: Tensor) -> Level:
    """A level that fits a one-dimensional batch, for some of its items."""
    if not isinstance(level, Tensor) or not level.ndim or (level.ndim > 1 and level.shape[0] == 1):
        return level
    return level[items.to(level.device)]


def fits(given: Shape, wanted: Shape) -> bool:
    """Whether a shape broadcasts to another one."""
    return len(given) <= len(wanted) and all(n in (1, m) for n, m in zip(given[::-1], wanted[::-1], strict=False))


def weights_of(level: Level, data: Tensor, shape: Shape, power: int) -> Level:
    """level**power as a weight for :class:`Misfit`: per element with all dimensions of data, or one per item."""
    if not isinstance(level, Tensor) or not level.ndim:
        return level**power
    batch = tuple(data.shape[: data.ndim - len(shape)])
    return fit_level(level, batch, shape, "the noise", "a level") ** power


def random_signs(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """±1 with equal probability."""
    return 2.0 * (uniform(like, generator) < 0.5).to(like.dtype) - 1.0


def uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform numbers in (0, 1] of the shape and real precision of ``like``."""
    device = generator.device if generator is not None else like.device
    dtype = like.real.dtype if like.is_complex() else like.dtype
    return 1 - torch.rand(like.shape, generator=generator, dtype=dtype, device=device).to(like.device)
