"""Intervals of pixels that hold what they promise, by conformal risk control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from recon.solvers.sampling.calibration.risk import guaranteed, least_factor
from recon.solvers.sampling.posterior_samples import Interval, PosteriorSamples

Base = Literal["std", "quantile"]


@dataclass(frozen=True)
class ConformalIntervals:
    """Intervals around a center c, λ times as wide as samples say, of which on the mean a share α misses the truth.

        [c − λ (c − a), c + λ (b − c)]

    with λ found on items whose truth is known, see :meth:`fit`. The risk of an item is the share of its pixels that lie
    outside (real and imaginary parts each), which falls with λ. Where items are exchangeable, the mean risk on a new
    one is at most α, and at least α − 2/(n + 1) where the truth has a density. That is a statement on the mean over
    items and pixels: single images or pixels may be missed more often.

    Attributes
    ----------
    factor
        λ; infinite where intervals of no width would have to be wider.
    alpha
        α.
    count
        n, the number of items that λ was found on.
    base
        ``"std"``: c ± standard deviation, from two samples on. ``"quantile"``: c is the median, and a and b are the
        quantiles α/2 and 1 − α/2, the extremes where there are few samples.

    Source: Angelopoulos, Bates, Fisch, Lei and Schuster, Conformal risk control, ICLR 2024, theorems 1 and 2.
    """

    factor: float
    alpha: float
    count: int
    base: Base = "std"

    @classmethod
    def fit(
        cls, found: PosteriorSamples, truth: Tensor, *, alpha: float = 0.1, base: Base = "std"
    ) -> ConformalIntervals:
        """λ from samples of items ``(samples, *batch, *shape)`` and their truth ``(*batch, *shape)``.

        Errors: ValueError where there are fewer than 1/α − 1 items.
        """
        if base not in ("std", "quantile"):
            raise ValueError(f"conformal intervals have the base 'std' or 'quantile', got {base!r}.")
        center, low, high = _arms(found, alpha, base)
        off = _parts(truth.to(center.device)).double() - center
        arm = torch.where(off < 0, center - low, high - center)
        needed = torch.where(off == 0, 0, off.abs() / arm)
        count = found.complete[0].numel()
        return cls(least_factor(needed.reshape(count, -1), alpha), alpha, count, base)

    @property
    def guarantee(self) -> tuple[float, float]:
        """(α − 2/(n + 1), α): between these lies the mean risk on new items."""
        return guaranteed(self.alpha, self.count)

    def __call__(self, found: PosteriorSamples) -> Interval:
        """The intervals for other samples by the same method, ``(*batch, *shape)``."""
        ends = [end.to(found.samples.real.dtype) for end in self._ends(found)]
        whole = [torch.view_as_complex(end.contiguous()) for end in ends] if found.samples.is_complex() else ends
        return Interval(*whole)

    def risk(self, found: PosteriorSamples, truth: Tensor) -> Tensor:
        """The share of the pixels of every item that lie outside, ``batch``."""
        low, high = self._ends(found)
        known = _parts(truth.to(low.device)).double()
        outside = ~((known >= low) & (known <= high))
        return outside.reshape(*found.complete.shape[1:], -1).double().mean(-1)

    def _ends(self, found: PosteriorSamples) -> tuple[Tensor, Tensor]:
        center, low, high = _arms(found, self.alpha, self.base)
        return center - self.factor * (center - low), center + self.factor * (high - center)


def _arms(found: PosteriorSamples, alpha: float, base: Base) -> tuple[Tensor, Tensor, Tensor]:
    """c, a and b in double precision, by parts where samples are complex."""
    if base == "quantile":
        center, low, high = (_parts(x).double() for x in found.quantiles((0.5, alpha / 2, 1 - alpha / 2)))
        return center, low, high
    spread = PosteriorSamples(_parts(found.samples), found.complete, found.result)
    center, width = spread.mean.double(), spread.std.double()
    return center, center - width, center + width


def _parts(x: Tensor) -> Tensor:
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
