"""One look for every picture, drawn without global state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from warnings import catch_warnings, filterwarnings

from recon.files.whole import whole

INK, MUTED, RULE = "#1a1a1a", "#6b6b6b", "#d9d9d9"
LINES = ("#1f5fa8", "#c8553d", "#3d8b5f", "#8a5fa8", "#b5892b", "#4a9aa8", "#a8447e", "#5b6b2f")

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.titlepad": 6.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.titlecolor": INK,
    "axes.formatter.limits": (-3, 4),
    "axes.formatter.use_mathtext": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "text.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@contextmanager
def styled() -> Iterator[None]:
    """The look of every figure drawn inside the block."""
    from matplotlib import rc_context

    with rc_context({**_STYLE, "svg.fonttype": "none", "svg.hashsalt": "recon"}):
        yield


@contextmanager
def figure(
    path: str | Path, width: float, height: float, layout: Literal["constrained"] | None = None
) -> Iterator[Any]:
    """A matplotlib figure of the given size in inches, written to ``path`` as PNG when the block ends.

    A file of the same name is replaced only by a complete one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with styled(), catch_warnings():
        filterwarnings("ignore", message="Glyph .* missing from font")  # item names may be in any script
        drawing = Figure(figsize=(width, height), dpi=150, layout=layout)
        canvas = FigureCanvasAgg(drawing)
        yield drawing
        with whole(Path(path)) as temporary, temporary.open("wb") as stream:
            canvas.print_png(stream)


def caption(drawing: Any, title: str, note: str) -> None:
    """A bold line above everything and a quiet one below."""
    if title:
        drawing.suptitle(title, x=0.008, ha="left", fontsize=11, fontweight="bold")
    if note:
        drawing.supxlabel(note, x=0.008, ha="left", fontsize=8, color=MUTED)
