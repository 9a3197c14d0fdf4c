"""Noise models: how data scatter around the clean measurement, and the likelihood that implies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.poisson_kl import PoissonKL
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.tensors import fixed, per_item


class NoiseModel(ABC):
    """p(y | z) for a clean measurement z = A(x)."""

    names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw noisy data of the shape, precision and device of ``clean``."""

    @abstractmethod
    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        """−log p(data | z) as a functional of z on items of ``shape``, minus its least value over z."""

    def most_likely(self, data: Tensor) -> Tensor:
        """A clean measurement from which ``data`` is about as likely as from any: ``data`` itself unless overridden."""
        return data

    def select(self, items: Tensor) -> Self:
        """The same model for a subset of a one-dimensional batch."""
        return self

    def check_batch(self, batch: tuple[int, ...]) -> None:  # noqa: B027  (optional)
        """Raise ValueError unless parameters given per item fit ``batch``."""

    def flatten(self, batch: tuple[int, ...]) -> Self:
        """The same model with parameters given per item of ``batch`` laid out in one dimension."""
        return self

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        """Instances that the law suites check."""
        yield cls()


class GaussianNoise(NoiseModel):
    """y = z + σ n with white n ~ N(0, I); −log p = ‖z − y‖²/(2σ²) + const.

    For complex z the real and the imaginary part each receive noise of standard deviation σ, so that E|y − z|² = 2σ²
    and −log p keeps this form.

    Parameters
    ----------
    sigma
        Standard deviation σ > 0, of each real component: a number or one value per batch item.
    """

    names = ("gaussian",)

    def __init__(self, sigma: float | Tensor = 1.0) -> None:
        if isinstance(sigma, Tensor):
            sigma = fixed(sigma, "GaussianNoise", "sigma")
        smallest = float(sigma.min()) if isinstance(sigma, Tensor) else float(sigma)
        if not 0 < smallest < float("inf"):
            raise ValueError(f"GaussianNoise expects sigma > 0, got {smallest}.")
        self.sigma = sigma

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        sigma = self.sigma
        if isinstance(sigma, Tensor) and sigma.ndim:
            sigma = per_item(sigma.to(clean.device), clean, clean.ndim - sigma.ndim)
        return clean + sigma * _normal(clean, generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        sigma = self.sigma
        if isinstance(sigma, Tensor) and sigma.ndim:
            sigma = sigma.expand(data.shape[: data.ndim - len(shape)])
        return SquaredL2(shape, data, weight=sigma**-2)

    def select(self, items: Tensor) -> Self:
        if not (isinstance(self.sigma, Tensor) and self.sigma.ndim):
            return self
        return type(self)(self.sigma[items.to(self.sigma.device)])

    def check_batch(self, batch: tuple[int, ...]) -> None:
        shape = tuple(self.sigma.shape) if isinstance(self.sigma, Tensor) else ()
        if len(shape) > len(batch) or any(s not in (1, n) for s, n in zip(shape[::-1], batch[::-1], strict=False)):
            raise ValueError(
                f"GaussianNoise has sigma of shape {shape} for a batch of shape {batch}; expected a number or one "
                "value per item. For a noise level per measurement, scale operator and data by 1/sigma."
            )

    def flatten(self, batch: tuple[int, ...]) -> Self:
        if not (isinstance(self.sigma, Tensor) and self.sigma.ndim):
            return self
        return type(self)(self.sigma.expand(batch).reshape(-1))

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.3)


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
        self.gain, self.background = (
            float(gain),
            fixed(background, "PoissonNoise", "background").to(torch.get_default_dtype()),
        )
        if bool((self.background < 0).any()):
            raise ValueError("PoissonNoise expects a nonnegative background.")

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean = (clean + self.background.to(clean)) / self.gain
        if bool((mean < 0).any()):
            raise ValueError("PoissonNoise expects clean data with z + background >= 0, got negative values.")
        return self.gain * torch.poisson(mean, generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return PoissonKL(shape, data, self.gain, self.background)

    def most_likely(self, data: Tensor) -> Tensor:
        return data - self.background.to(data)

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.5, background=0.2)


def _normal(like: Tensor, generator: torch.Generator | None) -> Tensor:
    device = generator.device if generator is not None else like.device
    if like.is_complex():
        parts = torch.randn((*like.shape, 2), generator=generator, dtype=like.real.dtype, device=device)
        return torch.view_as_complex(parts).to(like.device)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=device).to(like.device)
