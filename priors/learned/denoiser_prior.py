"""Any denoiser as a prior."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from recon.operators.bridges.deepinv_denoiser import DeepinvDenoiser
from recon.priors.learned.denoiser import Denoiser, leading
from recon.priors.learned.dncnn import DnCNN
from recon.priors.learned.held_network import check_mode
from recon.priors.learned.network import Network
from recon.priors.learned.ranges import AffineRange
from recon.priors.learned.weights import with_weights
from recon.priors.prior import Prior

ComplexAs = Literal["refuse", "parts", "magnitude", "real", "channels"]


class DenoiserPrior(Denoiser):
    """The prior implied by a denoiser D(x, σ) ≈ E[x₀ | x₀ + σ z = x], for plug-and-play solvers.

    ``prior.denoise(x, sigma)`` takes ``(*batch, *shape)`` and σ as a number or one value per item. Values are mapped
    from ``value_range`` to ``network_range`` and back: with c the ratio of the widths the callable sees c·σ.

    Parameters
    ----------
    denoiser
        A callable ``D(x, sigma)`` or an ``nn.Module``. The output has the shape of the input.
    sigma
        Default strength σ > 0, in units of the images.
    channels
        None: the callable takes ``(*batch, *shape)`` as it comes, with σ a number or a tensor that broadcasts.
        C: it is a network on ``(N, C, *pixels)``, with σ a number or ``(N,)``; images are ``(*batch, *pixels)`` for
        C = 1, else ``(*batch, C, *pixels)``. It then computes in the precision of its weights, on the images' device.
    dims
        Number of pixel dimensions of such a network.
    value_range, network_range
        (low, high) of the images here, and of those the denoiser was made for.
    complex_as
        Complex images: ``"refuse"`` them; denoise real and imaginary ``"parts"`` one by one with the same σ; the
        ``"magnitude"`` with the phase kept; the ``"real"`` part alone, of images that are known to be real; or both
        parts together as the two ``"channels"`` of a network, for ``channels=2``.
    weights
        File of weights for an ``nn.Module``, or one that ``deepinv_denoiser`` has taken in, loaded into a copy of it.

    Half-precision images are passed on as such where the callable has no weights, else see ``channels``.
    """

    names = ("denoiser_prior", "denoiser")

    def __init__(
        self,
        denoiser: nn.Module | Callable[[Tensor, Any], Tensor],
        sigma: float = 0.05,
        *,
        channels: int | None = None,
        dims: int = 2,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (0.0, 1.0),
        complex_as: Literal["refuse", "parts", "magnitude", "real", "channels"] = "refuse",
        weights: str | Path | None = None,
    ) -> None:
        super().__init__(sigma)
        if not callable(denoiser):
            raise TypeError(f"DenoiserPrior expects a callable D(x, sigma), got {type(denoiser).__name__}.")
        if complex_as not in get_args(ComplexAs):
            known = ", ".join(get_args(ComplexAs))
            raise ValueError(f"DenoiserPrior expects complex_as among {known}, got {complex_as!r}.")
        if complex_as == "channels" and channels != 2:
            raise ValueError(f"DenoiserPrior expects channels=2 with complex_as='channels', got {channels!r}.")
        if weights is not None:
            denoiser = _loaded(denoiser, weights)
        check_mode(denoiser, "DenoiserPrior")
        self.denoiser = denoiser
        self.network = None if channels is None else Network(denoiser, channels, dims, "DenoiserPrior")
        self.range = AffineRange(value_range, network_range, "DenoiserPrior")
        self.complex_as: ComplexAs = complex_as

    def denoise(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        sigma = self.sigma if sigma is None else sigma
        if not x.is_complex():
            return self._real(x, sigma)
        if self.complex_as == "parts":
            return torch.complex(self._real(x.real, sigma), self._real(x.imag, sigma))
        if self.complex_as == "magnitude":
            return self._real(x.abs(), sigma) * x.sgn()
        if self.complex_as == "real":
            clean = self._real(x.real, sigma)
            return torch.complex(clean, torch.zeros_like(clean))
        if self.complex_as == "channels":
            return self._together(x, sigma)
        raise TypeError(
            "DenoiserPrior got complex images; say complex_as='parts' (real and imaginary part one by one), "
            "'magnitude' (phase kept), 'real' (imaginary part dropped) or 'channels' (a network on both parts)."
        )

    __call__ = denoise

    def _together(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """D of complex ``(*batch, *pixels)`` by a network on two channels."""
        assert self.network is not None
        parts = torch.view_as_real(x).movedim(-1, x.ndim - self.network.dims)
        clean = self._real(parts, sigma).movedim(x.ndim - self.network.dims, -1)
        return torch.view_as_complex(clean.contiguous())

    def _real(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        level = leading(sigma, x, "DenoiserPrior")
        inside, level = self.range.enter(x), self.range.scale * level
        if self.network is not None:
            if isinstance(level, Tensor) and isinstance(sigma, Tensor):
                level = level.reshape(sigma.shape)
            return self.range.leave(self.network(inside, level))
        out = self.denoiser(inside, level)
        if not isinstance(out, Tensor):
            raise TypeError(
                f"the denoiser returned {type(out).__name__}; expected a tensor of the shape of the images."
            )
        if out.shape != x.shape:
            raise ValueError(
                f"the denoiser returned shape {tuple(out.shape)} for images of shape {tuple(x.shape)}; a network on "
                "(N, C, H, W) needs channels=C."
            )
        return self.range.leave(out.to(x.dtype))

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_shrink, 0.3)
        yield cls(_shrink, 0.3, complex_as="parts", value_range=(-1.0, 3.0))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = DnCNN(layers=2, features=3).requires_grad_(False)
        yield cls(network, 0.1, channels=1, complex_as="magnitude")


def _loaded(denoiser: Callable[[Tensor, Any], Tensor], weights: str | Path) -> Callable[[Tensor, Any], Tensor]:
    """A copy of a network, or of what deepinv_denoiser has made of one, with weights from a file."""
    if isinstance(denoiser, DeepinvDenoiser) and isinstance(denoiser.model, nn.Module):
        return denoiser.around(with_weights(denoiser.model, weights))
    if not isinstance(denoiser, nn.Module):
        raise TypeError(f"DenoiserPrior can load weights into an nn.Module only, got {type(denoiser).__name__}.")
    return with_weights(denoiser, weights)


def _shrink(x: Tensor, sigma: Any) -> Tensor:
    """The denoiser of N(0, I)."""
    shrunk: Tensor = x / (1 + sigma**2)
    return shrunk
