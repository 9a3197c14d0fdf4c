"""How kernels for GPUs are compiled, and how batches are laid out for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

OPTIONS = {"num_warps": 4, "enable_fp_fusion": False}
"""A product and a sum are fused only where a kernel says so: forward and adjoint then place rays with the same bits."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel, or a piece of one, when first launched: once for all values of ``tl.int32`` arguments."""
    counts = [name for name, kind in function.__annotations__.items() if kind == "tl.int32"]
    return triton.jit(function, do_not_specialize=counts)


def real_of(dtype: torch.dtype) -> Any:
    """The numbers that kernels count with for tensors of a type."""
    if dtype not in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        raise TypeError(f"projection kernels expect floating-point numbers, got {dtype}.")
    return tl.float64 if dtype == torch.float64 else tl.float32


def torch_real_of(dtype: torch.dtype) -> torch.dtype:
    """:func:`real_of` as torch knows it."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def blocks(items: int, itemsize: int) -> Iterator[tuple[int, int, int]]:
    """Cut a batch into runs (first, last + 1, size) of blocks of a power of two of items, the largest first.

    The largest fill 16 bytes, which one thread loads at once, with one number of ``itemsize`` bytes of each item.
    """
    first, size = 0, 16 // itemsize
    while first < items:
        count = (items - first) // size * size
        if count:
            yield first, first + count, size
            first += count
        size //= 2


def pack(items: Tensor, size: int) -> Tensor:
    """``(items, *shape)`` as ``(items / size, *shape, size)``, so that items of a block lie side by side."""
    if size == 1:
        return items.contiguous()[..., None]
    return items.reshape(-1, size, *items.shape[1:]).movedim(1, -1).contiguous()


def unpack(packed: Tensor) -> Tensor:
    """The inverse of :func:`pack`."""
    return packed.movedim(-1, 1).flatten(0, 1)
