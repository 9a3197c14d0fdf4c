"""Ring artefacts, removed where they arise: as stripes of the sinogram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis, require_real
from recon.preprocess.fill_bins import fill_bins
from recon.preprocess.step import Step

Array = npt.NDArray[np.float64]

LEAST_VIEWS = 16
CANCEL = 0.25
"""Part of a jump that may be left after the stripe's other edge."""
FLOOR = 1e-3
"""Least noise taken for real, over the 95th percentile of the data: exact data have no noise to measure stripes by."""


@dataclass(frozen=True)
class Rings(Step):
    """Take the stripes out of line integrals that faulty bins leave and that reconstruct to rings.

    A bin k whose gain is wrong by a factor adds the same cₖ to its line integrals in every view, while an edge of the
    object passes a bin in few of them: the median over the views tells the two apart. Per row of the detector, with S
    a smoothing along the bins,

    1. wide stripes: neighbours differ by Jₖ = median_θ(pₖ₊₁ − pₖ), less its own running median over ``size`` bins;
       between two jumps beyond ``snr`` robust standard deviations, at most ``widest`` bins apart, that cancel to a
       quarter, half their difference is subtracted;
    2. narrow stripes: cₖ = median_θ(p − S p)ₖ is subtracted, S being a running median over ``size`` bins;
    3. unresponsive, fluctuating and partly striped bins: where the spread of p − S p over the views exceeds
       ``unstable`` times that of the bins around, the bin is interpolated from its neighbours, in all views;
    4. dense stripes of all bins, which a running median does not see through: as 2, S being the local cubic of Savitzky
       and Golay over ``size`` bins.

    The kinds of stripes are those of Vo et al.; their remedies, which sort every bin's values and smooth across bins in
    rank, also smooth the object where it changes along the detector, and are not used here. A stripe in fewer than half
    of the views stays unless 3 finds it. What is rotationally symmetric about the axis cannot be told from rings.

    The step belongs after ``negative_log``, which makes errors of gain additive, and before ``beam_hardening``. Bins
    lie along the last axis; other axes but that of the projections are rows, each corrected for itself. How many bins
    were interpolated, and how many moved as parts of wide stripes, is counted in ``meta["rings"]``.

    Parameters
    ----------
    size
        Odd number of bins of the smoothing, from 5 up; stripes narrower than half of it count as narrow.
    widest
        Bins of the widest stripe that is found.
    snr
        Standard deviations that make a jump the edge of a wide stripe.
    unstable
        Spread over the usual one that makes a bin untrustworthy.
    axis
        The axis of the data along which the projections run.

    Raises
    ------
    DataError
        If the data are complex or not finite, have fewer than 16 projections or fewer bins than ``size``.

    Source: N. T. Vo, R. C. Atwood, M. Drakopoulos, Optics Express 26 (2018) 28396, for the kinds of stripes.
    """

    names: ClassVar[tuple[str, ...]] = ("rings",)

    size: int = 9
    widest: int = 25
    snr: float = 5.0
    unstable: float = 4.0
    axis: int = 0

    def __post_init__(self) -> None:
        for name, odd, least in (("size", "an odd", 5), ("widest", "a whole", 1)):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int)
                or value < least
                or (odd == "an odd" and value % 2 == 0)
            ):
                raise ValueError(f"Rings expects {name} to be {odd} number from {least} up, got {value!r}.")
        for name in ("snr", "unstable"):
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 1):
                raise ValueError(f"Rings expects {name} to be a number above 1, got {getattr(self, name)!r}.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "rings")
        axis = require_axis(item.data, self.axis, "rings", item.source)
        shape = tuple(item.data.shape)
        if item.data.ndim < 2 or axis == item.data.ndim - 1 or shape[axis] < LEAST_VIEWS or shape[-1] < self.size:
            raise DataError(
                f"rings expects {LEAST_VIEWS} projections or more along axis {self.axis} and {self.size} bins or more "
                f"along the last, {item.source} has shape {shape}."
            )
        if not bool(torch.isfinite(item.data).all()):
            raise DataError(f"rings expects finite data, {item.source} has NaN or infinity.")
        rows = item.data.movedim(axis, -2)
        sinograms = rows.reshape(-1, *rows.shape[-2:]).double().numpy()
        moved = filled = 0
        cleaned = np.empty_like(sinograms)
        for number, sinogram in enumerate(sinograms):
            cleaned[number], wide, unstable = self.clean(sinogram)
            moved, filled = moved + wide, filled + unstable
        data = torch.from_numpy(cleaned).reshape(rows.shape).movedim(-2, axis).to(item.data.dtype).contiguous()
        return item.changed(data=data, meta={"rings": {"wide": moved, "unstable": filled}})

    def clean(self, sinogram: Array) -> tuple[Array, int, int]:
        """One sinogram ``(angles, bins)`` without stripes, and the numbers of bins in wide stripes and interpolated."""
        least = FLOOR * float(np.quantile(np.abs(sinogram), 0.95))
        steps = self._wide(sinogram, least)
        p = self._narrow(sinogram - steps, 1)
        bad = self._unstable(p, least)
        p = self._narrow(fill_bins(p, bad), 2)
        p = p - np.median(p - savgol_filter(p, self.size, 3, axis=1), axis=0)
        return p, int(np.count_nonzero(steps)), int(bad.sum())

    def _wide(self, p: Array, least: float) -> Array:
        jumps = np.median(np.diff(p, axis=1), axis=0)
        jumps = jumps - median_filter(jumps, self.size)
        sigma = max(1.4826 * float(np.median(np.abs(jumps))), least)
        edges = [int(k) for k in np.argsort(-np.abs(jumps), kind="stable") if abs(jumps[k]) > self.snr * sigma]
        steps = np.zeros(p.shape[1])
        while edges:
            edge = edges.pop(0)
            pairs = [k for k in edges if abs(k - edge) <= self.widest and _cancel(jumps[k], jumps[edge])]
            if pairs:
                other = min(pairs, key=lambda k: abs(k - edge))
                edges.remove(other)
                first, last = sorted((edge, other))
                steps[first + 1 : last + 1] += (jumps[first] - jumps[last]) / 2
        return steps

    def _narrow(self, p: Array, times: int) -> Array:
        for _ in range(times):
            p = p - np.median(p - median_filter(p, (1, self.size)), axis=0)
        return p

    def _unstable(self, p: Array, least: float) -> npt.NDArray[np.bool_]:
        rough = p - median_filter(p, (1, self.size))
        spread = np.median(np.abs(rough - np.median(rough, axis=0)), axis=0)
        usual = np.maximum(median_filter(spread, 2 * self.widest + 1), max(float(np.median(spread)), least))
        return np.asarray(spread > self.unstable * usual)

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        angles = torch.arange(24) * (pi / 24)
        s = (torch.arange(32) - 15.5)[None] - (3 * torch.cos(angles) + 4 * torch.sin(angles))[:, None]
        disc = 2 * (36 - s**2).clamp_min(0).sqrt() + 0.3 * (torch.arange(32) == 12)
        yield cls(), Item("scan", "scan.h5", disc)
        yield cls(size=5, widest=10, axis=1), Item("scan", "scan.h5", disc.expand(2, 24, 32).clone())


def _cancel(jump: float, other: float) -> bool:
    """Whether two jumps go opposite ways by nearly the same height."""
    return bool(abs(jump + other) < CANCEL * max(abs(jump), abs(other)))
