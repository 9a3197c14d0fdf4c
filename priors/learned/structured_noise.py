"""Noise that has a prior of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.covariance import Covariance
from recon.operators.covariance_power import CovariancePower
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.metric_l2 import MetricL2
from recon.operators.functionals.squared_l2 import SquaredL2
from recon.operators.linear import CapabilityError
from recon.operators.noise import NoiseModel, SizedNoise, white
from recon.operators.operator import Shape
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.gaussian_mixture import GaussianMixturePrior


class StructuredNoise(SizedNoise):
    """y = z + n + σ e with n from a diffusion prior and white e ~ N(0, I): speckle, interference, another image.

    Diffusion samplers draw image and n together, as one pair: they see the data y = [A  I](x, n) + σ e with white
    noise, and the prior under which x and n are independent. Their result has n as ``components["noise"]``.

    The likelihood p(y | z) is N(z + m, C + σ²I) for a :class:`GaussianPrior` of n, and for others an integral without
    closed form, which variational solvers refuse. Samples for simulation come from priors that can be drawn from
    directly, Gaussians and mixtures; of others draw n with :func:`recon.solvers.sample_prior`.

    Parameters
    ----------
    prior
        The prior of n, for arrays of the shape of one item of data.
    sigma
        σ > 0, of each real component: a number, or one per item.

    Source: Stevens, van Gorp, Meral, Shin, Yu, Robert and van Sloun, Removing structured noise using diffusion models,
    TMLR 2025.
    """

    names = ("structured",)

    def __init__(self, prior: DiffusionPrior, sigma: float | Tensor = 0.01) -> None:
        if not isinstance(prior, DiffusionPrior):
            raise TypeError(f"StructuredNoise expects a diffusion prior of the noise, got {type(prior).__name__}.")
        super().__init__(sigma)
        self.prior = prior

    def fit(self, batch: Shape, shape: Shape) -> StructuredNoise:
        fitted = super().fit(batch, shape)
        if isinstance(fitted.sigma, Tensor) and fitted.sigma.ndim > len(batch):
            raise CapabilityError("StructuredNoise takes one sigma per item, not one per measurement.")
        if self.prior.shape not in (None, shape):
            raise ValueError(f"StructuredNoise has a prior for arrays of shape {self.prior.shape}, data have {shape}.")
        return fitted

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return clean + self._draw(clean, generator) + self._over(clean) * white(clean, generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        size = tuple(shape)
        if not isinstance(self.prior, GaussianPrior) or (isinstance(self.sigma, Tensor) and self.sigma.ndim > 0):
            return _Unknown(size, self.prior.name)
        variances = self.prior.covariance.eigenvalues + float(self.sigma) ** 2
        centred = self.most_likely(data)
        if self.prior.covariance.basis == "pixels":
            return SquaredL2(size, centred, weight=(1 / variances).expand(size))
        covariance = Covariance(variances, self.prior.covariance.basis, self.prior.covariance.shape)
        axes = tuple(range(-len(size), 0))
        return MetricL2(CovariancePower(covariance, size, axes), centred)

    def most_likely(self, data: Tensor) -> Tensor:
        return data - self.prior.mean_as(data) if isinstance(self.prior, GaussianPrior) else data

    def _draw(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """n as ``like``."""
        prior = self.prior
        if isinstance(prior, GaussianPrior):
            n = white(like, generator)
            return prior.mean_as(like) + prior.covariance.filter(n, prior.covariance.values(n).sqrt())
        if isinstance(prior, GaussianMixturePrior) and like.is_complex() == (prior.field == "complex"):
            assert prior.shape is not None
            drawn = prior.sample(like.numel() // prod(prior.shape), generator)
            return drawn.reshape(like.shape).to(like)
        raise CapabilityError(
            f"StructuredNoise draws from Gaussian priors and mixtures of them, got {prior.name}; draw n with "
            "sample_prior and add it to the data."
        )

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        root = torch.tensor([[0.5, 0.0, 0.0], [0.2, 0.4, 0.0], [0.0, -0.3, 0.3]])
        yield cls(GaussianPrior(0.2, covariance=root @ root.T), 0.3)
        yield cls(GaussianPrior(torch.tensor([0.1, 0.0, -0.1]), std=0.4), 0.2)


class _Unknown(Functional):
    """A likelihood without closed form, which says so where its value is asked for."""

    def __init__(self, domain_shape: Shape, prior: str) -> None:
        super().__init__(domain_shape)
        self.prior, self.convex = prior, False

    def apply(self, x: Tensor) -> Tensor:
        raise CapabilityError(
            f"the likelihood of noise with a {self.prior} is an integral without closed form; sample with MMPS or "
            "another diffusion sampler, which draws image and noise together."
        )
