"""How a solver got to its result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from recon.reports.figure import LINES, RULE, caption, figure

Array = np.ndarray[Any, Any]

_NAMES = {
    "change": "relative change of the image",
    "relative_gap": "relative duality gap",
    "gap": "duality gap",
    "primal_residual": "primal residual",
    "dual_residual": "dual residual",
}


def convergence_plot(
    path: str | Path,
    history: Mapping[str, Tensor],
    *,
    title: str = "",
    note: str = "",
    tolerances: Mapping[str, float] | None = None,
) -> Path | None:
    """Draw the objective, and every residual, gap and change on a logarithmic scale, over the iterations.

    The objective is logarithmic too where it falls by a factor of 100. The upper edge counts seconds. Values that are
    not positive have no place on a logarithmic scale and are left out.

    Parameters
    ----------
    path
        The PNG to write; replaced only by a complete one.
    history
        Of one item: ``"iteration"``, ``"seconds"`` and measurements, each ``(records,)``, NaN where not measured.
    title
        Above the plot, such as the item's id.
    note
        Below it, such as why the solver stopped.
    tolerances
        Measurement to the tolerance at which it would have stopped, drawn as a thin line.

    Returns
    -------
    The path, or None where there is nothing to draw because nothing was measured.
    """
    iteration: Array = history["iteration"].double().numpy()
    seconds: Array = history["seconds"].double().numpy()
    curves = {
        key: value.detach().cpu().double().reshape(-1).numpy()
        for key, value in history.items()
        if key not in ("iteration", "seconds")
    }
    curves = {key: values for key, values in curves.items() if np.isfinite(values).any()}
    if not curves:
        return None
    objectives = {key: values for key, values in curves.items() if "objective" in key}
    measures = {key: values for key, values in curves.items() if key not in objectives}
    groups = [group for group in (objectives, measures) if group]
    with figure(path, 4.8 * len(groups) + 0.2, 3.6, "constrained") as drawing:
        for axes, group in zip(np.atleast_1d(drawing.subplots(1, len(groups))), groups, strict=True):
            logarithmic = group is measures or _spans_decades(group)
            for (key, values), color in zip(sorted(group.items()), LINES * len(group), strict=False):
                shown = np.isfinite(values) & ((values > 0) | (not logarithmic))
                marker = {"marker": "o", "markersize": 3.5} if shown.sum() < 12 else {}
                axes.plot(iteration[shown], values[shown], color=color, linewidth=1.4, label=_name(key), **marker)
                if key in (tolerances or {}):
                    axes.axhline((tolerances or {})[key], color=color, linewidth=0.8, linestyle=(0, (4, 3)))
            _finish(axes, group, logarithmic, iteration, seconds)
        caption(drawing, title, note)
    return Path(path)


def _spans_decades(group: Mapping[str, Array]) -> bool:
    """Whether the values are positive and differ by more than a factor of 100."""
    values = np.concatenate([v[np.isfinite(v)] for v in group.values()])
    return bool(values.min() > 0 and values.max() > 100 * values.min())


def _finish(axes: Any, group: Mapping[str, Array], logarithmic: bool, iteration: Array, seconds: Array) -> None:
    """Scales, grid, legend and the axis of seconds."""
    if logarithmic and axes.lines and any((np.asarray(line.get_ydata()) > 0).any() for line in axes.lines):
        axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.grid(True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(group) > 1:
        axes.legend(loc="best", fontsize=8)
    else:
        axes.set_ylabel(_name(next(iter(group))))
    axes.set_xlim(0, max(float(iteration[-1]), 1.0))
    if len(iteration) > 1 and seconds[-1] > seconds[0]:
        _clock(axes, iteration, seconds)


def _clock(axes: Any, iteration: Array, seconds: Array) -> None:
    """Round numbers of seconds along the upper edge, at the iterations where they were reached."""
    from matplotlib.ticker import MaxNLocator

    times = np.array(MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(seconds[0], seconds[-1]))
    times = times[(times >= seconds[0]) & (times <= seconds[-1])]
    clock = axes.twiny()
    clock.set_xlim(axes.get_xlim())
    clock.set_xticks(np.interp(times, seconds, iteration), [f"{time:g}" for time in times])
    clock.set_xlabel("seconds")
    clock.spines[:].set_visible(False)


def _name(key: str) -> str:
    return _NAMES.get(key, key.replace("_", " "))
