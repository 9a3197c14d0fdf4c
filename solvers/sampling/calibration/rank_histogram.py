"""Where truths stand among samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from recon.solvers.sampling.calibration.resampling import uniform
from recon.solvers.sampling.posterior_samples import PosteriorSamples
from recon.solvers.sampling.random import normal


@dataclass(frozen=True)
class RankHistogram:
    """The histogram of the ranks of truths among samples, flat where samples are those of the posterior.

    A ∪ says that samples are too narrow, a ∩ too wide, a slope that they are off to one side.

    Attributes
    ----------
    counts
        How many items fall into each of equally likely bins.
    ranks
        (r + u)/(n + 1) per item: r of n samples have a smaller value, u is spread evenly over [0, 1).
    p_value
        Probability of counts that are at least as uneven, by Pearson's χ² with bins − 1 degrees of freedom, were the
        samples those of the posterior.

    Source: Talts, Betancourt, Simpson, Vehtari and Gelman, Validating Bayesian inference algorithms with
    simulation-based calibration, 2018, for ranks among samples.
    """

    counts: Tensor
    ranks: Tensor
    p_value: float

    @classmethod
    def of(
        cls,
        found: PosteriorSamples,
        truth: Tensor,
        *,
        by: Callable[[Tensor], Tensor] | None = None,
        bins: int | None = None,
        seed: int = 0,
    ) -> RankHistogram:
        """Ranks of a test set, one number for each item, as pixels of an image are not independent.

        Parameters
        ----------
        truth
            ``(*batch, *shape)``.
        by
            What images are ranked by: from ``(*batch, *shape)`` to ``batch``. By default a projection onto a random
            direction of its own for each item, drawn with ``seed``.
        bins
            At most 20 by default, with at least five items each where the test is to be right.
        """
        batch, ndim = found.complete.shape[1:], truth.ndim - (found.complete.ndim - 1)
        count = found.complete[0].numel()
        number = max(2, min(20, count // 5)) if bins is None else bins
        if number < 2 or count < 5 * number:
            raise ValueError(f"{number} bins need at least {5 * max(number, 2)} items, got {count}.")
        measure = _projection(truth, ndim, seed) if by is None else by
        known = measure(truth)
        if tuple(known.shape) != tuple(batch):
            raise ValueError(f"images are to be ranked by one number each, {tuple(batch)}, got {tuple(known.shape)}.")
        smaller, equal = (torch.zeros(batch, dtype=torch.float64) for _ in range(2))
        for sample, done in zip(found, found.complete, strict=True):
            value = measure(sample.to(truth.device, truth.dtype))
            smaller += ((value < known).cpu() & done).double()
            equal += ((value == known).cpu() & done).double()
        place = smaller.reshape(-1) + uniform(seed, count) * (equal.reshape(-1) + 1)
        ranks = place / (found.count.cpu().reshape(-1) + 1)
        counts = torch.histc(ranks, number, 0.0, 1.0)
        from scipy.stats import chi2

        statistic = float((counts - count / number).square().sum() / (count / number))
        return cls(counts.long(), ranks, float(chi2.sf(statistic, number - 1)))


def _projection(truth: Tensor, ndim: int, seed: int) -> Callable[[Tensor], Tensor]:
    """⟨w, x⟩ with white w, another one for each item."""
    shape = tuple(truth.shape[truth.ndim - ndim :])
    streams = torch.arange(prod(truth.shape[: truth.ndim - ndim]), device=truth.device)
    w = normal(seed, streams, 0 * streams, shape, truth.dtype).reshape(truth.shape)

    def project(x: Tensor) -> Tensor:
        terms = w.conj() * x
        return (terms.real if terms.is_complex() else terms).flatten(x.ndim - ndim).double().sum(-1)

    return project
