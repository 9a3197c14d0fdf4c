"""The picture that an item of several maps leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from recon.reports.figure import MUTED, figure
from recon.reports.layout import Row, Slot, colour_bar
from recon.reports.panels import draw, log_kspace, reduced, robust_window

Array = np.ndarray[Any, Any]

EMPTY = 0.05
"""Share of the largest magnetisation below which a voxel is taken to have none."""
_SPREAD = 3.0


@dataclass(frozen=True)
class Map:
    """One map.

    Attributes
    ----------
    values
        Of one image's shape.
    unit
        Empty where there is none.
    magnetisation
        Whether it tells where there is anything to see.
    """

    values: Tensor
    unit: str = ""
    magnetisation: bool = False


def map_preview(path: str | Path, data: Tensor, maps: Mapping[str, Map], *, title: str = "") -> Path:
    """Draw data and maps side by side, each map with its own window and the unit at its bar.

    Complex data are drawn as log₁₀ of the magnitude of k-space. Where magnetisation is below 5 % of its most, others
    maps are black: nothing is known there. Their windows are :func:`map_window`.
    """
    mask = occupied(maps)
    shown = log_kspace(data) if data.is_complex() else reduced(data, False)
    panels = [("Data: log₁₀ |k-space|" if data.is_complex() else "Data", shown.values, "", robust_window(shown.values))]
    for name, part in maps.items():
        values, window = reduced(part.values, False).values, map_window(part, mask)
        if not part.magnetisation and mask is not None:
            values = np.where(mask, values, np.nan)
        panels.append((f"|{name}|" if part.magnetisation else name, values, part.unit, window))
    height, width = panels[-1][1].shape[-2:]
    proportions = min(max(height / width, 0.4), 2.0)
    side = 2.8 / max(proportions, 1.0) ** 0.5
    row = Row((Slot(bar=True),) * len(panels), side, side * proportions, bool(title), below=True)
    with figure(path, *row.size) as drawing:
        for number, ((name, values, unit, window), (axes, place)) in enumerate(
            zip(panels, row.panels(drawing), strict=True)
        ):
            cmap = "gray" if number else "magma"
            picture = draw(axes, values, window, cmap if number < 2 or not unit else "viridis")
            axes.set_title(name)
            if not number and shown.note:
                axes.text(0, -0.02, shown.note, transform=axes.transAxes, va="top", fontsize=8, color=MUTED)
            colour_bar(drawing, picture, place, [values[np.isfinite(values)]], unit)
        note = f"black: magnetisation below {100 * EMPTY:g} % of its most" if mask is not None else ""
        row.write(drawing, title, note)
    return Path(path)


def occupied(maps: Mapping[str, Map]) -> Array | None:
    """Where there is magnetisation, in the slice that pictures show; None where no map tells."""
    sizes = [reduced(part.values, False).values for part in maps.values() if part.magnetisation]
    if not sizes:
        return None
    total: Array = np.sum(sizes, axis=0)
    return total > EMPTY * float(np.percentile(total, 99.5))


def map_window(part: Map, mask: Array | None) -> tuple[float, float]:
    """2 to 98 % of the values where there is magnetisation, and no farther than three interquartile ranges from the
    quartiles: a few voxels of fluid leave tissue its contrast. From 0 to 99.5 % for magnetisation itself."""
    values = reduced(part.values, False).values
    if part.magnetisation:
        return 0.0, robust_window(values)[1]
    inside = values[mask] if mask is not None and bool(mask.any()) else values
    low, high = robust_window(inside, 2, 98)
    first, last = np.percentile(inside, (25, 75))
    reach = _SPREAD * float(last - first)
    if not reach > 0:
        return low, high
    return max(low, float(first) - reach), min(high, float(last) + reach)
