"""Copies of a network where images are."""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class Copy(NamedTuple):
    """A copy, its precision, the tensors it was made of, and how often these had been written to by then."""

    module: Any
    dtype: torch.dtype
    tensors: list[Tensor]
    versions: list[int]


def copy_at(network: nn.Module, dtype: torch.dtype, device: torch.device, copies: dict[torch.device, Copy]) -> Any:
    """A copy of a module on a device and in a precision, made at the first call and kept in ``copies``.

    It is made anew once a parameter or buffer has been written to, as training and loading do. Torch counts that, but
    for fused optimisers, what is written through ``.data``, and tensors made in inference mode.
    """
    found = copies.get(device)
    if found is None or found.dtype != dtype or found.versions != _versions(found.tensors):
        tensors = list(chain(network.parameters(), network.buffers()))
        module = copy.deepcopy(network).to(device)
        if any(t.is_floating_point() and t.dtype != dtype for t in tensors):
            module = module.to(dtype)
        found = copies[device] = Copy(module, dtype, tensors, _versions(tensors))
    return found.module


def _versions(tensors: list[Tensor]) -> list[int]:
    return [0 if t.is_inference() else t._version for t in tensors]
