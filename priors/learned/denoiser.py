"""Priors that are known through a denoiser."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from recon.priors.prior import Prior


class Denoiser(Prior, ABC):
    """A prior given by D(x, σ) ≈ E[x₀ | x₀ + σ z = x] with white z ~ N(0, I).

    What plug-and-play solvers need is :meth:`denoise` and a default strength :attr:`sigma`. For complex images z has
    unit variance in the real and in the imaginary part each, as in :class:`recon.operators.GaussianNoise`.

    Parameters
    ----------
    sigma
        Default strength σ > 0, in the units of the images.
    """

    def __init__(self, sigma: float = 0.05) -> None:
        if isinstance(sigma, bool) or not (isinstance(sigma, (int, float)) and 0 < sigma < float("inf")):
            raise ValueError(f"{self.name} expects a positive number sigma, got {sigma!r}.")
        self.sigma = float(sigma)

    @abstractmethod
    def denoise(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """D(x, σ) for ``(*batch, *shape)``; σ is a number or one value per item, :attr:`sigma` by default."""


def leading(sigma: float | Tensor, x: Tensor, owner: str) -> float | Tensor:
    """σ as a number, or as a tensor shaped to broadcast against x, whose leading dimensions it must have."""
    if not isinstance(sigma, Tensor) or sigma.ndim == 0:
        return sigma
    if tuple(sigma.shape) != tuple(x.shape[: sigma.ndim]):
        raise ValueError(
            f"{owner} expects sigma to be a number or one value per item of {tuple(x.shape)}, "
            f"got shape {tuple(sigma.shape)}."
        )
    sigma = sigma.to(device=x.device, dtype=x.real.dtype if x.is_complex() else x.dtype)
    return sigma.reshape(*sigma.shape, *(1,) * (x.ndim - sigma.ndim))
