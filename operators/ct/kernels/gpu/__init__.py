"""Kernels for GPUs, compiled by Triton, which is imported when one first runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor


def on_gpu(function: str, prefix: str = "") -> Callable[..., Tensor]:
    """A function of the modules ``plane`` and ``space`` of this package, or of those whose names begin with a prefix.

    It takes contiguous tensors, and runs on the device where they lie. Errors: RuntimeError where Triton is missing.
    """

    def run(items: Tensor, table: Tensor, *arguments: Any) -> Tensor:
        try:
            import_module("triton")
        except ImportError:
            raise RuntimeError(
                "projection on a GPU needs Triton, which is not installed here: install triton, on Windows "
                "triton-windows, or move the tensors to the CPU."
            ) from None
        kernels = import_module(f"{__name__}.{prefix}{'plane' if items.ndim == 3 else 'space'}")
        with torch.cuda.device_of(items):
            out: Tensor = getattr(kernels, function)(items.contiguous(), table.contiguous(), *arguments)
        return out

    return run
