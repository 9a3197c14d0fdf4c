"""Diffusion priors from networks that predict the noise of a variance-preserving process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from recon.operators.tensors import fixed
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.network import Network
from recon.priors.learned.ranges import AffineRange
from recon.priors.prior import Prior


class VPDiffusion(DiffusionPrior):
    """D(u, σ) from a network ε(x_t, t) ≈ E[z | x_t] of x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) z (DDPM).

    With network values n = scale·u + shift and s = scale·σ, ᾱ = 1/(1 + s²) and x_t = √ᾱ n:

        D = (n − s ε(x_t, t) − shift)/scale.

    Between the levels of training, t is interpolated linearly in log s.

    Parameters
    ----------
    network
        Called as ``network(x, t)`` on ``(N, C, *pixels)`` and ``(N,)``; an ``nn.Module`` or another callable.
    shape
        Shape of one image: ``pixels`` for one channel, ``(C, *pixels)`` otherwise.
    alphas_cumprod
        ᾱ at the levels of training, decreasing; by default that of linear β.
    betas
        (first, last) of linear β, used without ``alphas_cumprod``.
    train_steps
        Number of levels, used without ``alphas_cumprod``.
    first_time, time_step
        The network's t at level i is ``first_time + i·time_step``; by default t = i = 0, 1, ....
    channels
        C.
    value_range
        (low, high) of the images here; [0, 1] by default.
    network_range
        (low, high) of those the network was trained on; [−1, 1] by default.
    complex_as
        Complex images: ``"refuse"`` them, or treat real and imaginary ``"parts"`` as independent images.
    sigma
        Default strength as a plug-and-play denoiser, in units of the images.

    Source: Ho, Jain and Abbeel, NeurIPS 2020, equations 4 and 12.
    """

    names = ("vp_diffusion", "ddpm")

    def __init__(
        self,
        network: nn.Module | Callable[[Tensor, Tensor], Tensor],
        shape: Sequence[int],
        *,
        alphas_cumprod: Tensor | None = None,
        betas: Sequence[float] = (1e-4, 0.02),
        train_steps: int = 1000,
        first_time: float = 0.0,
        time_step: float = 1.0,
        channels: int = 1,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (-1.0, 1.0),
        complex_as: Literal["refuse", "parts"] = "refuse",
        sigma: float = 0.05,
    ) -> None:
        super().__init__(tuple(shape), sigma)
        if not callable(network):
            raise TypeError(f"VPDiffusion expects a callable network(x, t), got {type(network).__name__}.")
        if complex_as not in ("refuse", "parts"):
            raise ValueError(f"VPDiffusion expects complex_as 'refuse' or 'parts', got {complex_as!r}.")
        dims = len(shape) - (channels > 1)
        if dims < 1 or (channels > 1 and shape[0] != channels):
            raise ValueError(f"VPDiffusion expects shape (C, *pixels) for {channels} channels, got {tuple(shape)}.")
        self.network = Network(network, channels, dims, "VPDiffusion")
        self.range = AffineRange(value_range, network_range, "VPDiffusion")
        self.value_range = self.range.images
        self.scale, self.shift = self.range.scale, self.range.shift
        self.field = "any" if complex_as == "parts" else "real"
        self.alphas_cumprod = linear_alphas(betas, train_steps) if alphas_cumprod is None else _checked(alphas_cumprod)
        self.levels = ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt() / self.scale
        self.sigma_range = (float(self.levels[0]), float(self.levels[-1]))
        self.first_time, self.time_step = float(first_time), float(time_step)

    def time(self, sigma: Tensor) -> Tensor:
        """The network's t for noise levels σ in units of the images, in double precision."""
        assert self.levels is not None
        knots = self.levels.log().to(sigma.device)
        at = sigma.double().log().clamp(float(knots[0]), float(knots[-1]))
        right = torch.searchsorted(knots, at.contiguous()).clamp(1, len(knots) - 1)
        fraction = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
        return self.first_time + self.time_step * (right - 1 + fraction)

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        if u.is_complex():
            return torch.complex(self.expectation(u.real, sigma), self.expectation(u.imag, sigma))
        s = torch.as_tensor(sigma, dtype=u.dtype, device=u.device)
        if s.ndim == 0:
            s = s.reshape((1,) * u.ndim)
        leads = u.shape[: u.ndim - self.network.item_ndim]
        t = self.time(s).reshape(s.shape[: len(leads)]).expand(leads)
        s = self.scale * s
        n = self.range.enter(u)
        noise = self.network(n / (1 + s**2).sqrt(), t)
        return self.range.leave(n - s * noise)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_noise_of_white_images, (3, 4), train_steps=50, value_range=(-1.0, 1.0))
        yield cls(_noise_of_white_images, (2, 3, 4), channels=2, train_steps=50, complex_as="parts")


def linear_alphas(betas: Sequence[float], steps: int) -> Tensor:
    """ᾱ_i = Π_{j ≤ i} (1 − β_j) for β linear from ``betas[0]`` to ``betas[1]``, in double precision."""
    try:
        first, last = (float(b) for b in betas)
    except (TypeError, ValueError):
        raise ValueError(f"expected betas = (first, last), got {betas!r}.") from None
    if not 0 < first <= last < 1 or steps < 2:
        raise ValueError(f"expected 0 < first <= last < 1 in betas and at least 2 steps, got {betas!r} and {steps}.")
    return torch.cumprod(1 - torch.linspace(first, last, steps, dtype=torch.float64), 0)


def _checked(given: Tensor) -> Tensor:
    alphas: Tensor = fixed(given, "VPDiffusion", "alphas_cumprod").double()
    if alphas.ndim != 1 or len(alphas) < 2 or not bool(((alphas > 0) & (alphas < 1)).all()):
        raise ValueError("VPDiffusion expects alphas_cumprod to be at least two numbers between 0 and 1.")
    if bool((alphas[1:] >= alphas[:-1]).any()):
        raise ValueError("VPDiffusion expects alphas_cumprod to decrease; flip it if it runs from noise to image.")
    return alphas


def _noise_of_white_images(x: Tensor, t: Tensor) -> Tensor:
    """The exact ε for images N(0, I): x_t is N(0, I) at all t, and E[z | x_t] = √(1 − ᾱ_t) x_t."""
    index = t.round().long().clamp(0, 49)
    level: Tensor = (1 - linear_alphas((1e-4, 0.02), 50)).sqrt().to(x)[index]
    noise: Tensor = level.reshape(-1, *(1,) * (x.ndim - 1)) * x
    return noise
