"""Denoising networks, taken in."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import chain
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from recon.operators.network_copies import copy_at


class DeepinvDenoiser:
    """D(x, σ) on ``(*batch, *shape)`` from a network on ``(B, C, *pixels)``; made by :func:`deepinv_denoiser`."""

    def __init__(self, model: Callable[..., Tensor], channels: int, dims: int, takes_sigma: bool) -> None:
        self.model, self.channels, self.dims, self.takes_sigma = model, channels, dims, takes_sigma

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The denoised images; σ is a number, one per item, or one that broadcasts as (*batch, 1, …, 1)."""
        grey = self.channels == 1
        ndim = self.dims + (not grey)
        batch = x.shape[: x.ndim - ndim]
        if x.ndim < ndim or not (grey or x.shape[x.ndim - ndim] == self.channels):
            form = ", ".join(["...", *([] if grey else [str(self.channels)]), *["n"] * self.dims])
            raise ValueError(f"the denoiser expects images of shape ({form}), got {tuple(x.shape)}.")
        if x.is_complex():
            raise TypeError("the denoiser expects real images; denoise real and imaginary parts one by one.")
        if x.numel() == 0:
            return x.clone()
        weights = _weights(self.model)
        dtype = x.dtype if weights is None else weights.dtype
        count, pixels = prod(batch), x.shape[x.ndim - self.dims :]
        images = x.reshape(count, self.channels, *pixels).to(dtype)
        model = self._at(x.device, weights)
        out = model(images, self._level(sigma, batch, images)) if self.takes_sigma else model(images)
        if out.shape != images.shape:
            raise ValueError(f"the network returned shape {tuple(out.shape)} for images {tuple(images.shape)}.")
        return out.reshape(x.shape).to(x.dtype)

    def around(self, model: Callable[..., Tensor]) -> DeepinvDenoiser:
        """The same around another network."""
        return DeepinvDenoiser(model, self.channels, self.dims, self.takes_sigma)

    @staticmethod
    def _level(sigma: float | Tensor, batch: torch.Size, images: Tensor) -> Tensor:
        level = torch.as_tensor(sigma, dtype=images.dtype, device=images.device)
        if level.ndim > len(batch) and level.numel() == prod(level.shape[: len(batch)]):
            level = level.reshape(level.shape[: len(batch)])
        return level.expand(batch).reshape(len(images))

    def _at(self, device: torch.device, weights: Tensor | None) -> Callable[..., Tensor]:
        if weights is None or weights.device == device:
            return self.model
        kept = self.__dict__.setdefault("_copies", {})
        return copy_at(self.model, weights.dtype, device, kept)  # type: ignore[arg-type, no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_copies"}


def deepinv_denoiser(model: Callable[..., Tensor], channels: int = 1, *, dims: int = 2) -> DeepinvDenoiser:
    """A deepinv Denoiser, or another network, as a denoiser D(x, σ) of ours.

    Networks see ``(B, C, *pixels)`` and one σ per image, ``(B,)``, in the precision of their weights, on the device of
    the images. Networks whose ``forward`` takes nothing but images are called without σ.

    Parameters
    ----------
    model
        A network ``model(x, sigma)`` or ``model(x)``; put it in evaluation mode first.
    channels
        C of the network. With C = 1 images here have no channel axis, ``(*batch, *pixels)``; with others it is the
        first of an item, ``(*batch, C, *pixels)``.
    dims
        Number of pixel dimensions.

    Errors: TypeError for what is not callable; ValueError for a network in training mode.
    """
    if not callable(model):
        raise TypeError(f"deepinv_denoiser expects a network or another callable, got {type(model).__name__}.")
    if isinstance(model, nn.Module) and any(_couples(module) for module in model.modules()):
        raise ValueError("deepinv_denoiser expects a network in evaluation mode; call model.eval() first.")
    if channels < 1 or dims < 1:
        raise ValueError(f"deepinv_denoiser expects channels >= 1 and dims >= 1, got {channels} and {dims}.")
    return DeepinvDenoiser(model, channels, dims, _takes_sigma(model))


def _couples(module: nn.Module) -> bool:
    kinds = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)
    return module.training and isinstance(module, kinds)


def _takes_sigma(model: Callable[..., Tensor]) -> bool:
    function = model.forward if isinstance(model, nn.Module) else model
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Parameter.VAR_POSITIONAL in kinds or sum(kind in positional for kind in kinds) > 1


def _weights(model: object) -> Tensor | None:
    if not isinstance(model, nn.Module):
        return None
    return next((t for t in chain(model.parameters(), model.buffers()) if t.is_floating_point()), None)
