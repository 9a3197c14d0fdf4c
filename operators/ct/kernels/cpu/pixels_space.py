"""Hands the kernels of pixel-driven backprojection in space their packed blocks, and spreads them over threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu import pixels_tilted_kernels as tilted
from recon.operators.ct.kernels.cpu import pixels_upright_kernels as upright
from recon.operators.ct.kernels.cpu.pixels_tilted_kernels import AROUND, BEFORE
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import for_each, split
from recon.operators.ct.kernels.pixels import SPACE_A, SPACE_C

Array = np.ndarray[Any, Any]

ITEMS = 4  # batch items that share one computation of the places, and bound the memory
VIEWS = 32  # views that are packed at a time


def project(image: Array, table: Array, power: float, out: Array) -> None:
    """Write the transpose of :func:`backproject`, views (items, views, rows, bins), to ``out``."""
    project_items = _project_upright if _upright(table) else _project_tilted
    for first in range(0, len(image), ITEMS):
        project_items(image[first : first + ITEMS], table, power, out[first : first + ITEMS])


def backproject(sinogram: Array, table: Array, power: float, out: Array) -> None:
    """Write volumes (items, planes, i, j) from views (items, views, rows, bins) to ``out``."""
    backproject_items = _backproject_upright if _upright(table) else _backproject_tilted
    for first in range(0, len(sinogram), ITEMS):
        backproject_items(sinogram[first : first + ITEMS], table, power, out[first : first + ITEMS])


def _upright(table: Array) -> bool:
    """Whether the plane of a voxel enters into its row v alone, and not into its depth."""
    return not (table[:, SPACE_A].any() or table[:, SPACE_C].any())


def _project_upright(image: Array, table: Array, power: float, out: Array) -> None:
    packed = np.empty((len(image), *image.shape[2:], image.shape[1]), image.dtype)
    strips, views = split(image.shape[2]), split(len(table))
    for_each(len(strips), lambda n: upright.pack_rows(image, *strips[n], packed))
    for_each(len(views), lambda n: upright.project_views(packed, table, power, *views[n], out))


def _backproject_upright(sinogram: Array, table: Array, power: float, out: Array) -> None:
    items, views, rows, bins = sinogram.shape
    out[:] = 0
    height = (rows + AROUND + LANES - 1) // LANES * LANES + LANES
    packed = np.zeros((min(VIEWS, views), items, bins + AROUND, height), sinogram.dtype)
    for begin in range(0, views, VIEWS):
        _add_upright(sinogram[:, begin : begin + VIEWS], table[begin : begin + VIEWS], power, packed, out)


def _add_upright(sinogram: Array, table: Array, power: float, packed: Array, out: Array) -> None:
    views, rows = sinogram.shape[1:3]
    pieces, strips = split(views), split(out.shape[2])
    for_each(len(pieces), lambda n: upright.pack_views(sinogram, *pieces[n], packed))
    for_each(len(strips), lambda n: upright.backproject_rows(packed[:views], table, power, *strips[n], rows, out))


def _project_tilted(image: Array, table: Array, power: float, out: Array) -> None:
    views = split(len(table))
    for_each(len(views), lambda n: tilted.project_views(image, table, power, *views[n], out))


def _backproject_tilted(sinogram: Array, table: Array, power: float, out: Array) -> None:
    items, views, rows, bins = sinogram.shape
    packed = np.zeros((items, views, rows + AROUND, bins + AROUND), sinogram.dtype)
    packed[:, :, BEFORE : BEFORE + rows, BEFORE : BEFORE + bins] = sinogram
    planes = split(out.shape[1])
    for_each(len(planes), lambda n: tilted.backproject_planes(packed, table, power, *planes[n], out))
