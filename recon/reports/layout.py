"""Panels in a row, all pictures of one height, with bars that end where the pictures end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from recon.reports.figure import MUTED, RULE

Array = np.ndarray[Any, Any]

_LABELS, _BAR, _NUMBERS, _GAP, _EDGE = 0.5, 0.1, 0.5, 0.14, 0.14
_TITLE, _HEAD, _BELOW, _FOOT = 0.3, 0.34, 0.24, 0.36


@dataclass(frozen=True)
class Slot:
    """What one panel needs beside its picture: room for labels at its left, a colour bar at its right."""

    labelled: bool = False
    bar: bool = False

    def width(self, picture: float) -> float:
        """Of the whole slot in inches."""
        return picture + self.labelled * _LABELS + self.bar * (_GAP / 2 + _BAR + _NUMBERS)


@dataclass(frozen=True)
class Row:
    """A row of panels with pictures of ``width`` × ``height`` inches, a heading above and a caption below.

    The heading and the room for words right below the pictures are left out where there are none.
    """

    slots: tuple[Slot, ...]
    width: float
    height: float
    title: bool = True
    below: bool = True

    @property
    def size(self) -> tuple[float, float]:
        """Of the whole figure in inches."""
        widths = sum(slot.width(self.width) for slot in self.slots) + _GAP * (len(self.slots) - 1)
        return widths + 2 * _EDGE, self.height + _TITLE + self.below * _BELOW + _FOOT + self.title * _HEAD

    def panels(self, drawing: Any) -> list[tuple[Any, Any]]:
        """The axes of every picture and of its colour bar, None where it has none."""
        total, tall = self.size
        made = []
        left = _EDGE
        for slot in self.slots:
            x = left + slot.labelled * _LABELS
            box = (x / total, (_FOOT + self.below * _BELOW) / tall, self.width / total, self.height / tall)
            axes, bar = drawing.add_axes(box), None
            if slot.bar:
                start = x + self.width + _GAP / 2
                bar = drawing.add_axes((start / total, box[1], _BAR / total, box[3]))
            made.append((axes, bar))
            left += slot.width(self.width) + _GAP
        return made

    def write(self, drawing: Any, title: str, note: str) -> None:
        """The heading, and the caption below the row."""
        total, tall = self.size
        if title:
            drawing.text(_EDGE / total, 1 - 0.1 / tall, title, fontsize=11, fontweight="bold", va="top")
        drawing.text(_EDGE / total, 0.1 / tall, note, fontsize=8, color=MUTED, va="bottom")


def colour_bar(drawing: Any, picture: Any, place: Any, values: list[Array], units: str) -> None:
    """A slim bar with its units; an arrow at an end beyond which there are values."""
    low, high = picture.get_clim()
    below = any(bool((v < low).any()) for v in values)
    above = any(bool((v > high).any()) for v in values)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max", (False, False): "neither"}[
        (below, above)
    ]
    bar = drawing.colorbar(picture, cax=place, extend=extend, extendfrac=0.03)
    bar.outline.set_edgecolor(RULE)
    bar.ax.tick_params(length=2, colors=MUTED)
    bar.formatter.set_powerlimits((-3, 4))
    bar.update_ticks()
    exponent = bar.ax.yaxis.get_offset_text()
    exponent.set_visible(False)
    bar.ax.figure.canvas.draw()
    label = " ".join(part for part in (exponent.get_text(), units) if part)
    bar.ax.set_title(label, fontsize=8, color=MUTED, loc="left", pad=6)
