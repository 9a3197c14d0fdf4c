"""exp(−z t) as a short sum of products of functions of t and of z."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Method = Literal["time", "frequency"]
FEW = 4096
"""Different values of z up to which no histogram is needed."""
CELLS = 64
"""Cells of the histogram of z along which the phase makes one turn, over all of the time."""
LEAST = 64
"""Cells along all of the range of frequencies at least; a fourth along that of rates of decay."""
MARGIN = 1.05
"""What the error may exceed that at the cells by: so little do functions of so narrow a band move within one."""
MOST = 64
"""Most segments that are tried."""
_CUTOFF = 1e-13
_AT_ONCE = 1 << 22


class Segments(NamedTuple):
    """exp(−z t) ≈ Σ_l b_l(t) c_l(z).

    Attributes
    ----------
    temporal, spatial
        b, ``(segments, *t.shape)``, and c, ``(segments, *z.shape)``, complex128.
    error
        Bound on |exp(−z t) − Σ_l b_l(t) c_l(z)| for the t and z given.
    """

    temporal: Tensor
    spatial: Tensor
    error: float


def segments(z: Tensor, t: Tensor, method: Method, tol: float, count: int | None = None) -> Segments:
    """The fewest segments with an error of at most ``tol``, or ``count`` of them, for complex z in 1/s and t in s.

    ``"time"``: c_l(z) = exp(−z τ_l) at evenly spaced times τ_l. ``"frequency"``: b_l(t) = exp(−ζ_l t) with the
    frequencies of ζ_l evenly spaced. The other factor is that of least squares: over a histogram of z, half of its
    weight by counts and half alike for all cells, or over the times.

    Errors: ValueError where no 64 segments are enough.
    """
    moments, where, repeats = t.double().flatten().unique(return_inverse=True, return_counts=True)
    rates = z.to(torch.complex128).flatten()
    cells, shares, margin = _histogram(rates, moments)
    make = _time_segments if method == "time" else _frequency_segments

    def attempt(n: int) -> tuple[float, Tensor, Spatial]:
        temporal, spatial = make(n, moments, repeats.double(), cells, shares)
        return margin * _largest(moments, temporal, cells, spatial), temporal, spatial

    if count is None:
        enough, best = 1, attempt(1)
        while best[0] > tol and enough < MOST:
            enough, best = 2 * enough, attempt(2 * enough)
        if best[0] > tol:
            raise ValueError(
                f"{MOST} segments reach an error of {best[0]:.2g}, not the tol of {tol:g}; "
                "is b0 in Hz, and are times in s?"
            )
        low = enough // 2
        while enough - low > 1:
            middle = (low + enough) // 2
            tried = attempt(middle)
            if tried[0] <= tol:
                enough, best = middle, tried
            else:
                low = middle
    else:
        enough, best = count, attempt(count)
    error, temporal, spatial = best
    parts = [spatial(part) for part in rates.split(max(1, _AT_ONCE // (enough + len(moments))))]
    shapes = (enough, *t.shape), (enough, *z.shape)
    return Segments(temporal[:, where].reshape(shapes[0]), torch.cat(parts, 1).reshape(shapes[1]), error)


Spatial = Callable[[Tensor], Tensor]


def _histogram(rates: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, float]:
    """Values of z that stand for all, the weights of their squared errors, of sum 1, and the margin of the largest.

    The values themselves where they are few; else the centres of cells in which there are any and of their neighbours
    in frequency, so that every z is between some of them.
    """
    exact, counts = torch.view_as_real(rates).unique(dim=0, return_counts=True)
    if len(exact) <= FEW:
        return torch.view_as_complex(exact), counts / (2 * counts.sum()) + 1 / (2 * len(counts)), 1.0
    turns = torch.stack([moments.abs().max(), (moments[-1] - moments[0]) / (2 * pi)])
    ranges = exact.amax(0) - exact.amin(0)
    cells = torch.maximum(torch.ceil(CELLS * turns * ranges), torch.tensor([LEAST // 4, LEAST]).double())
    widths = torch.where(ranges > 0, ranges, 1) / torch.where(ranges > 0, cells, 1)
    pairs, places = (exact / widths).round().unique(dim=0, return_inverse=True)
    step = torch.tensor([0.0, 1.0]).double()
    near = torch.cat([pairs, pairs - step, pairs + step])
    centres, where = near.unique(dim=0, return_inverse=True)
    shares = torch.zeros(len(centres), dtype=torch.float64)
    shares.index_add_(0, where[: len(pairs)][places], counts.double())
    return torch.view_as_complex(centres * widths), shares / (2 * shares.sum()) + 1 / (2 * len(centres)), MARGIN


def _time_segments(n: int, t: Tensor, repeats: Tensor, z: Tensor, shares: Tensor) -> tuple[Tensor, Spatial]:
    nodes = _nodes(float(t[0]), float(t[-1]), n)
    solve, project = _least_squares(torch.exp(-z[:, None] * nodes), shares)
    moments = torch.zeros(solve.shape[1], len(t), dtype=torch.complex128)
    step = max(1, _AT_ONCE // len(t))
    for part, some in zip(project.split(step, 1), z.split(step), strict=True):
        moments += part @ torch.exp(-some[:, None] * t)
    return solve @ moments, lambda rates: torch.exp(-nodes[:, None] * rates)


def _frequency_segments(n: int, t: Tensor, repeats: Tensor, z: Tensor, shares: Tensor) -> tuple[Tensor, Spatial]:
    span = float(t[-1] - t[0])
    pad = pi / (2 * span) if span else 0.0  # nodes beyond the ends follow changes of size as well as of phase
    nodes = _nodes(float(z.imag.min()) - pad, float(z.imag.max()) + pad, n)
    temporal = torch.exp(-(z.real.mean() + 1j * nodes)[:, None] * t)
    solve, project = _least_squares(temporal.T, repeats / repeats.sum())
    return temporal, lambda rates: solve @ (project @ torch.exp(-t[:, None] * rates))


def _nodes(low: float, high: float, n: int) -> Tensor:
    return torch.linspace(low, high, n, dtype=torch.float64) if n > 1 else torch.tensor([(low + high) / 2]).double()


def _least_squares(matrix: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """V S⁻¹ and Uᴴ W, of which the product is the pseudo-inverse for squared errors with these weights.

    Applied one after the other they keep residuals small to rounding, which their product would not.
    """
    U, s, Vh = torch.linalg.svd(weights.sqrt()[:, None] * matrix, full_matrices=False)
    kept = s > _CUTOFF * s[0]
    return Vh[kept].mH / s[kept], U[:, kept].mH * weights.sqrt()


def _largest(t: Tensor, temporal: Tensor, z: Tensor, spatial: Spatial) -> float:
    """Largest |exp(−z t) − Σ_l b_l(t) c_l(z)|."""
    worst = 0.0
    for part in z.split(max(1, _AT_ONCE // len(t))):
        worst = max(worst, float((torch.exp(-part[:, None] * t) - spatial(part).T @ temporal).abs().max()))
    return worst
