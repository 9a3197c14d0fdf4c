"""Single panels of a preview: what to draw of an array, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor

from recon.reports.figure import LINES, RULE

Array = np.ndarray[Any, Any]
Kind = Literal["image", "sinogram", "projections", "kspace"]


@dataclass(frozen=True)
class Shown:
    """What a panel draws of an array: (H, W), (H, W, 3) or (N,), and words for what was left out."""

    values: Array
    note: str = ""


def middle_sinogram(projections: Tensor) -> Shown:
    """The sinogram of the middle row of projections (..., projections, rows, bins)."""
    rows = projections.shape[-2]
    return Shown(reduced(projections.select(-2, rows // 2), False).values, f"row {rows // 2} of {rows}")


def reduced(image: Tensor, color: bool) -> Shown:
    """Magnitude of complex numbers, the middle slice of a volume, colours last."""
    values: Array = image.detach().cpu().resolve_conj().numpy()
    notes = []
    if np.iscomplexobj(values):
        values = np.abs(values)
        notes.append("magnitude")
    values = values.astype(np.float64)
    kept = 3 if color else 2
    while values.ndim > kept:
        axis = int(color)
        notes.append(f"slice {values.shape[axis] // 2} of {values.shape[axis]}")
        values = values.take(values.shape[axis] // 2, axis=axis)
    return Shown(np.moveaxis(values, 0, -1) if color else values, ", ".join(notes))


def log_kspace(data: Tensor) -> Shown:
    """log₁₀ of the root sum of squares over coils; samples that were not measured are NaN."""
    values: Array = np.abs(data.detach().cpu().resolve_conj().numpy()).astype(np.float64)
    note = ""
    while values.ndim > 3:
        values = values[values.shape[0] // 2]
    if values.ndim == 3:
        note = f"{values.shape[0]} coils, root sum of squares"
        values = np.sqrt((values**2).sum(0))
    with np.errstate(divide="ignore"):
        logarithm = np.log10(values)
    return Shown(np.where(values > 0, logarithm, np.nan), note)


def robust_window(values: Array, low: float = 0.5, high: float = 99.5) -> tuple[float, float]:
    """Two percentiles of the finite values, moved apart where they coincide."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bottom, top = (float(level) for level in np.percentile(finite, (low, high)))
    return (bottom, top) if top > bottom else (bottom - 0.5, bottom + 0.5)


def kind_of(data: Tensor, image: Tensor, color: bool) -> Kind:
    """What the data looks like when nobody says: complex numbers are k-space, an image has the image's proportions."""
    if data.is_complex():
        return "kspace"
    if data.ndim == image.ndim and (data.ndim == 1 or _in_proportion(data, image)):
        return "image"
    return "image" if color and data.ndim == 3 else "sinogram"


def _in_proportion(data: Tensor, image: Tensor) -> bool:
    ratios = [a / b for a, b in zip(data.shape[-2:], image.shape[-2:], strict=True)]
    return max(ratios) <= 1.05 * min(ratios)


def comparable(values: Array, window: tuple[float, float]) -> bool:
    """Whether data lies roughly where the images do, so that one window serves both."""
    low, high = robust_window(values)
    span = window[1] - window[0]
    return low > window[0] - 0.5 * span and high < window[1] + 0.5 * span and high - low > 0.1 * span


def draw(axes: Any, values: Array, window: tuple[float, float], cmap: str = "gray") -> Any:
    """An image in square pixels, or a line; the mappable of an image that has a colour bar, else None."""
    low, high = window
    if values.ndim == 1:
        axes.plot(values, color=LINES[0], linewidth=1.2)
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        axes.margins(x=0)
        axes.grid(True, color=RULE, linewidth=0.6)
        return None
    axes.set_facecolor("black")  # where nothing was measured
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if values.ndim == 3:
        axes.imshow(np.clip((values - low) / (high - low), 0, 1))
        return None
    return axes.imshow(values, cmap=cmap, vmin=low, vmax=high)


def draw_sinogram(axes: Any, values: Array, window: tuple[float, float]) -> Any:
    """Projections down, bins across, stretched to the box: the two axes share no unit."""
    picture = axes.imshow(values, cmap="gray", vmin=window[0], vmax=window[1], aspect="auto", interpolation="nearest")
    axes.set_xlabel("detector bin", labelpad=-6)
    axes.set_ylabel("projection", labelpad=-10)
    axes.set_xticks([0, values.shape[1] - 1])
    axes.set_yticks([0, values.shape[0] - 1])
    return picture
