"""The picture of an item's posterior samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from recon.reports.figure import INK, LINES, MUTED, RULE, figure
from recon.reports.layout import Row, Slot, colour_bar
from recon.reports.panels import draw, reduced, robust_window
from recon.solvers import CoverageCurve

Array = np.ndarray[Any, Any]

SHOWN = 4
"""Samples that are drawn."""


def posterior_picture(
    path: str | Path,
    samples: Tensor,
    mean: Tensor,
    std: Tensor,
    truth: Tensor | None = None,
    curve: CoverageCurve | None = None,
    *,
    title: str = "",
    units: str = "",
    color: bool = False,
    window: tuple[float, float] | None = None,
    name: str = "",
) -> Path:
    """Draw a few samples, their mean and standard deviation, and where the truth is known the error and the coverage.

    Samples, mean and truth share one window. Standard deviation and absolute error share another, from 0 on, so that
    one sees whether the spread is where the error is, and as large.

    Parameters
    ----------
    path
        The PNG to write; replaced only by a complete one.
    samples
        ``(samples, *shape)``, of which the first four are drawn.
    mean, std, truth
        Images of one shape: (N,), (H, W), (D, H, W), or (3, H, W) with ``color``.
    curve
        The coverage of intervals of the pixels.
    window
        (low, high) of the images; by default the 0.5 and 99.5 percentiles of the truth, else of the mean.
    name
        Of the sampler, for the caption.
    """
    shown = [reduced(sample, color).values for sample in samples[:SHOWN]]
    middle, spread = reduced(mean, color), reduced(std, color).values
    spread = spread.mean(-1) if color and spread.ndim == 3 else spread
    true = None if truth is None else reduced(truth, color).values
    chosen = window or robust_window(middle.values if true is None else true)
    panels = [(f"Sample {place + 1}", values, chosen, "gray") for place, values in enumerate(shown)]
    panels.append((f"Mean of {len(samples)}", middle.values, chosen, "gray"))
    if true is not None:
        panels.append(("Truth", true, chosen, "gray"))
    scale = [spread]
    if true is not None:
        off = np.abs(middle.values - true)
        scale.append(off.mean(-1) if off.ndim == 3 else off)
    top = max(float(np.percentile(values, 99.5)) for values in scale) or 1.0
    panels.append(("Standard deviation", spread, (0.0, top), "viridis"))
    if true is not None:
        panels.append(("|Mean − truth|", scale[1], (0.0, top), "viridis"))
    lines = middle.values.ndim == 1
    last = len(panels) - 1
    slots = [
        Slot(lines, not lines and (place == last or panels[place + 1][2] != panel[2]) and panel[1].ndim == 2)
        for place, panel in enumerate(panels)
    ]
    if curve is not None:
        slots.append(Slot(labelled=True))
    proportions = 0.75 if lines else min(max(middle.values.shape[0] / middle.values.shape[1], 0.4), 2.0)
    width = 2.0 / max(proportions, 1.0) ** 0.5
    row = Row(tuple(slots), width, width * proportions, bool(title), below=True)
    with figure(path, *row.size) as drawing:
        places = row.panels(drawing)
        for (heading, values, limits, cmap), (axes, bar) in zip(panels, places, strict=False):
            picture = draw(axes, values, limits, cmap)
            axes.set_title(heading)
            if bar is not None and picture is not None:
                shared = [other for _, other, own, _ in panels if own == limits]
                colour_bar(drawing, picture, bar, shared, units)
        if curve is not None:
            draw_coverage(places[-1][0], {"": curve})
        row.write(drawing, title, _note(chosen, window is not None, true is not None, units, name, middle.note))
    return Path(path)


def draw_coverage(axes: Any, curves: dict[str, CoverageCurve], colours: dict[str, str] | None = None) -> None:
    """Empirical over nominal coverage, a line for each, with its band where there is one; the diagonal is dashed."""
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    for (name, curve), color in zip(curves.items(), LINES * len(curves), strict=False):
        own = (colours or {}).get(name, color)
        x = np.concatenate([[0.0], curve.levels.numpy(), [1.0]])
        y = np.concatenate([[0.0], curve.coverage.numpy(), [1.0]])
        axes.plot(x, y, color=own, linewidth=1.4, label=name)
        if bool(curve.low.isfinite().all()):
            axes.fill_between(curve.levels.numpy(), curve.low.numpy(), curve.high.numpy(), color=own, alpha=0.15, lw=0)
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set_title("Coverage", color=INK)
    axes.set_xlabel("nominal", labelpad=1)
    axes.set_ylabel("pixels inside", labelpad=1)
    axes.grid(True, color=RULE, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _note(window: tuple[float, float], given: bool, truth: bool, units: str, name: str, words: str) -> str:
    whose = "given" if given else f"0.5 to 99.5 % of the {'truth' if truth else 'mean'}"
    note = f"images share the window {window[0]:.3g} to {window[1]:.3g}{' ' + units if units else ''} ({whose})"
    return "; ".join(part for part in (name, note, words) if part)
