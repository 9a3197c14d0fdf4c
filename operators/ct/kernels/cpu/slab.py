"""Hands the slab kernels their packed volumes and spreads them over threads."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch

from recon.operators.ct.kernels.cpu import slab_kernels as kernels
from recon.operators.ct.kernels.cpu.columns import aligned, strides
from recon.operators.ct.kernels.cpu.lines import MARGIN, ROW_MARGIN
from recon.operators.ct.kernels.cpu.shadows import BINS, LIMITS, SHADOWS
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import in_parts

Array = np.ndarray[Any, Any]

VIEWS = 16  # most views that go through a volume together, so that its memory is read less often
SCRATCH = 4  # and how much larger than the scratch that they need the volume is at least, unless they are few


def fitting(rays: Array) -> Array:
    """Which views have a detector whose rows lie along z, ``(views,)``."""
    return (rays[:, [7, 8, 16, 17]] == 0).all(1)  # type: ignore[no-any-return]


def project(
    packed: Array, shape: tuple[int, ...], rays: Array, chosen: Array, spacing: tuple[float, ...], out: Array
) -> None:
    """Write the ``chosen`` views of packed volumes to ``out``, with zeros for rays that step along z."""
    items, _, rows, bins = out.shape
    down, batch = _down(rays, shape, out.shape[2:]), (0,) * items
    line, blocks = (BINS * items, -(-rows // LANES) * LANES), -(-bins // BINS)
    share = -(-len(chosen) * blocks // torch.get_num_threads())
    together = _together(min(VIEWS * blocks, share), prod(line) // items, shape)

    def work(first: int, last: int) -> None:
        columns = aligned((BINS * items, strides(shape)[2] + 2 * MARGIN), out.dtype)
        lines = aligned((min(together, last - first), *line), out.dtype)
        kernels.project_bins(packed, shape, rays, down, spacing, chosen, first, last, batch, columns, lines, out)

    in_parts(work, len(chosen) * blocks, together)


def backproject(
    sinogram: Array, rays: Array, chosen: Array, spacing: tuple[float, ...], shape: tuple[int, ...], packed: Array
) -> None:
    """Add the transpose of :func:`project` of ``sinogram`` to packed volumes."""
    if not len(chosen):
        return
    items, _, rows, bins = sinogram.shape
    down, batch = _down(rays, shape, sinogram.shape[2:]), (0,) * items
    blocks, line = -(-bins // BINS), (bins, items, ROW_MARGIN + -(-rows // LANES) * LANES + ROW_MARGIN)
    views = _together(min(VIEWS, len(chosen)), prod(line) // items, shape)
    collected = aligned((views, *line), packed.dtype)
    shadows, limits = np.empty((views * blocks, SHADOWS, BINS)), np.empty((views * blocks, LIMITS, BINS), np.int64)

    def collect(group: Array, first: int, last: int) -> None:
        kernels.collect_rows(sinogram, rays, down, spacing, group, first, last, shape, shadows, limits, collected)

    def add(group: Array, axis: int, first: int, last: int) -> None:
        kernels.backproject_layers(
            collected, len(group), rows, shadows, limits, axis, first, last, batch, shape, packed
        )

    for start in range(0, len(chosen), views):
        group = chosen[start : start + views]
        in_parts(partial(collect, group), len(group) * blocks)
        for axis in (1, 2):
            in_parts(partial(add, group, axis), shape[axis])


def _together(count: int, size: int, shape: tuple[int, ...]) -> int:
    """How many of ``count`` things, each in need of ``size`` numbers of scratch, go through a volume together."""
    return max(1, min(count, int(strides(shape)[0]) // (SCRATCH * size)))


def _down(rays: Array, shape: tuple[int, ...], detector: tuple[int, ...]) -> Array:
    """Whether the rows of a view run against z in the middle of the volume, ``(views,)``."""
    row, k = ((n - 1) / 2 for n in detector)
    point, direction = (
        rays[:, first : first + 3] + k * rays[:, first + 3 : first + 6] + row * rays[:, first + 6 : first + 9]
        for first in (0, 9)
    )
    towards = (np.array(shape[1:]) - 1) / 2 - point[:, 1:]
    flat = direction[:, 1:]
    length = (flat**2).sum(1)
    t = np.divide((towards * flat).sum(1), length, out=np.zeros_like(length), where=length > 0)
    return rays[:, 6] + t * rays[:, 15] < 0  # type: ignore[no-any-return]
