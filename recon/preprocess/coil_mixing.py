"""Linear combinations of coils."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis


def coil_axis(item: Item, axis: int, step: str, coils: int | None = None) -> int:
    """The number of coils along ``axis`` of the data; refuse coil maps, and ``coils`` of noise, of another number."""
    if axis >= 0:
        raise DataError(f"{step} expects the axis of the coils counted from the end, got {axis}.")
    require_axis(item.data, axis, step, item.source)
    count = item.data.shape[axis]
    if coils is not None and coils != count:
        raise DataError(
            f"{step} has noise of {coils} coils, and the axis {axis} of {item.source}, of shape "
            f"{tuple(item.data.shape)}, has {count}; say with axis where the coils are."
        )
    maps = item.aux.get("coil_maps")
    if maps is not None and (maps.ndim < -axis or maps.shape[axis] != count):
        raise DataError(f"{item.source} has {count} coils, but coil_maps of shape {tuple(maps.shape)}.")
    return count


def mixed(array: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Σ_c matrix[v, c] array[..., c, ...] along ``axis``, in the array's precision."""
    moved: Tensor = torch.tensordot(matrix.to(array), array, ([1], [array.ndim + axis]))
    return moved.movedim(0, axis).contiguous()


def mixed_along(array: Tensor, matrices: Tensor, axis: int, readout: int) -> Tensor:
    """The same with a matrix ``(n0, virtual, coils)`` for each place along ``readout``."""
    last = array.movedim((axis, readout), (-1, 0))
    flat = last.reshape(len(last), -1, last.shape[-1])
    out: Tensor = flat @ matrices.to(array).mT
    return out.reshape(*last.shape[:-1], matrices.shape[1]).movedim((-1, 0), (axis, readout)).contiguous()
