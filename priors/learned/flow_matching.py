"""Diffusion priors from networks trained by flow matching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning, level_of, one_of
from recon.priors.prior import Prior

FlowPrediction = Literal["velocity", "x0", "epsilon"]
ImageAt = Literal[0, 1]


class FlowMatching(NetworkDiffusion):
    """D(u, σ) from the velocity of straight paths between images and noise (flow matching, rectified flow).

    In network values n, at noise level s there, with r = s/(1 + s) the share of noise, the state is (1 − r) n and the
    network's output f(x_t, t)

        ``image_at=0``:  x_t = (1 − t) x₀ + t z,  t = r,      velocity E[z − x₀ | x_t]   m = x_t − r f
        ``image_at=1``:  x_t = t x₀ + (1 − t) z,  t = 1 − r,  velocity E[x₀ − z | x_t]   m = x_t + r f

    or, in either convention, x0: m = f, or epsilon, E[z | x_t]: m = n − s f.

    Parameters
    ----------
    network
        Called as ``network(x_t, time_scale·t)`` on ``(N, C, *pixels)`` and ``(N,)``; an ``nn.Module`` or another
        callable.
    prediction
        What the network gives, see above.
    image_at
        The t at which the state is the image: 0 (Stable Diffusion 3, Flux) or 1 (Lipman and others, Liu and others).
    time_scale
        1, or 1000 where the network counts in thousandths.
    least_noise, most_noise
        The shares r of noise between which the prior holds: σ is infinite at r = 1.
    train_steps
        How many levels, evenly spaced in r, samplers can stop at by default.

    Source: Lipman, Chen, Ben-Hamu, Nickel and Le, Flow matching for generative modeling, ICLR 2023, equations 21 and
    23 with σ_min = 0; Liu, Gong and Liu, ICLR 2023, equation 1; Esser and others, ICML 2024, section 2.
    """

    names = ("flow_matching", "rectified_flow")

    def __init__(
        self,
        network: nn.Module | Callable[[Tensor, Tensor], Tensor],
        shape: Sequence[int],
        *,
        prediction: FlowPrediction = "velocity",
        image_at: ImageAt = 0,
        time_scale: float = 1.0,
        least_noise: float = 0.001,
        most_noise: float = 0.999,
        train_steps: int = 1000,
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
        one_of(prediction, FlowPrediction, self.name, "prediction")
        one_of(image_at, ImageAt, self.name, "image_at")
        if not 0 < least_noise < most_noise < 1 or train_steps < 2:
            raise ValueError(
                f"{self.name} expects 0 < least_noise < most_noise < 1 and at least 2 train_steps, got {least_noise}, "
                f"{most_noise} and {train_steps}."
            )
        if not isfinite(time_scale) or time_scale == 0:
            raise ValueError(f"{self.name} expects a time_scale other than 0, got {time_scale!r}.")
        self.prediction: FlowPrediction = prediction
        self.image_at: ImageAt = image_at
        self.time_scale = float(time_scale)
        share = torch.linspace(least_noise, most_noise, train_steps, dtype=torch.float64)
        self.levels = share / (1 - share) / self.scale
        self.sigma_range = (float(self.levels[0]), float(self.levels[-1]))

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        clean = 1 / (1 + s)
        noise = s * clean
        t = self.time_scale * level_of(noise if self.image_at == 0 else clean)
        if self.prediction == "velocity":
            return Preconditioning(clean, -noise if self.image_at == 0 else noise, clean, t)
        return Preconditioning(0.0, 1.0, clean, t) if self.prediction == "x0" else Preconditioning(1.0, -s, clean, t)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_velocity_of_white_images, (3, 4))
        yield cls(_back, (2, 3, 4), image_at=1, time_scale=1000.0, channels=2, complex_as="parts")


def _velocity_of_white_images(x: Tensor, t: Tensor) -> Tensor:
    """The exact velocity for images N(0, I): (2t − 1)/(t² + (1 − t)²) x_t."""
    t = t.reshape(-1, *(1,) * (x.ndim - 1))
    velocity: Tensor = (2 * t - 1) / (t.square() + (1 - t).square()) * x
    return velocity


def _back(x: Tensor, t: Tensor) -> Tensor:
    return _velocity_of_white_images(x, t / 1000)
