"""Coils of a batch of images in blocks, and sums over coils in one order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor


def coil_blocks(items: Tensor, coils: int, each: int = 1) -> Iterator[tuple[slice, slice]]:
    """Items and coils to treat together: ``each`` coils a thread on CPUs, for the cache's sake, else everything."""
    if items.device.type != "cpu":
        yield slice(0, len(items)), slice(0, coils)
        return
    step = each * torch.get_num_threads()
    for item in range(len(items)):
        for start in range(0, coils, step):
            yield slice(item, item + 1), slice(start, min(start + step, coils))


def stack_blocks(items: Tensor, stack: Sequence[int], coils: int) -> Iterator[tuple[slice, ...]]:
    """The same for images ``(items, *stack, ...)`` on a CPU: slices of items, of each axis of the stack, and of coils.

    Two coils a thread, which still fit the cache: half as often threads wait for each other.
    """
    for batch, part in coil_blocks(items, coils, 2):
        for entry in product(*(range(n) for n in stack)):
            yield (batch, *(slice(n, n + 1) for n in entry), part)


def led(tensor: Tensor, ndim: int) -> Tensor:
    """The tensor with leading axes of length 1, ``ndim`` axes in all."""
    return tensor.reshape((1,) * (ndim - tensor.ndim) + tuple(tensor.shape))


def part_of(tensor: Tensor, where: Sequence[slice]) -> Tensor:
    """Slices of the first axes of a tensor; those of length 1 stand for every index."""
    return tensor[tuple(slice(None) if n == 1 else some for some, n in zip(where, tensor.shape, strict=False))]


def add_coils(out: Tensor, images: Tensor, conjugate_maps: Tensor, ndim: int | None = None) -> None:
    """Add Σ_c conj(S_c) z_c to ``out``, coil after coil so that the order never depends on the grouping.

    The axis of the coils is the first of the maps, or the one before the last ``ndim``.
    """
    axis = -conjugate_maps.ndim if ndim is None else -1 - ndim
    for coil in range(conjugate_maps.shape[axis]):
        out.addcmul_(images.select(axis, coil), conjugate_maps.select(axis, coil).expand_as(out))
