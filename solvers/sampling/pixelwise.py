"""Statistics of samples pixel by pixel, some pixels at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import nan, prod, sqrt
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Form = Literal["quantile", "student"]
"""How intervals follow from samples: by their order, or by mean and standard deviation as of Gaussian numbers."""

AT_ONCE = 2**20
"""Numbers that are worked at at a time."""


def over_pixels(samples: Tensor, complete: Tensor, f: Callable[..., Tensor], *others: Tensor) -> Tensor:
    """f of the complete samples of every pixel, in double precision: ``f(x, *others)`` for ``x`` of shape (n, pixels).

    Blocks of pixels are read one after the other, so that samples may lie on a disk. Complex samples are worked on by
    parts, and so are complex ``others``.

    Parameters
    ----------
    samples, complete
        ``(samples, *batch, *shape)`` and ``(samples, *batch)``; samples that are not complete are left out.
    f
        Gives (..., pixels) of the pixels of a block.
    others
        Images ``(*batch, *shape)``, of which f gets the same pixels.

    Returns
    -------
    ``(..., *batch, *shape)``, complex where the samples are.
    """
    if samples.is_complex():
        parts = [over_pixels(part(samples), complete, f, *(part(x) for x in others)) for part in (_real, _imag)]
        return torch.complex(*parts)
    size = tuple(samples.shape[1:])
    flat, known = samples.reshape(len(samples), prod(size)), [x.expand(size).reshape(-1) for x in others]
    found = []
    for rows, start, stop in blocks(flat, complete):
        block = flat[:, start:stop] if rows is None else flat[rows, start:stop]
        found.append(f(block.double(), *(x[start:stop].double() for x in known)))
    if not found:
        found = [f(flat.double(), *(x.double() for x in known))]
    whole = torch.cat(found, -1)
    return whole.reshape(*whole.shape[:-1], *size)


def blocks(flat: Tensor, complete: Tensor) -> Iterator[tuple[Tensor | None, int, int]]:
    """Which rows count in which pixels of ``(samples, items · pixels)``: None for all, first pixel, last but one."""
    width = max(1, AT_ONCE // max(len(flat), 1))
    whole = bool(complete.all())
    items = 1 if whole else complete[0].numel()
    pixels = flat.shape[1] // max(items, 1)
    for item in range(items):
        rows = None if whole else complete.reshape(len(complete), items)[:, item].nonzero().squeeze(-1).to(flat.device)
        for start in range(item * pixels, (item + 1) * pixels, width):
            yield rows, start, min(start + width, (item + 1) * pixels)


def _real(x: Tensor) -> Tensor:
    return x.real if x.is_complex() else x


def _imag(x: Tensor) -> Tensor:
    return x.imag if x.is_complex() else torch.zeros_like(x)


def mean(x: Tensor) -> Tensor:
    """Mean over the first dimension; NaN of nothing."""
    return x.mean(0)


def variance(x: Tensor) -> Tensor:
    """Variance over the first dimension with the divisor n − 1; NaN of fewer than two numbers."""
    if len(x) < 2:
        return x.new_full(x.shape[1:], nan)
    return (x - x.mean(0)).square().sum(0) / (len(x) - 1)


def ascending(x: Tensor) -> Tensor:
    """x sorted along the first dimension: by NumPy on the CPU, which sorts columns that lie together fastest."""
    columns = x.mT.contiguous()
    if x.device.type == "cpu":
        return torch.from_numpy(np.sort(columns.detach().numpy(), axis=1)).mT
    return columns.sort(1).values.mT


def quantiles(x: Tensor, q: Tensor) -> Tensor:
    """Q(p) with E F(Q(p)) = p for p from 1/(n + 1) to n/(n + 1) and continuous F, and the extremes beyond: (q, pixels).

    Linear between the order statistics at p = k/(n + 1).

    Source: Hyndman and Fan, The American Statistician 50 (1996) 361, definition 6.
    """
    n = len(x)
    if not n:
        return x.new_full((len(q), x.shape[1]), nan)
    ordered = ascending(x)
    place = (q.to(x) * (n + 1)).clamp(1, n)
    below = place.floor().clamp(max=max(n - 1, 1))
    low, high = ordered[below.long() - 1], ordered[below.long().clamp(max=n - 1)]
    return low + (place - below)[:, None] * (high - low)


def interval(x: Tensor, level: float, form: Form) -> Tensor:
    """Both ends, (2, pixels), of an interval in which another draw lies with probability ``level``."""
    if form == "quantile":
        return quantiles(x, torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    from scipy.stats import t as student

    n = len(x)
    reach = float(student.ppf((1 + level) / 2, n - 1)) * sqrt(1 + 1 / n) if n > 1 else nan
    half = reach * variance(x).sqrt()
    return torch.stack([mean(x) - half, mean(x) + half])


def reached(x: Tensor, truth: Tensor, form: Form) -> Tensor:
    """The least level of an :func:`interval` that holds the truth, 1 where none does: (pixels,)."""
    n = len(x)
    if n < 2:
        return torch.full_like(truth, nan)
    if form == "student":
        from scipy.stats import t as student

        off, width = (truth - mean(x)).abs(), variance(x).sqrt() * sqrt(1 + 1 / n)
        z = torch.where(off > 0, off / width, 0).cpu().numpy()
        return torch.from_numpy(np.asarray(2 * student.cdf(z, n - 1) - 1)).to(truth)
    first, last = places(x, truth)
    level = 2 * torch.minimum((first - 0.5).abs(), (last - 0.5).abs())
    return torch.where((first - 0.5) * (last - 0.5) <= 0, 0, level)


def places(x: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest p for which Q(p) of :func:`quantiles` is the truth; 0 or 1 beyond all samples."""
    n, ordered = len(x), ascending(x)
    less, most = (ordered < truth).sum(0), (ordered <= truth).sum(0)
    low, high = (ordered.gather(0, k.clamp(0, n - 1)[None])[0] for k in (less - 1, less))
    between = (less + (truth - low) / torch.where(high > low, high - low, 1)) / (n + 1)
    between = torch.where(most == 0, 0, torch.where(less == n, 1, between))
    met = most > less
    return torch.where(met, (less + 1) / (n + 1), between), torch.where(met, most / (n + 1), between)
