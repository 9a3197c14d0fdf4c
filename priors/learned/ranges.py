"""Value ranges of images and of networks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


class AffineRange:
    """n = scale·x + shift, which takes images with values in ``images`` to a network's range ``network``."""

    def __init__(self, images: Sequence[float], network: Sequence[float], owner: str) -> None:
        self.images = _pair(images, owner, "value_range")
        self.network = _pair(network, owner, "network_range")
        (low, high), (bottom, top) = self.images, self.network
        self.scale = (top - bottom) / (high - low)
        self.shift = bottom - self.scale * low

    def enter(self, x: Tensor) -> Tensor:
        """Images to network values."""
        return x if self.identity else self.scale * x + self.shift

    def leave(self, n: Tensor) -> Tensor:
        """Network values to images."""
        return n if self.identity else (n - self.shift) / self.scale

    @property
    def identity(self) -> bool:
        """Whether both ranges are the same."""
        return self.scale == 1.0 and self.shift == 0.0


def _pair(values: Sequence[float], owner: str, name: str) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in values)
    except (TypeError, ValueError):
        raise ValueError(f"{owner} expects {name} = (low, high), got {values!r}.") from None
    if not -float("inf") < low < high < float("inf"):
        raise ValueError(f"{owner} expects {name} = (low, high) with low < high, got ({low}, {high}).")
    return low, high
