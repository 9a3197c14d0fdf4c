"""Networks on (N, C, H, W), made to act on images with any number of leading dimensions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import chain
from math import prod
from typing import Any

import torch
from torch import Tensor, nn


class Network:
    """x ↦ network(x, level) on ``(*batch, *shape)``, for a network on ``(N, C, *pixels)`` with one level per image.

    The network computes in the precision of its weights and the result comes back in the precision of x. It runs on
    the device of x: elsewhere than where its weights lie, on a copy made at the first call. A network that gives 2C
    channels (mean and learned variance) is read up to channel C.

    Parameters
    ----------
    network
        An ``nn.Module`` or another callable.
    channels
        C. With C = 1 images are ``(*batch, *pixels)``, otherwise ``(*batch, C, *pixels)``.
    dims
        Number of pixel dimensions.
    owner
        Name used in errors.
    """

    def __init__(self, network: Callable[..., Tensor], channels: int, dims: int, owner: str) -> None:
        if channels < 1 or dims < 1:
            raise ValueError(f"{owner} expects channels >= 1 and dims >= 1, got {channels} and {dims}.")
        self.network, self.channels, self.dims, self.owner = network, channels, dims, owner
        check_mode(network, owner)

    @property
    def item_ndim(self) -> int:
        """Number of dimensions of one image."""
        return self.dims + (self.channels > 1)

    def __call__(self, x: Tensor, level: float | Tensor) -> Tensor:
        """The network's output; ``level`` is a number, passed on, or a tensor with the leading dimensions of x."""
        k = x.ndim - self.item_ndim
        if k < 0 or (self.channels > 1 and x.shape[k] != self.channels):
            form = ", ".join(["...", *([str(self.channels)] if self.channels > 1 else []), *["n"] * self.dims])
            raise ValueError(f"{self.owner} expects images of shape ({form}), got {tuple(x.shape)}.")
        if x.numel() == 0:
            return x.clone()
        network = self._at(x.device)
        weights = _first_floating(network)
        dtype = x.dtype if weights is None else weights.dtype
        count, pixels = prod(x.shape[:k]), x.shape[x.ndim - self.dims :]
        if isinstance(level, Tensor) and level.ndim:
            level = level.reshape(*level.shape, *(1,) * (k - level.ndim)).expand(x.shape[:k]).reshape(count)
        if isinstance(level, Tensor) and level.is_floating_point():
            level = level.to(device=x.device, dtype=dtype)
        out = network(x.reshape(count, self.channels, *pixels).to(dtype), level)
        if tuple(out.shape) == (count, 2 * self.channels, *pixels):
            out = out[:, : self.channels]
        if tuple(out.shape) != (count, self.channels, *pixels):
            raise ValueError(
                f"{self.owner}: the network returned shape {tuple(out.shape)} for images of shape "
                f"{(count, self.channels, *pixels)}; check channels={self.channels} and dims={self.dims}."
            )
        result: Tensor = out.reshape(x.shape).to(x.dtype)
        return result

    def _at(self, device: torch.device) -> Any:
        weights = _first_floating(self.network)
        if weights is None or weights.device == device:
            return self.network
        copies: dict[torch.device, Any] = self.__dict__.setdefault("_copies", {})
        if device not in copies:
            copies[device] = copy.deepcopy(self.network).to(device)  # type: ignore[attr-defined]
        return copies[device]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_copies"}


def check_mode(network: object, owner: str) -> None:
    """Refuse a module in which items of a batch would depend on each other, or calls on chance."""
    if not isinstance(network, nn.Module):
        return
    for module in network.modules():
        coupled = isinstance(module, (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd))
        if coupled and module.training:
            raise ValueError(
                f"{owner} got a network with {type(module).__name__} in training mode, where images of a batch "
                "are not independent; call .eval() on it first."
            )


def _first_floating(network: object) -> Tensor | None:
    if not isinstance(network, nn.Module):
        return None
    tensors = chain(network.parameters(), network.buffers())
    return next((t for t in tensors if t.is_floating_point()), None)
