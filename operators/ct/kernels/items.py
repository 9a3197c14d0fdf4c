"""Joins kernels, which take real items, to tensors of any batch shape and field."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def on_items(function: Callable[[Tensor], Tensor], x: Tensor, ndim: int = 2, cpu: bool = True) -> Tensor:
    """Apply a real linear ``function`` of ``(items, *shape)`` to ``(*batch, *shape)``, shape of ``ndim`` axes.

    A complex x is taken as two items, its real and its imaginary part. With ``cpu`` tensors of other devices are
    copied to the CPU and back, for kernels that run only there.
    """
    batch = x.shape[: x.ndim - ndim]
    parts = torch.stack((x.real, x.imag)) if x.is_complex() else x
    items = parts.reshape(-1, *x.shape[x.ndim - ndim :])
    out = function(items.cpu()).to(x.device) if cpu else function(items)
    if x.is_complex():
        real, imaginary = out.reshape(2, *batch, *out.shape[1:])
        return torch.complex(real, imaginary)
    return out.reshape(*batch, *out.shape[1:])
