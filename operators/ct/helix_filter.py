"""From the views of a helical scan to what is backprojected."""

from __future__ import annotations

from dataclasses import replace
from math import pi
from typing import Any

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.helix_matrices import hilbert, kappa_angles, lines_to_rows, rows_to_lines
from recon.operators.ct.helix_windows import HelixWindows
from recon.operators.ct.ramp import Window
from recon.operators.ct.row_filter import Padding

FOLD = 2  # points per bin at which filtered views are known


class HelixFilter:
    """Steps 1 to 5 of Noo, Pack and Heuscher (Phys. Med. Biol. 48, 2003, section 4.2), half-way between views.

    1. g₁ = (∂/∂λ + (D² + u²)/D ∂/∂u + uw/D ∂/∂w) y, half-way between views and between bins, times Δλ/2πD;
    2. g₂ = D/√(D² + u² + w²) g₁;
    3. g₃(ψ) = g₂(w_κ(u, ψ)) on κ-lines as close as the rows;
    4. g₄ = 1/(πu) ∗ g₃ along them, by the band-limited kernel times the filter's window;
    5. g₅(w) = g₄(ψ(u, w)), cut to the Tam-Danielson window, whose ends fall off over a row.

    ``(items, views, rows, bins)`` to ``(items, views − 1, rows, 2 bins − 1)``, linear with an exact transpose.

    Parameters
    ----------
    geometry, windows
        The scan, and its κ-lines.
    steps
        Δλ in radians from each view to the next along the helix.
    shape, cutoff
        As in :class:`~recon.operators.ct.fbp.FilteredBackprojection`.
    padding
        What follows the ends of a row when it is differentiated: ``"zero"``, or ``"edge"``, the same value, so that a
        truncated object has no edge there.
    """

    def __init__(
        self,
        geometry: ConeBeam,
        windows: HelixWindows,
        steps: Tensor,
        shape: Window | tuple[float, ...],
        cutoff: float,
        padding: Padding,
    ) -> None:
        (rise, pitch), distance, (v0, s0) = geometry.pitch, geometry.source_to_detector, geometry.source_offset
        bins, w = geometry.positions() - s0, geometry.heights() - v0
        u = torch.cat((bins - pitch / 2, bins[-1:] + pitch / 2))
        out = bins[0] + torch.arange(FOLD * (len(bins) - 1) + 1, dtype=torch.float64) * (pitch / FOLD)
        self.detector, self.pitch, self.edge = (len(w), len(out)), pitch, padding == "edge"
        cosine = distance / (distance**2 + u.square() + w[:, None].square()).sqrt() / (2 * pi * distance)
        psi = kappa_angles(windows, u, rise)
        lines, rows = rows_to_lines(windows, u, psi, w), lines_to_rows(windows, out, psi, w, rise)
        self.constants = {
            "steps": steps[:, None, None],
            "along": cosine,
            "by_u": cosine * (distance**2 + u.square()) / (distance * pitch),
            "by_w": cosine * u * w[:, None] / (distance * rise),
            "lines": lines,
            "lines_transpose": lines.t().coalesce(),
            "hilbert": hilbert(len(bins), shape, cutoff),
            "rows": rows,
            "rows_transpose": rows.t().coalesce(),
        }
        self._kept: dict[Any, Tensor] = {}

    def fine(self, geometry: ConeBeam) -> ConeBeam:
        """The detector on which filtered views are known."""
        return replace(geometry, bins=self.detector[1], pitch=(geometry.pitch[0], geometry.pitch[1] / FOLD))

    def apply(self, y: Tensor, first: int = 0) -> Tensor:
        """Filter neighbouring views, ordered along the helix, the first of which is number ``first``."""
        steps = self._constant("steps", y)[first : first + y.shape[1] - 1]
        extended = self._extend(y)
        mean, slope = (extended[..., 1:] + extended[..., :-1]) / 2, extended.diff(dim=-1)
        g = self._constant("along", y) * mean.diff(dim=1)
        g += steps / 2 * self._constant("by_u", y) * (slope[:, 1:] + slope[:, :-1])
        g += steps / 2 * self._constant("by_w", y) * _rise(mean[:, 1:] + mean[:, :-1])
        items, views, rows, points = g.shape
        packed = g.permute(3, 2, 0, 1).reshape(points * rows, -1)
        on_lines = torch.sparse.mm(self._constant("lines", y), packed).reshape(points, -1)
        filtered = self._constant("hilbert", y) @ on_lines
        back = torch.sparse.mm(self._constant("rows", y), filtered.reshape(-1, packed.shape[1]))
        out: Tensor = back.reshape(*self.detector[::-1], items, views).permute(2, 3, 1, 0).contiguous()
        return out

    def transpose(self, z: Tensor, first: int = 0) -> Tensor:
        """Transpose of :meth:`apply`."""
        items, views, rows, points = z.shape
        packed = z.permute(3, 2, 0, 1).reshape(points * rows, -1)
        filtered = torch.sparse.mm(self._constant("rows_transpose", z), packed).reshape(points, -1)
        on_lines = self._constant("hilbert", z).T @ filtered
        g = torch.sparse.mm(self._constant("lines_transpose", z), on_lines.reshape(-1, packed.shape[1]))
        g = g.reshape(-1, rows, items, views).permute(2, 3, 1, 0)
        steps = self._constant("steps", z)[first : first + views]
        ahead = self._constant("along", z) * g
        both = _rise_transpose(steps / 2 * self._constant("by_w", z) * g)
        slope = steps / 2 * self._constant("by_u", z) * g
        out = z.new_zeros((items, views + 1, rows, g.shape[-1] - 1))
        out[:, 1:] += self._reduce((both + ahead) / 2 + slope, (both + ahead) / 2 - slope)
        out[:, :-1] += self._reduce((both - ahead) / 2 + slope, (both - ahead) / 2 - slope)
        return out

    def _extend(self, y: Tensor) -> Tensor:
        """Views with one more bin at each end: zero, or the same again."""
        if self.edge:
            return torch.cat((y[..., :1], y, y[..., -1:]), -1)
        return torch.nn.functional.pad(y, (1, 1))

    def _reduce(self, right: Tensor, left: Tensor) -> Tensor:
        """Transpose of reading two neighbours of the extended views, with these weights."""
        out = right[..., :-1] + left[..., 1:]
        if self.edge:
            out[..., 0] += left[..., 0]
            out[..., -1] += right[..., -1]
        return out

    def _constant(self, key: str, like: Tensor) -> Tensor:
        """A constant in the precision and on the device of ``like``; copies are kept for the next call."""
        entry = (key, like.dtype, like.device)
        if entry not in self._kept:
            self._kept[entry] = self.constants[key].to(device=like.device, dtype=like.dtype)
        return self._kept[entry]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}


def _rise(y: Tensor) -> Tensor:
    """Differences along rows: central, at the ends of the two outermost."""
    if y.shape[-2] == 1:
        return torch.zeros_like(y)
    inner = (y[..., 2:, :] - y[..., :-2, :]) / 2
    return torch.cat((y[..., 1:2, :] - y[..., :1, :], inner, y[..., -1:, :] - y[..., -2:-1, :]), -2)


def _rise_transpose(g: Tensor) -> Tensor:
    out = torch.zeros_like(g)
    if g.shape[-2] == 1:
        return out
    out[..., 2:, :] += g[..., 1:-1, :] / 2
    out[..., :-2, :] -= g[..., 1:-1, :] / 2
    out[..., 1, :] += g[..., 0, :]
    out[..., 0, :] -= g[..., 0, :]
    out[..., -1, :] += g[..., -1, :]
    out[..., -2, :] -= g[..., -1, :]
    return out
