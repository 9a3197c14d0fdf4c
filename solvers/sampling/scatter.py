"""The covariance of the noise, as posterior samplers use it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from recon.operators.beer_lambert_noise import BeerLambertNoise
from recon.operators.correlated_noise import CorrelatedNoise
from recon.operators.noise import GaussianNoise, NoiseModel, PoissonNoise
from recon.operators.tensors import item_sum
from recon.solvers.problem import Problem


class Scatter(ABC):
    """Σ, the covariance of y − A(x) per item, acting on ``(batch, *range_shape)``.

    For complex data Σ is the covariance of the real and of the imaginary part each, as in
    :class:`recon.operators.GaussianNoise`.
    """

    @property
    def white(self) -> Tensor | None:
        """σ_y² per item where Σ = σ_y² I, else None."""
        return None

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """The mean of Σ's diagonal, per item."""

    @abstractmethod
    def times(self, v: Tensor) -> Tensor:
        """Σ v."""

    @abstractmethod
    def inverse(self, v: Tensor) -> Tensor:
        """Σ⁻¹ v."""

    @abstractmethod
    def root(self, v: Tensor) -> Tensor:
        """R v with R Rᴴ = Σ: white numbers to noise."""

    @abstractmethod
    def whiten(self, v: Tensor) -> Tensor:
        """W v with Wᴴ W = Σ⁻¹: noise to white numbers."""


class IndependentScatter(Scatter):
    """Σ = diag(σ²) with one σ² per item, ``(batch,)``, or one per measurement, ``(batch or 1, *range_shape)``."""

    def __init__(self, variances: Tensor, like: Tensor) -> None:
        self.variances, self.count = variances, len(like)
        self.whole = variances.reshape(-1, *(1,) * (like.ndim - 1)) if variances.ndim == 1 else variances

    @property
    def white(self) -> Tensor | None:
        return self.variances if self.variances.ndim == 1 else None

    @property
    def variance(self) -> Tensor:
        if self.variances.ndim == 1:
            return self.variances
        return self.variances.flatten(1).mean(1).expand(self.count)

    def times(self, v: Tensor) -> Tensor:
        return self.whole * v

    def inverse(self, v: Tensor) -> Tensor:
        return v / self.whole

    def root(self, v: Tensor) -> Tensor:
        return self.whole.sqrt() * v

    def whiten(self, v: Tensor) -> Tensor:
        return v / self.whole.sqrt()


class CorrelatedScatter(Scatter):
    """Σ = σ²C of :class:`recon.operators.CorrelatedNoise`."""

    def __init__(self, noise: CorrelatedNoise, like: Tensor) -> None:
        self.noise, self.like = noise, like

    @property
    def variance(self) -> Tensor:
        real = self.like.real if self.like.is_complex() else self.like
        return torch.as_tensor(self.noise.variance, dtype=real.dtype, device=real.device).expand(len(real))

    def times(self, v: Tensor) -> Tensor:
        return self.noise.times(v)

    def inverse(self, v: Tensor) -> Tensor:
        return self.noise.inverse(v)

    def root(self, v: Tensor) -> Tensor:
        return self.noise.root(v)

    def whiten(self, v: Tensor) -> Tensor:
        return self.noise.whiten(v)


def known(noise: NoiseModel | None) -> bool:
    """Whether the noise has a covariance that :func:`scatter` can form."""
    return isinstance(noise, GaussianNoise | CorrelatedNoise | PoissonNoise | BeerLambertNoise)


def scatter(problem: Problem, clean: Tensor) -> Scatter:
    """Σ of the problem's noise around ``clean`` = A(x).

    * :class:`recon.operators.GaussianNoise`: σ² with one σ for all, one per item, or one per measurement;
    * :class:`recon.operators.CorrelatedNoise`: its covariance;
    * :class:`recon.operators.PoissonNoise`: by its Fisher information, Σ = g · max(z + b, g), the variance of counts
      of the mean that x predicts, at least that of one count. This takes counts for Gaussian numbers;
    * :class:`recon.operators.BeerLambertNoise`: likewise of the logarithms of counts with mean m = I₀e⁻ᶻ + b,
      Σ = m/(m − b)², with m − b at least half a count.
    """
    kept: dict[str, IndependentScatter] = problem.__dict__
    if "_scatter" in kept:  # Gaussian noise, the same around any ``clean``
        return kept["_scatter"]
    noise, data = problem.noise, problem.data
    if isinstance(noise, CorrelatedNoise):
        return CorrelatedScatter(noise, data)
    real = data.real if data.is_complex() else data
    if isinstance(noise, PoissonNoise):
        mean = clean + noise.background.to(clean)
        return IndependentScatter(noise.gain * mean.clamp(min=noise.gain), data)
    if isinstance(noise, BeerLambertNoise):
        through = (noise.blank.to(clean) * torch.exp(-clean)).clamp(min=0.5)
        return IndependentScatter((through + noise.background.to(clean)) / through.square(), data)
    assert isinstance(noise, GaussianNoise)
    sigma = torch.as_tensor(noise.sigma, dtype=real.dtype, device=real.device)
    variance = sigma.square().expand(len(data)) if sigma.ndim < 2 else sigma.square()
    kept["_scatter"] = IndependentScatter(variance, data)
    return kept["_scatter"]


def residual(problem: Problem, clean: Tensor) -> Tensor:
    """y − A(x) for ``clean`` = A(x), without what noise adds on the average."""
    assert problem.noise is not None
    return problem.noise.most_likely(problem.data) - clean


def misfit(problem: Problem, x: Tensor) -> Tensor:
    """‖Σ^−½ (y − A x)‖²/m per item, m the number of real measurements; about 1 for samples of the posterior."""
    clean = problem.operator(x)
    white = scatter(problem, clean).whiten(residual(problem, clean))
    count = white[0].numel() * (2 if white.is_complex() else 1) if len(white) else 1
    return item_sum(white.abs().square(), white.ndim - 1) / count
