"""Joseph's method in space as one writes it with some care: ray by ray, layer by layer, four neighbours of a crossing.

The yardstick of the kernels for cone beams: the same formula on the same table of rays, compiled by Numba. Volumes are
copied once for each axis, so that every layer lies together with zeros around it.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numba
import numpy as np

Array = np.ndarray[Any, Any]

PAD = 2


def project(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the projections (items, views, rows, bins) of volumes (items, planes, rows, columns) to ``out``."""
    for item, target in zip(image, out, strict=True):
        layers = tuple(np.pad(np.moveaxis(item, axis, 0), ((0, 0), (PAD, PAD), (PAD, PAD))) for axis in range(3))
        _project(layers, item.shape, rays, np.asarray(spacing, dtype=np.float64), target)


def backproject(sinogram: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``: rays add to the pixels that they would see."""
    for item, target in zip(sinogram, out, strict=True):
        shapes = [(target.shape[axis], *(n + 2 * PAD for n in np.delete(target.shape, axis))) for axis in range(3)]
        layers = tuple(np.zeros(shape, target.dtype) for shape in shapes)
        _backproject(layers, target.shape, rays, np.asarray(spacing, dtype=np.float64), item)
        target[:] = sum(np.moveaxis(part[:, PAD:-PAD, PAD:-PAD], 0, axis) for axis, part in enumerate(layers))


def _compiled(function: Any) -> Any:
    return numba.njit(nogil=True, fastmath=True, error_model="numpy")(function)


@_compiled
def _follow(view: Array, k: int, row: int, spacing: Array) -> Any:
    """The axis along which a ray is followed, where it crosses layer 0, its steps, and the distance of two layers."""
    p, d = np.empty(3), np.empty(3)
    for axis in range(3):
        p[axis] = view[axis] + k * view[axis + 3] + row * view[axis + 6]
        d[axis] = view[axis + 9] + k * view[axis + 12] + row * view[axis + 15]
    axis = 0
    for other in (1, 2):
        if abs(d[other]) > abs(d[axis]):
            axis = other
    b, c = (1, 2) if axis == 0 else ((0, 2) if axis == 1 else (0, 1))
    u, v = d[b] / d[axis], d[c] / d[axis]
    length = sqrt(spacing[axis] ** 2 + (spacing[b] * u) ** 2 + (spacing[c] * v) ** 2)
    return axis, b, c, p[b] - p[axis] * u, p[c] - p[axis] * v, u, v, length


@_compiled
def _project(layers: Any, shape: Any, rays: Array, spacing: Array, out: Array) -> None:
    views, rows, bins = out.shape
    for a in range(views):
        for row in range(rows):
            for k in range(bins):
                axis, b, c, u, v, du, dv, length = _follow(rays[a], k, row, spacing)
                source = layers[axis]
                total = out.dtype.type(0)
                for i in range(shape[axis]):
                    if -1 < u < shape[b] and -1 < v < shape[c]:
                        j, m = int(u + PAD), int(v + PAD)
                        f, g = out.dtype.type(u + PAD - j), out.dtype.type(v + PAD - m)
                        total += (1 - f) * ((1 - g) * source[i, j, m] + g * source[i, j, m + 1])
                        total += f * ((1 - g) * source[i, j + 1, m] + g * source[i, j + 1, m + 1])
                    u += du
                    v += dv
                out[a, row, k] = length * total


@_compiled
def _backproject(layers: Any, shape: Any, rays: Array, spacing: Array, sinogram: Array) -> None:
    views, rows, bins = sinogram.shape
    for a in range(views):
        for row in range(rows):
            for k in range(bins):
                axis, b, c, u, v, du, dv, length = _follow(rays[a], k, row, spacing)
                target = layers[axis]
                value = sinogram.dtype.type(length * sinogram[a, row, k])
                for i in range(shape[axis]):
                    if -1 < u < shape[b] and -1 < v < shape[c]:
                        j, m = int(u + PAD), int(v + PAD)
                        f, g = sinogram.dtype.type(u + PAD - j), sinogram.dtype.type(v + PAD - m)
                        target[i, j, m] += (1 - f) * (1 - g) * value
                        target[i, j, m + 1] += (1 - f) * g * value
                        target[i, j + 1, m] += f * (1 - g) * value
                        target[i, j + 1, m + 1] += f * g * value
                    u += du
                    v += dv
