"""The interpolations and the convolution of the helical filter as matrices."""

from __future__ import annotations

from math import ceil, pi

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.helix_windows import HelixWindows
from recon.operators.ct.ramp import Window, window
from recon.operators.ct.row_filter import half_way

NODES = 8  # of Gauss's rule to a half period of the fastest oscillation


def kappa_angles(windows: HelixWindows, u: Tensor, pitch: float) -> Tensor:
    """Angles ψ of κ-lines over the detector, equally spaced and nowhere farther apart than its rows."""
    aside, ahead = windows.across(u)
    end = min(0.95 * pi, pi / 2 + float(torch.atan2(aside, ahead).abs().max()))
    fine = torch.linspace(-end, end, 2001, dtype=torch.float64)
    widest = float(windows.line(u[:, None], fine).diff(dim=1).abs().max()) * 2000
    half = max(1, ceil(widest / (2 * pitch)))
    return torch.linspace(-end, end, 2 * half + 1, dtype=torch.float64)


def rows_to_lines(windows: HelixWindows, u: Tensor, psi: Tensor, rows: Tensor) -> Tensor:
    """Sparse ``(len(u) · lines, len(u) · rows)``: reads every column of the detector where the κ-lines cross it."""
    line = windows.line(u[:, None], psi)
    if len(rows) == 1:
        return _sparse(torch.zeros_like(line).long(), torch.zeros_like(line), len(rows))
    place = ((line - rows[0]) / (rows[1] - rows[0])).clamp(0, len(rows) - 1)
    below = place.floor().clamp(max=len(rows) - 2)
    return _sparse(below.long(), place - below, len(rows))


def lines_to_rows(windows: HelixWindows, u: Tensor, psi: Tensor, rows: Tensor, pitch: float) -> Tensor:
    """Sparse ``(len(u) · rows, len(u) · lines)``: reads between the two κ-lines of least |ψ| about every row.

    Times the Tam-Danielson window, which falls from 1 to 0 over one row about its ends.
    """
    line, middle = windows.line(u[:, None], psi) * np.sign(windows.slope), len(psi) // 2
    upper = line[:, middle:].cummax(1).values
    lower = line[:, : middle + 1].flip(1).cummin(1).values.flip(1)
    rising = torch.cat((lower[:, :-1], upper), 1).contiguous()
    wanted = (rows * np.sign(windows.slope)).expand(len(u), -1).contiguous()
    behind = torch.searchsorted(rising, wanted).clamp(1, len(psi) - 1)
    low, high = rising.gather(1, behind - 1), rising.gather(1, behind)
    part = ((wanted - low) / (high - low).clamp_min(1e-300)).clamp(0, 1)
    first, last = (end[:, None] for end in windows.window(u))
    inside = ((rows - first) / pitch + 0.5).clamp(0, 1) * ((last - rows) / pitch + 0.5).clamp(0, 1)
    return _sparse(behind - 1, part, len(psi), inside)


def _sparse(below: Tensor, part: Tensor, size: int, factor: Tensor | None = None) -> Tensor:
    """Block-diagonal interpolation: row n of block k reads 1 − part at ``below`` and part behind it."""
    blocks, rows = below.shape
    row = torch.arange(blocks * rows).reshape(blocks, rows)
    column = torch.arange(blocks)[:, None] * size + below
    weights = torch.stack((1 - part, part)) * (1 if factor is None else factor)
    columns = torch.stack((column, column + 1))
    used = weights != 0
    index = torch.stack((row.expand(2, -1, -1)[used], columns[used]))
    return torch.sparse_coo_tensor(index, weights[used], (blocks * rows, blocks * size)).coalesce()


def hilbert(bins: int, shape: Window | tuple[float, ...], cutoff: float) -> Tensor:
    """Hilbert transform ``(2 bins − 1, bins + 1)`` from between the bins to the bins and half-way between them.

    The kernel 2 ∫₀^½ W(2f/cutoff) sin(2πfx)/(sinc f sinc² f/2) df at distances x in bins makes up for the mean loss of
    the differences between bins and of linear interpolation. At the bins x is half odd; half-way between them
    the transform is read by 6-point Lagrange interpolation, as by :class:`~recon.operators.ct.row_filter.RowFilter`.
    """
    steps = torch.arange(-bins, bins + 1, dtype=torch.float64) + 0.5
    x, w = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(0, cutoff / 2, bins + 2)
    width = edges[1] - edges[0]
    nodes = torch.from_numpy((edges[:-1, None] + (x + 1) / 2 * width).ravel())
    gains = window(shape, 2 * nodes / cutoff) / (torch.sinc(nodes) * torch.sinc(nodes / 2).square())
    kernel = torch.sin(2 * pi * steps[:, None] * nodes) @ (torch.from_numpy(np.tile(w * width, bins + 1)) * gains)
    index = torch.arange(bins)[:, None] - torch.arange(bins + 1) + bins
    at_bins = kernel[index]
    fine = torch.empty(2 * bins - 1, bins + 1, dtype=torch.float64)
    fine[::2], fine[1::2] = at_bins, half_way(at_bins.T).T[:-1]
    return fine
