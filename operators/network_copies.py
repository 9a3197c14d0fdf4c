"""Copies of a network where images are."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

Copies = dict[torch.device, tuple[Tensor, int, Any]]
"""By device: the weights that were copied, how often they had been written to by then, and the copy."""


def copy_at(network: Any, weights: Tensor, device: torch.device, dtype: torch.dtype, copies: Copies) -> Any:
    """A copy of a module on a device and in a precision, made at the first call and kept in ``copies``.

    It is made anew once ``weights``, any parameter of the module, is another tensor or has been written to, as every
    step of training and every loading of a state does.
    """
    source, version, moved = copies.get(device, (None, 0, None))
    if source is not weights or version != weights._version:
        moved = copy.deepcopy(network).to(device)
        moved = moved if weights.dtype == dtype else moved.to(dtype)
        copies[device] = (weights, weights._version, moved)
    return moved
