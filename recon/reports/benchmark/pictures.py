"""Reconstructions as small pictures that a page can hold, all under one window."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from recon.reports.panels import Array, reduced, robust_window

SIDE = 512
"""Pixels along the longer side beyond which a picture is shown at a smaller scale."""
TRUTH, GUESS = "truth", "first guess"
"""Titles of the panels that are no method's."""


@dataclass(frozen=True)
class Panel:
    """A picture as ``data:`` URI, the picture of its error where the truth is known, and words below it.

    Of methods that draw samples also the standard deviation, under the window of the errors, and a few samples.
    """

    title: str
    picture: str
    error: str
    words: str
    std: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spread:
    """What a method's samples leave: their standard deviation, and a few of them ``(samples, *shape)``."""

    std: Array
    samples: Array | None = None


@dataclass(frozen=True)
class Grid:
    """The panels of one image.

    Attributes
    ----------
    window
        Values that are black and white in every picture; ``error_top`` is the error or the standard deviation that is
        white.
    aspect
        Width over height.
    """

    title: str
    panels: tuple[Panel, ...]
    window: tuple[float, float]
    error_top: float
    aspect: float
    note: str


def grid(
    title: str,
    truth: Array | None,
    guess: Array | None,
    images: Mapping[str, Array],
    words: Mapping[str, str],
    drawn: Mapping[str, Spread] | None = None,
) -> Grid:
    """Truth and first guess, where there are any, and every method's image under the truth's window.

    Complex images are shown as magnitudes, volumes by their middle slice, and beyond 512 pixels at a whole fraction of
    the size; the note says so. ``drawn`` holds what methods that draw samples have more.
    """
    known = {TRUTH: truth, GUESS: guess}
    arrays = {**{name: array for name, array in known.items() if array is not None}, **images}
    first = next(iter(arrays.values()))
    color = first.ndim == 3 and first.shape[0] == 3
    shown = {name: reduced(torch.from_numpy(np.ascontiguousarray(array)), color) for name, array in arrays.items()}
    plain = {name: _strip(panel.values) for name, panel in shown.items()}
    reference = plain[TRUTH] if truth is not None else np.stack([plain[name] for name in images])
    window = robust_window(reference)
    errors: dict[str, Array] = {}
    if truth is not None:
        errors = {name: _size(plain[name] - plain[TRUTH]) for name in images}
    spreads = {name: _reduced(one.std, color) for name, one in (drawn or {}).items() if name in images}
    stds = {name: np.sqrt((std**2).mean(-1)) if std.ndim == 3 else std for name, std in spreads.items()}
    finite = [e[np.isfinite(e)] for e in (*errors.values(), *stds.values())]
    top = max((float(np.percentile(e, 99.5)) for e in finite if e.size), default=0.0) or 1.0
    height, width = plain[next(iter(images))].shape[:2]
    step = -(-max(height, width) // SIDE)
    notes = [shown[next(iter(images))].note, f"shown at 1/{step} of its size" if step > 1 else ""]
    panels = tuple(
        Panel(
            name,
            _uri(values, window, step),
            _uri(errors[name], (0.0, top), step) if name in errors else "",
            words.get(name, ""),
            _uri(stds[name], (0.0, top), step) if name in stds else "",
            _samples((drawn or {}).get(name), color, window, step),
        )
        for name, values in plain.items()
    )
    return Grid(title, panels, window, top, width / height, ", ".join(note for note in notes if note))


def _samples(spread: Spread | None, color: bool, window: tuple[float, float], step: int) -> tuple[str, ...]:
    """The pictures of a method's samples."""
    found = [] if spread is None or spread.samples is None else list(spread.samples)
    return tuple(_uri(_reduced(sample, color), window, step) for sample in found)


def _reduced(image: Array, color: bool) -> Array:
    return _strip(reduced(torch.from_numpy(np.ascontiguousarray(image)), color).values)


def _strip(values: Array) -> Array:
    """A signal as a picture of a few rows."""
    return np.repeat(values[None], max(1, len(values) // 8), axis=0) if values.ndim == 1 else values


def _size(difference: Array) -> Array:
    return np.abs(difference) if difference.ndim == 2 else np.sqrt((difference**2).mean(-1))


def _uri(values: Array, window: tuple[float, float], step: int) -> str:
    """A PNG of values under a window, means of ``step`` × ``step`` pixels; what is not finite is black."""
    from PIL import Image

    low, high = window
    levels = np.clip((np.nan_to_num(_means(values, step), nan=low) - low) / (high - low), 0, 1)
    stream = io.BytesIO()
    Image.fromarray(np.round(255 * levels).astype(np.uint8)).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _means(values: Array, step: int) -> Array:
    if step == 1:
        return values
    height, width = (n // step * step for n in values.shape[:2])
    cut: Any = values[:height, :width]
    means: Array = cut.reshape(height // step, step, width // step, step, *cut.shape[2:]).mean((1, 3))
    return means


def pictured(records: Sequence[Mapping[str, Any]], count: int) -> list[tuple[str, int]]:
    """The images of a condition that are shown: the first ``count`` with a result, each with its first seed."""
    found: dict[str, int] = {}
    for record in records:
        if record["status"] == "ok":
            found.setdefault(record["item"], record["seed"])
            found[record["item"]] = min(found[record["item"]], record["seed"])
    return sorted(found.items())[:count]
