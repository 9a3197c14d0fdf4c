"""Joins kernels, which take real items on the CPU, to tensors of any batch shape, field and device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def on_items(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a real linear ``function`` of ``(items, rows, columns)`` to ``(*batch, rows, columns)``.

    A complex x is taken as two items, its real and its imaginary part. The kernels run on the CPU:
    tensors of other devices are copied there and back.
    """
    batch = x.shape[:-2]
    parts = torch.stack((x.real, x.imag)) if x.is_complex() else x
    out = function(parts.reshape(-1, *x.shape[-2:]).cpu()).to(x.device)
    if x.is_complex():
        real, imaginary = out.reshape(2, *batch, *out.shape[1:])
        return torch.complex(real, imaginary)
    return out.reshape(*batch, *out.shape[1:])
