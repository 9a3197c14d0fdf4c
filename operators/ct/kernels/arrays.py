"""Tensors as NumPy arrays for kernels on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, Any]


def as_array(tensor: Tensor) -> Array:
    """A contiguous array of the tensor's numbers, which are float32 or float64."""
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"projection kernels expect float32 or float64, got {tensor.dtype}.")
    return tensor.detach().resolve_neg().contiguous().numpy()
