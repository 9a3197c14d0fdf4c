"""Working on a batch in small groups, so that intermediate results stay in the CPU's cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

SPECTRAL = 1 << 16
"""Pixels a group at which Fourier transforms were fastest on one core with 1 MiB of second-level cache."""

DIRECT = 1 << 18
"""The same for loops of multiply-adds, which gain less from the cache and lose more to the overhead of each call."""


WHOLE = 1 << 22
"""Numbers a group from which temporary arrays cost more than arithmetic: memory fresh from the system for each."""


def by_items(function: Callable[..., tuple[Tensor, ...]], *tensors: Tensor, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """``function(*tensors)`` of tensors whose first dimension runs over items that it treats alike.

    On a CPU it gets as many items at a time as have about 4 million numbers with ``shape`` each, so that memory of its
    temporaries is used again; on other devices, or where derivatives are recorded, all at once.
    """
    count, group = len(tensors[0]), max(1, WHOLE // max(1, prod(shape)))
    recorded = torch.is_grad_enabled() or torch._C._are_functorch_transforms_active()
    if tensors[0].device.type != "cpu" or count <= group or recorded:
        return function(*tensors)
    parts = [function(*(t[start : start + group] for t in tensors)) for start in range(0, count, group)]
    return tuple(torch.cat(some) for some in zip(*parts, strict=True))


def in_groups(
    function: Callable[[Tensor], Tensor], x: Tensor, shape: Sequence[int], out_shape: Sequence[int], pixels: int
) -> Tensor:
    """``function(x)`` for a function of ``(*batch, *shape)`` that treats items alike, evaluated as its speed demands.

    On a CPU the batch goes through in groups of about ``pixels`` pixels, at least one image a thread; on other devices
    all at once.
    """
    batch = tuple(x.shape[: x.ndim - len(shape)])
    count = prod(batch)
    group = max(torch.get_num_threads(), pixels // prod(shape))
    if x.device.type != "cpu" or count <= group:
        return function(x)
    items = x.reshape(count, *shape)
    first = function(items[:group])
    out = first.new_empty((count, *out_shape))
    out[:group] = first
    for start in range(group, count, group):
        out[start : start + group] = function(items[start : start + group])
    return out.reshape(*batch, *out_shape)
