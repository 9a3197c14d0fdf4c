"""Coverage of regions around random points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from recon.operators.tensors import item_norm
from recon.solvers.sampling.calibration.coverage_curve import LEVELS
from recon.solvers.sampling.calibration.resampling import band, uniform
from recon.solvers.sampling.posterior_samples import PosteriorSamples


@dataclass(frozen=True)
class TARP:
    """Tests of accuracy with random points: expected coverage of balls around reference points.

    The ball around a point that holds a share α of the samples of an item holds its truth with probability α, for every
    α and however the point is chosen, if and only if samples are those of the posterior. So the curve is tested that
    would have to be the diagonal, biased samples too: no center of the samples enters.

    Attributes
    ----------
    levels, coverage
        α, and the share of items whose truth lies in the ball of that level, (m,) each.
    low, high
        95 % band of ``coverage`` by resampling items.
    ranks
        Per item the share of samples nearer to the point than the truth is, (r + u)/(n + 1) with u spread evenly over
        [0, 1): evenly spread over [0, 1] where all is well.
    p_value
        Of the Kolmogorov-Smirnov test of that.

    Source: Lemos, Coogan, Hezaveh and Perreault-Levasseur, Sampling-based accuracy testing of posterior estimators for
    general inference, ICML 2023, algorithm 2. There reference points are drawn from a uniform distribution.
    """

    levels: Tensor
    coverage: Tensor
    low: Tensor
    high: Tensor
    ranks: Tensor
    p_value: float

    @classmethod
    def of(cls, found: PosteriorSamples, truth: Tensor, *, references: Tensor | None = None, seed: int = 0) -> TARP:
        """The test on a test set.

        Parameters
        ----------
        truth
            ``(*batch, *shape)``.
        references
            Points of the same shape, which may depend on the data but not on the truth of their item. By default the
            truth of another item, in random order drawn with ``seed``.
        """
        batch, count = tuple(found.complete.shape[1:]), found.complete[0].numel()
        ndim = truth.ndim - len(batch)
        if count < 2:
            raise ValueError(f"TARP needs a test set of at least two items, got {count}.")
        known = truth.reshape(count, *truth.shape[len(batch) :])
        if references is None:
            order = np.random.default_rng(seed).permutation(count)
            points = torch.empty_like(known)
            points[torch.from_numpy(order)] = known[torch.from_numpy(np.roll(order, 1))]
        else:
            points = references.to(known).expand(truth.shape).reshape(known.shape)
        own = item_norm(known - points, ndim)
        nearer = torch.zeros(count, dtype=torch.float64)
        for sample, done in zip(found, found.complete.reshape(len(found), -1), strict=True):
            away = item_norm(sample.to(known.device, known.dtype).reshape(known.shape) - points, ndim)
            nearer += ((away < own).cpu() & done).double()
        ranks = (nearer + uniform(seed, count)) / (found.count.cpu().reshape(-1) + 1)
        levels = torch.tensor(LEVELS, dtype=torch.float64)
        inside = (ranks[:, None] <= levels).double()
        from scipy.stats import kstest

        return cls(levels, inside.mean(0), *band(inside, seed), ranks, float(kstest(ranks.numpy(), "uniform").pvalue))
