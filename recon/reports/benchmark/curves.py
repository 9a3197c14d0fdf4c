"""Quality against time and convergence, as SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np

from recon.reports.benchmark.measures import Measure, values_of
from recon.reports.benchmark.ranking import Record, clock_of
from recon.reports.figure import INK, LINES, MUTED, RULE, styled
from recon.reports.panels import Array

History = Mapping[str, Array]

LEAST = 1e-12


Curve = tuple[Array, Array]


def quality_curves(histories: Mapping[str, History], ranges: Mapping[str, float | None]) -> dict[str, Curve]:
    """PSNR against seconds along the iterations of the methods that kept track of their error."""
    found = {}
    for method, history in histories.items():
        span = ranges.get(method)
        if "mse" in history and "seconds" in history and span:
            seconds, squares = _numbers(history["seconds"]), _numbers(history["mse"])
            kept = np.isfinite(squares) & (squares > 0) & (seconds > 0)
            if kept.sum() > 1:
                found[method] = (seconds[kept], 10 * np.log10(span**2 / squares[kept]))
    return found


def quality_plot(
    records: Sequence[Record], column: Measure, colours: Mapping[str, str], curves: Mapping[str, Curve] | None = None
) -> str:
    """Every cell a dot at its time and quality, every method a ring at its medians; "" without times.

    ``curves`` holds times and qualities along the iterations of one image, drawn as lines.

    Dots of a device other than the first have another shape: their times do not compare.
    """
    clocks = list(dict.fromkeys(clock_of(r) for r in records if r["status"] == "ok"))
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for record in records:
        values = values_of(record)
        if record["status"] == "ok" and "seconds" in values and np.isfinite(values.get(column.name, np.nan)):
            place = (record["method"], clock_of(record))
            found.setdefault(place, []).append((values["seconds"], values[column.name]))
    if not found:
        return ""
    with Drawing(5.2, 3.3) as drawing:
        axes = drawing.axes
        for method, (seconds, quality) in (curves or {}).items():
            axes.plot(seconds, quality, color=colours[method], linewidth=1.1, alpha=0.8)
        for (method, clock), points in found.items():
            x, y = np.array(points).T
            marker = "o^sDv"[clocks.index(clock) % 5]
            axes.plot(x, y, marker, color=colours[method], markersize=3, alpha=0.45, markeredgewidth=0)
            axes.plot(np.median(x), np.median(y), marker, color=colours[method], markersize=9, fillstyle="none")
        axes.set(xscale="log", xlabel="time of one image [s]", ylabel=column.heading)
        legend(axes, [(method, colours[method], "-") for method in dict.fromkeys(m for m, _ in found)])
    return drawing.svg


def convergence_plot(histories: Mapping[str, History], costs: Mapping[str, str], colours: Mapping[str, str]) -> str:
    """Relative excess of every method's objective against time, solid, and its proven gap, dashed.

    The excess is that over the least objective that any method with the same cost (of equal ``costs``) has reached;
    "" where no method has a history.
    """
    objectives = {method: _numbers(h["objective"]) for method, h in histories.items() if "objective" in h}
    least: dict[str, float] = {}
    for method, values in objectives.items():
        finite = values[np.isfinite(values)]
        if finite.size:
            least[costs[method]] = min(float(finite.min()), least.get(costs[method], np.inf))
    lines: list[tuple[str, str, Array, Array]] = []
    for method, history in histories.items():
        if "seconds" not in history:
            continue
        seconds = _numbers(history["seconds"])
        if method in objectives and costs[method] in least:
            low = least[costs[method]]
            lines.append((method, "-", seconds, (objectives[method] - low) / max(abs(low), LEAST)))
        if "relative_gap" in history:
            lines.append((method, "--", seconds, _numbers(history["relative_gap"])))
    lines = [(m, style, x[_drawn(x, y)], y[_drawn(x, y)]) for m, style, x, y in lines if _drawn(x, y).any()]
    if not lines:
        return ""
    with Drawing(5.2, 3.3) as drawing:
        axes = drawing.axes
        for method, style, x, y in lines:
            axes.plot(x, y, style, color=colours[method], linewidth=1.3)
        axes.set(xscale="log", yscale="log", xlabel="time [s]", ylabel="relative excess of the objective")
        entries = [(method, colours[method], "-") for method in dict.fromkeys(line[0] for line in lines)]
        dashed = [("proven gap", MUTED, "--")] if any(style == "--" for _, style, *_ in lines) else []
        legend(axes, [*entries, *dashed])
    return drawing.svg


def _numbers(values: Array) -> Array:
    return np.asarray(values, dtype=np.float64)


def _drawn(x: Array, y: Array) -> Array:
    """What has a place on logarithmic axes."""
    kept: Array = np.isfinite(y) & (y > LEAST) & (x > 0)
    return kept


def colours_of(methods: Sequence[str]) -> dict[str, str]:
    """One colour per method, the same in every plot."""
    return {method: LINES[place % len(LINES)] for place, method in enumerate(methods)}


def legend(axes: Any, entries: Sequence[tuple[str, str, str]]) -> None:
    """Names, colours and line styles."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour, linestyle=style, label=name) for name, colour, style in entries]
    axes.legend(handles=handles, loc="best", fontsize=8, labelcolor=INK)


class Drawing:
    """A figure with one pair of axes that becomes a string when its block ends."""

    def __init__(self, width: float, height: float) -> None:
        self.size = (width, height)
        self.svg = ""

    def __enter__(self) -> Drawing:
        from matplotlib.figure import Figure

        self._style = styled()
        self._style.__enter__()
        self._figure = Figure(figsize=self.size, layout="constrained")
        self.axes: Any = self._figure.add_subplot()
        self.axes.grid(True, color=RULE, linewidth=0.6)
        self.axes.spines[["top", "right"]].set_visible(False)
        return self

    def __exit__(self, *error: object) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        try:
            if error[0] is None:
                stream = io.StringIO()
                with catch_warnings():
                    filterwarnings("ignore", message="Glyph .* missing from font")
                    FigureCanvasSVG(self._figure).print_svg(stream, metadata={"Date": None, "Creator": None})
                text = stream.getvalue()
                self.svg = text[text.index("<svg") :]
        finally:
            self._style.__exit__(None, None, None)
