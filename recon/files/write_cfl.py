"""K-space, coil maps and series for BART."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from recon.files.item import DataError

COIL, MAPS, TIME, SLICE = 3, 4, 10, 13
"""BART's axes after the three of an image or of k-space."""
_AXES = 16


def write_cfl(path: str | Path, array: Tensor, ndim: int = 2, leading: Sequence[int] = (COIL,)) -> Path:
    """Write complex numbers with BART's order of axes, so that :class:`recon.files.Cfl` reads what was written.

    Parameters
    ----------
    path
        The ``.cfl`` file; its ``.hdr`` goes beside it.
    array
        ``(*leading, [nz,] ny, nx)``, image or k-space.
    ndim
        Axes of an image, which become BART's first three, after ones where there are fewer.
    leading
        BART's axis of each axis before those: 3 for coils, 4 for sets of maps, 10 for frames, 13 for slices. Reading
        gives them back with the largest first.

    Errors: DataError where axes do not fit, or double precision would be cut.
    """
    lead = array.ndim - ndim
    if not 1 <= ndim <= COIL or lead != len(leading):
        raise DataError(
            f"write_cfl expects an axis of BART for each of the {max(lead, 0)} axes before those of an image, "
            f"got {tuple(leading)} for shape {tuple(array.shape)}."
        )
    if len(set(leading)) < lead or any(not COIL <= axis < _AXES for axis in leading):
        raise DataError(f"write_cfl expects different axes from {COIL} to {_AXES - 1}, got {tuple(leading)}.")
    values = array.detach().cpu().resolve_conj().numpy()
    numbers = values.astype("<c8")
    if not np.array_equal(numbers, values, equal_nan=True):
        raise DataError(f"BART's files hold single precision, and this array is of type {values.dtype}.")
    sizes = [1] * _AXES
    sizes[COIL - ndim : COIL] = array.shape[lead:]
    for axis, size in zip(leading, array.shape, strict=False):
        sizes[axis] = size
    order = sorted(range(lead), key=lambda place: leading[place])
    moved = numbers.transpose(*range(lead, array.ndim), *order)
    target = Path(path).with_suffix(".cfl")
    target.write_bytes(moved.tobytes(order="F"))
    target.with_suffix(".hdr").write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n", encoding="ascii")
    return target
