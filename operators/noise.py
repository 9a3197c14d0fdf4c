"""Noise models: how data scatter around the clean measurement, and the likelihood that implies."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.poisson_kl import PoissonKL
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.noise_level import checked_level, fit_level, flatten_level, over, select_level, weights_of
from recon.operators.tensors import exact, fixed


class NoiseModel(DataTerm):
    """p(y | z) for a clean measurement z = A(x)."""

    @abstractmethod
    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw noisy data of the shape, precision and device of ``clean``."""

    @abstractmethod
    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        """−log p(data | z) as a functional of z on items of ``shape``, minus its least value over z."""

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        """Instances that the law suites check."""
        yield cls()


class SizedNoise(NoiseModel):
    """Additive noise of a standard deviation or scale ``sigma``: a number, one per item, or one per measurement."""

    def __init__(self, sigma: float | Tensor = 1.0) -> None:
        self.sigma = checked_level(sigma, type(self).__name__, "sigma")

    def _over(self, clean: Tensor) -> float | Tensor:
        """σ, shaped to broadcast against ``clean``."""
        return over(self.sigma, clean, type(self).__name__, "sigma")

    def _with(self, sigma: float | Tensor) -> Self:
        if sigma is self.sigma:
            return self
        clone = copy.copy(self)
        clone.sigma = sigma
        return clone

    def fit(self, batch: tuple[int, ...], shape: tuple[int, ...]) -> Self:
        return self._with(fit_level(self.sigma, batch, shape, type(self).__name__, "sigma"))

    def select(self, items: Tensor) -> Self:
        return self._with(select_level(self.sigma, items))

    def flatten(self, batch: tuple[int, ...]) -> Self:
        return self._with(flatten_level(self.sigma, batch))


class GaussianNoise(SizedNoise):
    """y = z + σ n with white n ~ N(0, I); −log p = Σ |z − y|²/(2σ²) + const.

    For complex z the real and the imaginary part each receive noise of standard deviation σ, so that E|y − z|² = 2σ²
    and −log p keeps this form.

    Parameters
    ----------
    sigma
        Standard deviation σ > 0, of each real component: a number, one value per batch item, or one per measurement,
        which broadcasts against data; what could be either is one per item. A tensor may require gradients.
    """

    names = ("gaussian",)

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return clean + self._over(clean) * white(clean, generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return SquaredL2(shape, data, weight=weights_of(self.sigma, data, tuple(shape), -2))

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.3)
        yield cls(torch.tensor([0.3, 0.2, 0.6]))


ROUNDING = 100
"""Units of rounding of the largest mean by which a mean of counts may be negative, as after Fourier transforms."""


class PoissonNoise(NoiseModel):
    """y = g·k with counts k ~ Poisson((z + b)/g); the fidelity is :class:`PoissonKL`.

    Parameters
    ----------
    gain
        g > 0, the value of one count.
    background
        b ≥ 0, the mean of events that do not come from the object, in the units of z: a number or a tensor
        broadcast against one item of data.
    """

    names = ("poisson",)

    def __init__(self, gain: float = 1.0, background: float | Tensor = 0.0) -> None:
        if not 0 < gain < float("inf"):
            raise ValueError(f"PoissonNoise expects gain > 0, got {gain}.")
        self.gain, self.background = float(gain), fixed(exact(background), "PoissonNoise", "background")
        if bool((self.background < 0).any()):
            raise ValueError("PoissonNoise expects a nonnegative background.")

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean = (clean + self.background.to(clean)) / self.gain
        if mean.numel() and float(mean.min()) < -ROUNDING * torch.finfo(mean.dtype).eps * float(mean.max()):
            raise ValueError("PoissonNoise expects clean data with z + background >= 0, got negative values.")
        return self.gain * torch.poisson(mean.clamp(min=0), generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return PoissonKL(shape, data, self.gain, self.background)

    def most_likely(self, data: Tensor) -> Tensor:
        return data - self.background.to(data)

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.5, background=0.2)


def white(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """n ~ N(0, I) as ``like``, of unit variance in each real component."""
    device = generator.device if generator is not None else like.device
    if like.is_complex():
        parts = torch.randn((*like.shape, 2), generator=generator, dtype=like.real.dtype, device=device)
        return torch.view_as_complex(parts).to(like.device)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=device).to(like.device)
