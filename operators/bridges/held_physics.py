"""A private copy of a deepinv physics, at hand in every precision and on every device."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import chain
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from recon.operators.tensors import matching_dtype


def same(x: Any, **_: Any) -> Any:
    """x itself."""
    return x


class HeldPhysics:
    """A copy of a physics without its noise, which later changes of the original do not reach.

    deepinv fills unused slots with anonymous identities, which do not pickle; the copy has a named one instead.

    Attributes
    ----------
    single
        Whether the physics computes in single precision only, whatever it is given.
    """

    def __init__(self, physics: Any) -> None:
        self.physics, self.single = _copy(physics), False
        for part in self._parts():
            for name, value in list(vars(part).items()):
                if isinstance(value, FunctionType) and value.__code__.co_code == same.__code__.co_code:
                    setattr(part, name, same)
            if "noise_model" in part._modules:
                part._modules["noise_model"] = torch.nn.Identity()
            part.requires_grad_(False)

    def like(self) -> Tensor:
        """A scalar on the physics' device, in single precision."""
        tensor = next(self._tensors(), None)
        return torch.zeros((), device=None if tensor is None else tensor.device)

    def working(self, x: Tensor) -> Tensor:
        """x in the precision to compute in."""
        if not self.single:
            return x
        return x.to(torch.complex64 if x.is_complex() else torch.float32)

    def at(self, like: Tensor) -> Any:
        """The physics on the device and in the precision of a tensor."""
        if all(_fits(t, like) for t in self._tensors()):
            return self.physics
        copies: dict[tuple[torch.dtype, torch.device], HeldPhysics] = self.__dict__.setdefault("_copies", {})
        key = (like.real.dtype if like.is_complex() else like.dtype, like.device)
        if key not in copies:
            held = HeldPhysics(self.physics)
            for part in held._parts():
                part._apply(lambda t: t.to(like.device, matching_dtype(t, like) if _inexact(t) else t.dtype))
            copies[key] = held
        return copies[key].physics

    def _parts(self) -> Iterator[torch.nn.Module]:
        """All modules, also those that a stacked physics keeps in a plain list."""
        for module in self.physics.modules():
            yield module
            listed = vars(module).get("physics_list", ())
            for physics in listed:
                yield from physics.modules()

    def _tensors(self) -> Iterator[Tensor]:
        for part in self._parts():
            yield from (t for t in chain(part._buffers.values(), part._parameters.values()) if t is not None)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_copies"}


def _copy(physics: Any) -> Any:
    try:
        return copy.deepcopy(physics)
    except TypeError:  # generators cannot be copied; deepinv's own clone knows how, but is slow
        return physics.clone()


def _fits(t: Tensor, like: Tensor) -> bool:
    return t.device == like.device and (not _inexact(t) or t.dtype == matching_dtype(t, like))


def _inexact(t: Tensor) -> bool:
    return t.is_floating_point() or t.is_complex()
