"""Diffusion priors from networks trained on a variance-preserving process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from recon.priors.learned.alphas import BetaSchedule, alphas_of, checked_alphas, index_of
from recon.priors.learned.alphas import linear_alphas as linear_alphas
from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning, level_of, one_of
from recon.priors.prior import Prior

VPPrediction = Literal["epsilon", "v", "x0", "score"]


class VPDiffusion(NetworkDiffusion):
    """D(u, σ) from a network on x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) z (DDPM).

    In network values n, at noise level s there, ᾱ = 1/(1 + s²) and x_t = √ᾱ n. The network's output f(x_t, t) is

        epsilon:  E[z | x_t]                              m = n − s f
        v:        E[√ᾱ z − √(1 − ᾱ) x₀ | x_t]             m = ᾱ n − √(1 − ᾱ) f
        x0:       E[x₀ | x_t]                             m = f
        score:    ∇ log p_t(x_t) = −E[z | x_t]/√(1 − ᾱ)   m = n + s √(1 − ᾱ) f

    Between the levels of training, t is interpolated linearly in log s.

    Parameters
    ----------
    network
        Called as ``network(x, t)`` on ``(N, C, *pixels)`` and ``(N,)``; an ``nn.Module`` or another callable.
    prediction
        What the network gives, see above.
    alphas_cumprod
        ᾱ at the levels of training, decreasing; by default that of ``beta_schedule``.
    beta_schedule
        ``"linear"`` β (DDPM), ``"scaled_linear"`` (√β linear, Stable Diffusion), ``"cosine"`` (Nichol and Dhariwal) or
        ``"continuous"`` (the VP SDE at t = 1/train_steps, 2/train_steps, ..., 1), used without ``alphas_cumprod``.
    betas
        (first, last) of β, used without ``alphas_cumprod``; the cosine has none.
    train_steps
        Number of levels, used without ``alphas_cumprod``.
    first_time, time_step
        The network's t at level i is ``first_time + i·time_step``; by default t = i = 0, 1, ....

    Source: Ho, Jain and Abbeel, NeurIPS 2020, equations 4 and 12; v: Salimans and Ho, Progressive distillation for fast
    sampling of diffusion models, ICLR 2022, section 4 and appendix D; score: Song and others, ICLR 2021, equation 7.
    """

    names = ("vp_diffusion", "ddpm")

    def __init__(
        self,
        network: nn.Module | Callable[[Tensor, Tensor], Tensor],
        shape: Sequence[int],
        *,
        prediction: VPPrediction = "epsilon",
        alphas_cumprod: Tensor | None = None,
        beta_schedule: BetaSchedule = "linear",
        betas: Sequence[float] = (1e-4, 0.02),
        train_steps: int = 1000,
        first_time: float = 0.0,
        time_step: float = 1.0,
        channels: int = 1,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (-1.0, 1.0),
        complex_as: Literal["refuse", "parts"] = "refuse",
        precision: Precision = "weights",
        weights: str | Path | None = None,
        sigma: float = 0.05,
    ) -> None:
        super().__init__(
            network,
            shape,
            channels=channels,
            value_range=value_range,
            network_range=network_range,
            complex_as=complex_as,
            precision=precision,
            weights=weights,
            sigma=sigma,
        )
        one_of(prediction, VPPrediction, self.name, "prediction")
        self.prediction: VPPrediction = prediction
        if alphas_cumprod is None:
            alphas_cumprod = alphas_of(beta_schedule, betas, train_steps)
        self.alphas_cumprod = checked_alphas(alphas_cumprod, self.name)
        self.levels = ((1 - self.alphas_cumprod) / self.alphas_cumprod).sqrt() / self.scale
        self.sigma_range = (float(self.levels[0]), float(self.levels[-1]))
        self.first_time, self.time_step = float(first_time), float(time_step)

    def time(self, sigma: Tensor) -> Tensor:
        """The network's t for noise levels σ in units of the images, in double precision."""
        assert self.levels is not None
        return self.first_time + self.time_step * index_of(sigma, self.levels)

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        root, t = (1 + s**2) ** -0.5, self.time(level_of(s) / self.scale)  # √ᾱ; √(1 − ᾱ) is s times that
        if self.prediction == "epsilon":
            return Preconditioning(1.0, -s, root, t)
        if self.prediction == "v":
            return Preconditioning(root**2, -s * root, root, t)
        if self.prediction == "x0":
            return Preconditioning(0.0, 1.0, root, t)
        return Preconditioning(1.0, s**2 * root, root, t)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_noise_of_white_images, (3, 4), train_steps=50, value_range=(-1.0, 1.0))
        yield cls(_noise_of_white_images, (2, 3, 4), channels=2, train_steps=50, complex_as="parts")
        yield cls(_nothing, (3, 4), prediction="v", beta_schedule="cosine")
        yield cls(_minus, (3, 4), prediction="score", beta_schedule="continuous")


def _noise_of_white_images(x: Tensor, t: Tensor) -> Tensor:
    """The exact ε for images N(0, I): x_t is N(0, I) at all t, and E[z | x_t] = √(1 − ᾱ_t) x_t."""
    index = t.round().long().clamp(0, 49)
    level: Tensor = (1 - linear_alphas((1e-4, 0.02), 50)).sqrt().to(x)[index]
    noise: Tensor = level.reshape(-1, *(1,) * (x.ndim - 1)) * x
    return noise


def _nothing(x: Tensor, t: Tensor) -> Tensor:
    """The exact v for images N(0, I), which does not depend on x_t."""
    return 0 * x


def _minus(x: Tensor, t: Tensor) -> Tensor:
    """The exact score for images N(0, I)."""
    return -x
