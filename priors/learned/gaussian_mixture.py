"""Mixtures of Gaussians: multimodal images with everything in closed form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.covariance import in_double
from recon.operators.linear import LinearOperator
from recon.priors.learned.conditioning import condition
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.prior import Prior


class GaussianMixturePrior(DiffusionPrior):
    """x₀ ~ Σₖ wₖ N(mₖ, Cₖ), with D(u, σ) = Σₖ rₖ Dₖ(u, σ) and rₖ ∝ wₖ N(u; mₖ, Cₖ + σ²I).

    Parameters
    ----------
    weights
        wₖ ≥ 0, one per component; made to sum to one.
    components
        Gaussian priors of one shape.
    sigma
        Default strength as a plug-and-play denoiser.
    """

    names = ("gaussian_mixture_prior", "gaussian_mixture")

    def __init__(self, weights: Sequence[float], components: Sequence[GaussianPrior], *, sigma: float = 0.05) -> None:
        components = tuple(components)
        w = in_double(weights, "GaussianMixturePrior", "weights")
        if not components or any(not isinstance(c, GaussianPrior) for c in components):
            raise TypeError("GaussianMixturePrior expects at least one GaussianPrior.")
        if tuple(w.shape) != (len(components),) or bool((w < 0).any()) or not float(w.sum()) > 0:
            raise ValueError(f"GaussianMixturePrior expects {len(components)} nonnegative weights, got {weights!r}.")
        shapes = {c.shape for c in components}
        if len(shapes) != 1 or None in shapes or len({c.field for c in components}) != 1:
            raise ValueError(
                "GaussianMixturePrior expects components of one given shape and field, "
                f"got shapes {[c.shape for c in components]}."
            )
        super().__init__(components[0].shape, sigma)
        self.field = components[0].field
        self.weights, self.components = w / w.sum(), components

    def responsibilities(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        """p(k | u) of u = x₀ + σ z, ``(K, *batch)``; a tensor σ broadcasts against u."""
        logs = torch.stack([c.log_evidence(u, sigma) for c in self.components])
        weights = self.weights.log().to(logs)
        return torch.softmax(logs + weights.reshape(-1, *(1,) * (logs.ndim - 1)), dim=0)

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        assert self.shape is not None
        r = self.responsibilities(u, sigma)
        wide = (..., *(None,) * len(self.shape))
        total = r[0][wide] * self.components[0].expectation(u, sigma)
        for rk, component in zip(r[1:], self.components[1:], strict=True):
            total = total + rk[wide] * component.expectation(u, sigma)
        return total

    def posterior(self, operator: LinearOperator, data: Tensor, sigma: float) -> GaussianMixturePrior:
        """p(x₀ | y) for y = A x₀ + σ n and one item of data: a mixture with weights ∝ wₖ N(y; A mₖ, A Cₖ Aᴴ + σ²I)."""
        pairs = [condition(c, operator, data, sigma) for c in self.components]
        logs = torch.stack([evidence for _, evidence in pairs]) + self.weights.log()
        return GaussianMixturePrior(torch.softmax(logs, 0).tolist(), [p for p, _ in pairs], sigma=self.sigma)

    def sample(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """Independent images ``(count, *shape)`` in double precision."""
        which = (
            torch.multinomial(self.weights, count, replacement=True, generator=generator) if count else torch.zeros(0)
        )
        draws = torch.stack([c.sample(count, generator) for c in self.components])
        return draws[which.long(), torch.arange(count)]

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls((0.3, 0.7), [GaussianPrior(-1.0, std=0.3, shape=(2, 3)), GaussianPrior(1.0, std=0.5, shape=(2, 3))])
