"""The prior of the latents in a problem about images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.operator import Operator
from recon.priors.learned.diffusion import DiffusionPrior, Linearised
from recon.priors.prior import Prior

if TYPE_CHECKING:
    from recon.priors.learned.latent_prior import LatentPrior


class Latents(DiffusionPrior):
    """The prior of z in a problem with a :class:`LatentPrior`: what samplers see, with the way to images and back.

    Parameters
    ----------
    latent
        The prior of the images.
    decoder
        G, from z to images.
    operator
        A, from images to data.
    """

    def __init__(self, latent: LatentPrior, decoder: Operator, operator: Operator) -> None:
        inner = latent.prior
        super().__init__(latent.latent_shape, inner.sigma)
        self.latent, self.inner, self.decoder, self.operator = latent, inner, decoder, operator
        self.field = "real" if inner.field == "any" else inner.field
        self.sigma_range, self.levels = inner.sigma_range, inner.levels
        self.scale, self.shift = inner.scale, inner.shift

    def stops(self, steps: int) -> Tensor | None:
        return self.inner.stops(steps)

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        return self.inner.expectation(u, sigma)

    def linearise(self, u: Tensor, sigma: float | Tensor, once: bool = False) -> Linearised:
        return self.inner.linearise(u, sigma, once)

    def encode(self, x: Tensor) -> Tensor:
        """z of images ``(*batch, *shape of an image)``."""
        return self.latent.encode(x, self.operator.domain_shape)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        from recon.priors.learned.latent_prior import LatentPrior

        for prior in LatentPrior.examples():
            assert isinstance(prior, LatentPrior)
            yield prior.pose(Identity((2, 3)), complex_images=False)[1]
