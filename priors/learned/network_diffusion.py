"""What diffusion priors made from networks share: value range, complex images, batches, precision."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from recon.priors.learned.diffusion import DiffusionPrior, Linearised
from recon.priors.learned.held_network import Precision
from recon.priors.learned.network import Network
from recon.priors.learned.ranges import AffineRange
from recon.priors.learned.weights import with_weights

ComplexAs = Literal["refuse", "parts"]


class Preconditioning(NamedTuple):
    """a, b, c and t of E[x | x + s z = n] = a n + b f(c n, t), with f the network.

    Numbers, or tensors that broadcast against images; ``level`` is a tensor that has their dimensions, or none.
    """

    skip: float | Tensor
    out: float | Tensor
    enter: float | Tensor
    level: Tensor


class NetworkDiffusion(DiffusionPrior):
    """D(u, σ) from a network, whatever it was trained to predict.

    With network values n = scale·u + shift = scale·x₀ + shift + s z and s = scale·σ, a subclass says how its network f
    gives the mean of the clean ones, E[scale·x₀ + shift | n] = a n + b f(c n, t), and D(u, σ) is that, less the shift,
    over the scale.

    Parameters
    ----------
    network
        Called as ``network(x, level)`` on ``(N, C, *pixels)`` and ``(N,)``; an ``nn.Module`` or another callable. Of an
        output of 2C channels (mean and learned variance) the first C are read.
    shape
        Shape of one image: ``pixels`` for one channel, ``(C, *pixels)`` otherwise.
    channels
        C.
    value_range
        (low, high) of the images here; [0, 1] by default.
    network_range
        (low, high) of those the network was trained on; [−1, 1] by default.
    complex_as
        Complex images: ``"refuse"`` them, or treat real and imaginary ``"parts"`` as independent images.
    precision
        In which the network computes: ``"weights"`` for that of its weights, or ``"bfloat16"`` or ``"float16"`` by
        autocasting from single precision. Images, results and all that is done to them keep the precision of u.
    weights
        File of weights for an ``nn.Module``, loaded into a copy of it.
    sigma
        Default strength as a plug-and-play denoiser, in units of the images.
    """

    def __init__(
        self,
        network: nn.Module | Callable[..., Tensor],
        shape: Sequence[int],
        *,
        channels: int,
        value_range: Sequence[float],
        network_range: Sequence[float],
        complex_as: ComplexAs,
        precision: Precision,
        weights: str | Path | None,
        sigma: float,
    ) -> None:
        super().__init__(tuple(shape), sigma)
        if not callable(network):
            raise TypeError(f"{self.name} expects a callable network(x, t), got {type(network).__name__}.")
        if complex_as not in get_args(ComplexAs):
            raise ValueError(f"{self.name} expects complex_as 'refuse' or 'parts', got {complex_as!r}.")
        dims = len(shape) - (channels > 1)
        if dims < 1 or (channels > 1 and shape[0] != channels):
            raise ValueError(f"{self.name} expects shape (C, *pixels) for {channels} channels, got {tuple(shape)}.")
        if weights is not None:
            if not isinstance(network, nn.Module):
                raise TypeError(f"{self.name} can load weights into an nn.Module only, got {type(network).__name__}.")
            network = with_weights(network, weights)
        self.network = Network(network, channels, dims, self.name, precision)
        self.range = AffineRange(value_range, network_range, self.name)
        self.value_range = self.range.images
        self.scale, self.shift = self.range.scale, self.range.shift
        self.field = "any" if complex_as == "parts" else "real"

    @abstractmethod
    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        """a, b, c and t at noise level s in network values: a number, or a tensor that has the dimensions of images."""

    def predict(self, x: Tensor, level: Tensor) -> Tensor:
        """The network's output at states x, each with its ``level``, which has the dimensions of x or none."""
        leads = x.shape[: x.ndim - self.network.item_ndim]
        if not leads:
            return self.network(x[None], level.reshape(1))[0]
        return self.network(x, (level.reshape(level.shape[: len(leads)]) if level.ndim else level).expand(leads))

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        if u.is_complex():
            return torch.complex(self.expectation(u.real, sigma), self.expectation(u.imag, sigma))
        n, by = self.range.enter(u), self._preconditioned(u, sigma)
        f = self.predict(times(by.enter, n), by.level)
        return self.range.leave(_combined(by.skip, n, by.out, f))

    def linearise(self, u: Tensor, sigma: float | Tensor, once: bool = False) -> Linearised:
        """As everywhere; a detached result needs the graph of the network alone."""
        if torch.is_grad_enabled() or u.is_complex() or u.numel() == 0:
            return super().linearise(u, sigma, once)
        by, n = self._preconditioned(u, self.checked(u, sigma)), self.range.enter(u)
        leaf = times(by.enter, n).detach().requires_grad_()
        with torch.enable_grad():
            f = self.predict(leaf, by.level)
        self.check_graph(f)
        slope = by.out * by.enter

        def pullback(w: Tensor) -> Tensor:
            (g,) = torch.autograd.grad(f, leaf, w, retain_graph=not once)
            return _combined(by.skip, w, slope, g)

        return Linearised(self.range.leave(_combined(by.skip, n, by.out, f.detach())), pullback)

    def _preconditioned(self, u: Tensor, sigma: float | Tensor) -> Preconditioning:
        if not isinstance(sigma, Tensor):
            return self.preconditioning(self.scale * sigma)
        s = self.scale * sigma.to(u)
        return self.preconditioning(s.reshape((1,) * u.ndim) if s.ndim == 0 else s)


def times(a: float | Tensor, x: Tensor) -> Tensor:
    """a x, without a product by one."""
    return x if isinstance(a, (int, float)) and a == 1 else a * x


def _combined(a: float | Tensor, x: Tensor, b: float | Tensor, y: Tensor) -> Tensor:
    """a x + b y."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return times(a, x) + times(b, y)
    if a == 0:
        return times(b, y)
    return torch.add(x, y, alpha=b) if a == 1 else (a * x).add_(y, alpha=b)


def level_of(s: float | Tensor) -> Tensor:
    """s for a network: a number becomes a tensor without dimensions, in double precision."""
    return s if isinstance(s, Tensor) else torch.tensor(s, dtype=torch.float64)


def log_of(s: float | Tensor, factor: float = 1.0) -> Tensor:
    """c log s, likewise."""
    return times(factor, s.log()) if isinstance(s, Tensor) else level_of(factor * log(s))


def one_of(value: Any, known: Any, owner: str, name: str) -> None:
    """Raise one sentence unless ``value`` is among the choices of a ``Literal``."""
    choices = get_args(known)
    if value not in choices or isinstance(value, bool):
        listed = ", ".join(map(repr, choices))
        raise ValueError(f"{owner} expects {name} among {listed}, got {value!r}.")
