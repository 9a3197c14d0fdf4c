"""Joseph's method in space as one writes it first: ray by ray, layer by layer, four neighbours of each crossing.

The yardstick of the kernels for cone beams: the same formula on the same table of rays, compiled by Numba.
"""

from __future__ import annotations

from math import floor, sqrt
from typing import Any

import numba
import numpy as np

Array = np.ndarray[Any, Any]


def project(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the projections (items, views, rows, bins) of volumes (items, planes, rows, columns) to ``out``."""
    for item, target in zip(image, out, strict=True):
        _project(item, rays, np.asarray(spacing, dtype=np.float64), target)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _project(image: Array, rays: Array, spacing: Array, out: Array) -> None:
    views, rows, bins = out.shape
    nz, ny, nx = image.shape
    for a in range(views):
        for row in range(rows):
            for k in range(bins):
                pz, py, px = _along(rays[a], 0, k, row)
                dz, dy, dx = _along(rays[a], 9, k, row)
                length = sqrt((spacing[0] * dz) ** 2 + (spacing[1] * dy) ** 2 + (spacing[2] * dx) ** 2)
                total = image.dtype.type(0)
                if abs(dz) >= abs(dy) and abs(dz) >= abs(dx):
                    u, v = dy / dz, dx / dz
                    for i in range(nz):
                        total += _bilinear(image[i], py + (i - pz) * u, px + (i - pz) * v)
                    length /= abs(dz)
                elif abs(dy) >= abs(dx):
                    u, v = dz / dy, dx / dy
                    for i in range(ny):
                        total += _bilinear(image[:, i], pz + (i - py) * u, px + (i - py) * v)
                    length /= abs(dy)
                else:
                    u, v = dz / dx, dy / dx
                    for i in range(nx):
                        total += _bilinear(image[:, :, i], pz + (i - px) * u, py + (i - px) * v)
                    length /= abs(dx)
                out[a, row, k] = length * total


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _along(view: Array, first: int, k: int, row: int) -> tuple[float, float, float]:
    part = view[first : first + 9]
    return (
        part[0] + k * part[3] + row * part[6],
        part[1] + k * part[4] + row * part[7],
        part[2] + k * part[5] + row * part[8],
    )


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _bilinear(layer: Array, u: float, v: float) -> float:
    """``layer`` between its four pixels around (u, v), zero outside."""
    total = layer.dtype.type(0)
    if u <= -1 or v <= -1 or u >= layer.shape[0] or v >= layer.shape[1]:
        return total
    i, j = floor(u), floor(v)
    f, g = layer.dtype.type(u - i), layer.dtype.type(v - j)
    one = layer.dtype.type(1)
    if i >= 0:
        if j >= 0:
            total += (one - f) * (one - g) * layer[i, j]
        if j + 1 < layer.shape[1]:
            total += (one - f) * g * layer[i, j + 1]
    if i + 1 < layer.shape[0]:
        if j >= 0:
            total += f * (one - g) * layer[i + 1, j]
        if j + 1 < layer.shape[1]:
            total += f * g * layer[i + 1, j + 1]
    return total
