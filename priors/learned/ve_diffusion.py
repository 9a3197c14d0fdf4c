"""Diffusion priors from networks trained on a variance-exploding process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from recon.operators.tensors import fixed
from recon.priors.learned.alphas import index_of
from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning, level_of, log_of, one_of
from recon.priors.prior import Prior

VEPrediction = Literal["score", "epsilon", "x0"]
Condition = Literal["sigma", "log_sigma", "index"]


class VEDiffusion(NetworkDiffusion):
    """D(u, σ) from a network on x = x₀ + s z: a score network (NCSN, VE SDE), or one that predicts z or x₀.

    In network values n, at noise level s there, the network's output f(n, c) is

        score:    ∇ log p_s(n) = −E[z | n]/s   m = n + s² f
        epsilon:  E[z | n]                     m = n − s f
        x0:       E[x₀ | n]                    m = f

    and c is s, log s or, between the levels of training, an index that is linear in log s.

    Parameters
    ----------
    network
        Called as ``network(n, c)`` on ``(N, C, *pixels)`` and ``(N,)``; an ``nn.Module`` or another callable.
    prediction
        What the network gives, see above.
    condition
        What c is: ``"sigma"``, ``"log_sigma"`` or ``"index"``.
    first_index, index_step
        c at level i, counted from the smallest, is ``first_index + i·index_step``; −1 counts from the largest.
    train_levels
        The noise levels of training in network values; by default ``train_steps`` evenly spaced in log s from
        ``sigma_min`` to ``sigma_max``.
    sigma_min, sigma_max, train_steps
        See above.

    Source: Song and Ermon, NeurIPS 2019, section 4.2; Song and others, ICLR 2021, section 3.4 and appendix C.
    """

    names = ("ve_diffusion", "ncsn")

    def __init__(
        self,
        network: nn.Module | Callable[[Tensor, Tensor], Tensor],
        shape: Sequence[int],
        *,
        prediction: VEPrediction = "score",
        condition: Condition = "sigma",
        first_index: float = 0.0,
        index_step: float = 1.0,
        train_levels: Tensor | None = None,
        sigma_min: float = 0.01,
        sigma_max: float = 50.0,
        train_steps: int = 1000,
        channels: int = 1,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (0.0, 1.0),
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
        one_of(prediction, VEPrediction, self.name, "prediction")
        one_of(condition, Condition, self.name, "condition")
        self.prediction: VEPrediction = prediction
        self.condition: Condition = condition
        self.first_index, self.index_step = float(first_index), float(index_step)
        if train_levels is None:
            levels = _geometric(sigma_min, sigma_max, train_steps)
        else:
            levels = fixed(train_levels, self.name, "train_levels").double().sort().values
        if levels.ndim != 1 or len(levels) < 2 or not bool((levels[1:] > levels[:-1]).all()) or not levels[0] > 0:
            raise ValueError(f"{self.name} expects train_levels to be at least two different positive numbers.")
        self.levels = levels / self.scale
        self.sigma_range = (float(self.levels[0]), float(self.levels[-1]))

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        assert self.levels is not None
        if self.condition == "index":
            c = self.first_index + self.index_step * index_of(level_of(s) / self.scale, self.levels)
        else:
            c = level_of(s) if self.condition == "sigma" else log_of(s)
        if self.prediction == "x0":
            return Preconditioning(0.0, 1.0, 1.0, c)
        return Preconditioning(1.0, s**2 if self.prediction == "score" else -s, 1.0, c)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_score_of_white_images, (3, 4), condition="log_sigma")
        yield cls(_same, (2, 3, 4), prediction="epsilon", condition="index", channels=2, complex_as="parts")


def _geometric(lowest: float, highest: float, count: int) -> Tensor:
    if not 0 < lowest < highest < inf or count < 2:
        raise ValueError(
            f"VEDiffusion expects 0 < sigma_min < sigma_max and at least 2 train_steps, got {lowest}, {highest} and "
            f"{count}."
        )
    logs = torch.tensor([lowest, highest], dtype=torch.float64).log()
    return torch.linspace(float(logs[0]), float(logs[1]), count, dtype=torch.float64).exp()


def _score_of_white_images(x: Tensor, c: Tensor) -> Tensor:
    """The exact score for images N(0, I) under noise exp(c)."""
    score: Tensor = -x / (1 + (2 * c).exp()).reshape(-1, *(1,) * (x.ndim - 1))
    return score


def _same(x: Tensor, c: Tensor) -> Tensor:
    """Says that half of everything is noise at s = ½."""
    return x
