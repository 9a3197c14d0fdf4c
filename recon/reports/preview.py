"""The picture that every reconstructed item leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import Tensor

from recon.metrics import psnr
from recon.reports.figure import MUTED, figure
from recon.reports.layout import Row, Slot, colour_bar
from recon.reports.panels import (
    Kind,
    comparable,
    draw,
    draw_sinogram,
    kind_of,
    log_kspace,
    middle_sinogram,
    reduced,
    robust_window,
)

Array = np.ndarray[Any, Any]
Window = tuple[float, float]

_DATA = {"image": "Data", "sinogram": "Data: sinogram", "kspace": "Data: log₁₀ |k-space|"}
_CMAP = {"image": "gray", "kspace": "magma", "error": "RdBu_r"}


def preview(
    path: str | Path,
    data: Tensor,
    first_guess: Tensor,
    reconstruction: Tensor,
    truth: Tensor | None = None,
    *,
    title: str = "",
    units: str = "",
    color: bool = False,
    window: tuple[float, float] | None = None,
    data_range: float | None = None,
    data_kind: Kind | Literal["auto"] = "auto",
    first_name: str = "First guess",
    name: str = "Reconstruction",
) -> Path:
    """Draw data, first guess and reconstruction side by side, with truth and error where the truth is known.

    All images share one window, which the picture states; the data has its own unless it is an image with the same
    meaning. The error has a scale of its own, symmetric about zero. k-space is drawn as log₁₀ of its magnitude, other
    complex images as their magnitude, volumes as their middle slice.

    Parameters
    ----------
    path
        The PNG to write; replaced only by a complete one.
    data
        The measured data of one item, any shape.
    first_guess, reconstruction, truth
        One image each, of one shape: (N,), (H, W), (D, H, W), or (3, H, W) with ``color``.
    title
        Above the panels, such as the item's id.
    units
        Of the images, beside the colour bar.
    window
        (low, high) of the images; by default the 0.5 and 99.5 percentiles of the truth, else of the reconstruction.
    data_range
        Span of values for the PSNR, which compares complex images as they are; by default from the smallest to the
        largest value (magnitude) of the truth.
    data_kind
        ``"image"``, ``"sinogram"`` (..., projections, bins), ``"projections"`` (..., projections, rows, bins), of which
        the sinogram of the middle row is drawn, or ``"kspace"`` (..., coils, ky, kx); ``"auto"`` takes complex data for
        k-space and data of other proportions than the image's for a sinogram.
    first_name, name
        Titles of the two images, such as "FBP" and "Total variation".

    Raises
    ------
    ValueError
        If the images differ in shape.
    """
    shapes = {tuple(image.shape) for image in (first_guess, reconstruction, truth) if image is not None}
    if len(shapes) > 1:
        raise ValueError(f"preview expects images of one shape, got {' and '.join(map(str, sorted(shapes)))}.")
    kind = kind_of(data, reconstruction, color) if data_kind == "auto" else data_kind
    first, last = reduced(first_guess, color), reduced(reconstruction, color)
    true = None if truth is None else reduced(truth, color)
    chosen = window or robust_window((last if true is None else true).values)
    span = (data_range or _span(truth)) if truth is not None else 0.0

    panels = [
        _data_panel(data, kind, chosen, color),
        _Panel(first_name + _score(first_guess, truth, span), first.values, chosen),
        _Panel(name + _score(reconstruction, truth, span), last.values, chosen),
    ]
    if true is not None:
        panels.append(_Panel("Truth", true.values, chosen))
    shared = [panel.values for panel in panels if panel.window == chosen]
    if last.values.ndim == 2:
        panels[-1] = _Panel(panels[-1].title, panels[-1].values, chosen, bar=shared, units=units)
    if true is not None:
        panels.append(_error_panel(last.values - true.values, units, color))

    note = _window_note(chosen, window is not None, truth is not None, units)
    note += f"; {last.note}" if last.note else ""
    if truth is not None:
        note += f"; PSNR {'of the complex images ' if truth.is_complex() else ''}over a range of {span:.4g}"
    _render(path, panels, title, note)
    return Path(path)


@dataclass(frozen=True)
class _Panel:
    """One picture: what it shows and how; ``bar`` holds the arrays that its colour bar stands for."""

    title: str
    values: Array
    window: Window
    style: Literal["image", "sinogram", "kspace", "error"] = "image"
    bar: list[Array] | None = None
    units: str = ""
    note: str = ""


def _data_panel(data: Tensor, kind: Kind, window: Window, color: bool) -> _Panel:
    if kind == "kspace":
        shown = log_kspace(data)
        own = robust_window(shown.values, 1, 99.9)
        return _Panel(_DATA[kind], shown.values, own, "kspace", [shown.values], note=shown.note)
    shown = middle_sinogram(data) if kind == "projections" else reduced(data, color and data.ndim > 2)
    if kind in ("sinogram", "projections") and shown.values.ndim == 2:
        title = ", ".join(part for part in (_DATA["sinogram"], shown.note) if part)
        return _Panel(title, shown.values, robust_window(shown.values), "sinogram", [shown.values])
    if comparable(shown.values, window):
        return _Panel(_DATA["image"], shown.values, window, note=shown.note)
    bar = [shown.values] if shown.values.ndim == 2 else None
    return _Panel(_DATA["image"], shown.values, robust_window(shown.values), bar=bar, note=shown.note)


def _error_panel(error: Array, units: str, color: bool) -> _Panel:
    mean = error.mean(-1) if color else error
    limit = float(np.percentile(np.abs(mean), 99.5)) or float(np.abs(mean).max()) or 1.0
    note = "mean of the colours" if color else ""
    bar = [mean] if mean.ndim == 2 else None
    return _Panel("Reconstruction − truth", mean, (-limit, limit), "error", bar, units, note)


def _render(path: str | Path, panels: list[_Panel], title: str, note: str) -> None:
    pixels = panels[1].values
    lines = pixels.ndim == 1
    proportions = 0.75 if lines else min(max(pixels.shape[0] / pixels.shape[1], 0.4), 2.0)
    width = (3.0 if len(panels) == 3 else 2.6) / max(proportions, 1.0) ** 0.5
    slots = tuple(Slot(lines or panel.style == "sinogram", panel.bar is not None) for panel in panels)
    below = lines or any(panel.note or panel.style == "sinogram" for panel in panels)
    row = Row(slots, width, width * proportions, bool(title), below)
    with figure(path, *row.size) as drawing:
        for panel, (axes, place) in zip(panels, row.panels(drawing), strict=True):
            if panel.style == "sinogram":
                picture = draw_sinogram(axes, panel.values, panel.window)
            else:
                picture = draw(axes, panel.values, panel.window, _CMAP[panel.style])
            axes.set_title(panel.title)
            if panel.note:
                axes.text(0, -0.02, panel.note, transform=axes.transAxes, va="top", fontsize=8, color=MUTED)
            if panel.bar is not None and place is not None:
                colour_bar(drawing, picture, place, panel.bar, panel.units)
        row.write(drawing, title, note)


def _window_note(window: tuple[float, float], given: bool, truth: bool, units: str) -> str:
    whose = "given" if given else f"0.5 to 99.5 % of the {'truth' if truth else 'reconstruction'}"
    return f"images share the window {window[0]:.3g} to {window[1]:.3g}{' ' + units if units else ''} ({whose})"


def _score(image: Tensor, truth: Tensor | None, span: float) -> str:
    """PSNR as the end of a title."""
    if truth is None:
        return ""
    score = psnr(image, truth, data_range=span, ndim=truth.ndim)
    return f"   {float(score):.2f} dB"


def _span(truth: Tensor) -> float:
    magnitude = truth.abs() if truth.is_complex() else truth
    return float(magnitude.max() - magnitude.min()) or 1.0
