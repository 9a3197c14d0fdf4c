"""Hands the kernels of pixel-driven backprojection in a plane their packed views, and spreads them over threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu import pixels_plane_kernels as kernels
from recon.operators.ct.kernels.cpu.pixels_plane_kernels import AROUND, BEFORE, ROWS
from recon.operators.ct.kernels.cpu.threads import for_each, split

Array = np.ndarray[Any, Any]

ITEMS = 16  # batch items that share one computation of the places, and bound the memory


def project(image: Array, table: Array, power: float, out: Array) -> None:
    """Write the transpose of :func:`backproject`, views (items, views, bins), to ``out``."""
    for first in range(0, len(image), ITEMS):
        _project_items(image[first : first + ITEMS], table, power, out[first : first + ITEMS])


def backproject(sinogram: Array, table: Array, power: float, out: Array) -> None:
    """Write images (items, rows, columns) from views (items, views, bins) to ``out``."""
    for first in range(0, len(sinogram), ITEMS):
        _backproject_items(sinogram[first : first + ITEMS], table, power, out[first : first + ITEMS])


def _project_items(image: Array, table: Array, power: float, out: Array) -> None:
    parts = split(len(table))
    for_each(len(parts), lambda n: kernels.project_views(image, table, power, *parts[n], out))


def _backproject_items(sinogram: Array, table: Array, power: float, out: Array) -> None:
    items, views, bins = sinogram.shape
    packed = np.zeros((items, views, bins + AROUND), sinogram.dtype)
    packed[:, :, BEFORE : BEFORE + bins] = sinogram
    parts = split(out.shape[1], ROWS)
    for_each(len(parts), lambda n: kernels.backproject_rows(packed, table, power, *parts[n], out))
