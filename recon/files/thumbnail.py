"""Small pictures of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.item import DataError

Array = np.ndarray[Any, Any]
_DECIBELS = 60.0
_THINNEST = 8


@dataclass(frozen=True)
class Thumbnail:
    """8-bit pixels, (rows, columns) or (rows, columns, 3), and how they came from the numbers."""

    pixels: Array
    note: str

    def save(self, path: Path) -> None:
        """Write it as a PNG; a :class:`DataError` if that is not possible."""
        from PIL import Image

        try:
            Image.fromarray(self.pixels).save(path, format="PNG")
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror or error}).") from None


def thumbnail(values: Array, rows: int, columns: int) -> Thumbnail:
    """The array in at most ``rows`` × ``columns`` pixels, which are means of its own.

    It is not drawn larger than it is, but for arrays so long that one of their sides would all but vanish.

    Real values are shown from their 0.5 to their 99.5 percentile, complex ones by magnitude in decibels below the
    largest; values that are not finite count as the lowest and are counted in the note.
    """
    height, width = values.shape[:2]
    scale = min(1.0, rows / height, columns / width)
    size = min(rows, max(_THINNEST, round(height * scale))), min(columns, max(_THINNEST, round(width * scale)))
    complexes = np.iscomplexobj(values)
    numbers = np.abs(values).astype(np.float64) if complexes else values.astype(np.float64)
    bad = int((~np.isfinite(numbers)).sum())
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    if bad == numbers.size:
        return Thumbnail(np.zeros((*size, *values.shape[2:]), np.uint8), "no value is finite")
    small = _means(_means(numbers, size[0], 0), size[1], 1)
    if complexes:
        top = float(np.nanmax(small)) or 1.0
        with np.errstate(divide="ignore"):
            small = 20 * np.log10(small / top)
        low, high, note = -_DECIBELS, 0.0, f"magnitude, {_DECIBELS:.0f} dB down from {top:.4g}"
    else:
        low, high = (float(x) for x in np.nanpercentile(numbers, (0.5, 99.5)))
        note = f"{low:.4g} to {high:.4g}"
    codes = (small - low) * (255 / (high - low) if high > low else 0.0)
    pixels = np.rint(np.clip(np.nan_to_num(codes, nan=0.0, neginf=0.0), 0, 255)).astype(np.uint8)
    return Thumbnail(pixels, f"{note}; {bad} values are not finite" if bad else note)


def _means(values: Array, count: int, axis: int) -> Array:
    """``count`` means along an axis, of what is finite; values are repeated where there are fewer."""
    size = values.shape[axis]
    if count >= size:
        return np.repeat(values, max(1, count // size), axis=axis)
    edges = np.linspace(0, size, count + 1).astype(int)[:-1]
    finite = np.isfinite(values)
    total = np.add.reduceat(np.where(finite, values, 0.0), edges, axis=axis)
    share = np.add.reduceat(finite.astype(float), edges, axis=axis)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(share > 0, total / np.maximum(share, 1), np.nan))
