"""Where deepinv keeps channels, batch and complex numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

from recon.operators.operator import Shape

Convention = Literal["own", "single", "complex"]


@dataclass(frozen=True)
class Channels:
    """Items of ``shape`` as deepinv's ``(B, C, *pixels)``.

    Attributes
    ----------
    kind
        ``"own"``: the item's first axis is C. ``"single"``: the item has no channel axis, C = 1. ``"complex"``: the
        item is complex and has none, C = 2 for its real and imaginary parts.
    shape
        Shape of one item here.
    """

    kind: Convention
    shape: Shape

    @property
    def item(self) -> Shape:
        """Shape of one item there."""
        return {"own": self.shape, "single": (1, *self.shape), "complex": (2, *self.shape)}[self.kind]

    def enter(self, x: Tensor) -> Tensor:
        """``(*batch, *shape)`` to ``(B, *item)``."""
        flat = x.reshape(prod(x.shape[: x.ndim - len(self.shape)]), *self.shape)
        if self.kind == "complex":
            return torch.view_as_real(flat.resolve_conj()).movedim(-1, 1)
        return flat.unsqueeze(1) if self.kind == "single" else flat

    def leave(self, y: Tensor, batch: Sequence[int]) -> Tensor:
        """``(B, *item)`` to ``(*batch, *shape)``."""
        if self.kind == "complex":
            y = torch.view_as_complex(y.movedim(1, -1).contiguous())
        return y.reshape(*batch, *self.shape)


@dataclass(frozen=True)
class Parts:
    """deepinv's TensorList of measurements as one flat vector per item."""

    shapes: tuple[Shape, ...]

    @property
    def shape(self) -> Shape:
        """Shape of one item here."""
        return (sum(prod(shape) for shape in self.shapes),)

    def enter(self, x: Tensor) -> Any:
        """``(*batch, n)`` to a TensorList of ``(B, *shape)``."""
        from deepinv.utils import TensorList

        pieces = x.reshape(-1, *self.shape).split([prod(shape) for shape in self.shapes], dim=-1)
        return TensorList([piece.reshape(-1, *shape) for piece, shape in zip(pieces, self.shapes, strict=True)])

    def leave(self, y: Any, batch: Sequence[int]) -> Tensor:
        """A TensorList of ``(B, *shape)`` to ``(*batch, n)``."""
        return torch.cat([part.flatten(1) for part in y], dim=-1).reshape(*batch, *self.shape)


def convention(channels: str | None, shape: Shape, owner: str) -> Convention:
    """The convention asked for; by default ``"single"`` for items of two dimensions, ``"own"`` for others."""
    if channels is None:
        return "single" if len(shape) == 2 else "own"
    if channels not in ("own", "single", "complex"):
        raise ValueError(f"{owner} expects channels 'own', 'single' or 'complex', got {channels!r}.")
    return channels  # type: ignore[return-value]
