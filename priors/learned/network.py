"""Networks on (N, C, H, W), made to act on images with any number of leading dimensions."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from torch import Tensor

from recon.priors.learned.held_network import HeldNetwork, Precision


class Network(HeldNetwork):
    """x ↦ network(x, level) on ``(*batch, *shape)``, for a network on ``(N, C, *pixels)`` with one level per image.

    A network that gives 2C channels (mean and learned variance) is read up to channel C.

    Parameters
    ----------
    network
        An ``nn.Module`` or another callable.
    channels
        C. With C = 1 images are ``(*batch, *pixels)``, otherwise ``(*batch, C, *pixels)``.
    dims
        Number of pixel dimensions.
    owner, precision
        As for :class:`HeldNetwork`.
    """

    def __init__(
        self,
        network: Callable[..., Tensor],
        channels: int,
        dims: int,
        owner: str,
        precision: Precision = "weights",
    ) -> None:
        if channels < 1 or dims < 1:
            raise ValueError(f"{owner} expects channels >= 1 and dims >= 1, got {channels} and {dims}.")
        super().__init__(network, owner, precision)
        self.channels, self.dims = channels, dims

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
        count, pixels = prod(x.shape[:k]), x.shape[x.ndim - self.dims :]
        if isinstance(level, Tensor) and level.ndim and tuple(level.shape) != (count,):
            level = level.reshape(*level.shape, *(1,) * (k - level.ndim)).expand(x.shape[:k]).reshape(count)
        out = self.run(x.reshape(count, self.channels, *pixels), level)
        if tuple(out.shape) == (count, 2 * self.channels, *pixels):
            out = out[:, : self.channels]
        if tuple(out.shape) != (count, self.channels, *pixels):
            raise ValueError(
                f"{self.owner}: the network returned shape {tuple(out.shape)} for images of shape "
                f"{(count, self.channels, *pixels)}; check channels={self.channels} and dims={self.dims}."
            )
        return out.reshape(x.shape)
