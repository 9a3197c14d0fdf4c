"""Regions of images that hold what they promise, by conformal risk control."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from recon.solvers.sampling.calibration.risk import check_alpha, guaranteed, least_factor
from recon.solvers.sampling.credible_region import CredibleRegion, RegionShape
from recon.solvers.sampling.posterior_samples import PosteriorSamples


@dataclass(frozen=True)
class ConformalRegion:
    """Credible regions whose radius is λ times as large as samples say, and that miss a share α of the truths.

    λ is found on items whose truth is known, see :meth:`fit`; the risk of an item is 1 where its truth lies outside the
    region and 0 elsewhere. Where items are exchangeable, the probability that a new one is missed is at most α, and at
    least α − 1/(n + 1) where the truth has a density.

    Attributes
    ----------
    factor, alpha, count
        λ, α, and the number n of items that λ was found on.
    shape
        See :meth:`recon.solvers.PosteriorSamples.region`.

    Source: Angelopoulos, Bates, Fisch, Lei and Schuster, Conformal risk control, ICLR 2024; for a risk of 0 or 1 that
    is split conformal prediction.
    """

    factor: float
    alpha: float
    count: int
    shape: RegionShape = "ball"

    @classmethod
    def fit(
        cls, found: PosteriorSamples, truth: Tensor, *, alpha: float = 0.1, shape: RegionShape = "ball"
    ) -> ConformalRegion:
        """λ from samples of items ``(samples, *batch, *shape)`` and their truth ``(*batch, *shape)``.

        Errors: ValueError where there are fewer than 1/α − 1 items, or too few samples for the level 1 − α.
        """
        check_alpha(alpha)
        region = found.region(1 - alpha, shape)
        needed = region.distance(truth) / region.radius
        count = found.complete[0].numel()
        return cls(least_factor(needed.reshape(count, 1), alpha), alpha, count, shape)

    @property
    def guarantee(self) -> tuple[float, float]:
        """(α − 1/(n + 1), α): between these lies the probability that a new truth is missed."""
        return max(guaranteed(self.alpha, self.count)[0] + 1 / (self.count + 1), 0.0), self.alpha

    def __call__(self, found: PosteriorSamples) -> CredibleRegion:
        """The regions for other samples by the same method."""
        region = found.region(1 - self.alpha, self.shape)
        return replace(region, radius=self.factor * region.radius)
