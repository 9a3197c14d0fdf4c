"""From arrays as files hold them to checked torch tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.files.item import DataError

_EXACT = 2**53
"""Up to here every integer is a float64."""
_PART = 1 << 20
"""Values that are looked at at once, lest the check take as much memory as the array."""


def to_tensor(array: Any, source: str, *, keep_bool: bool = False, own: bool = False) -> Tensor:
    """A finite real or complex tensor with the values of ``array``.

    Half precision, and integers of up to 16 bits, become float32, longer integers float64; single and double precision
    stay what they are. Booleans become 0 and 1 unless ``keep_bool``. The tensor is a copy, unless ``own`` says that
    nobody else has the array.

    Raises
    ------
    DataError
        If the array is empty, is not numeric, holds NaN or infinity, or holds values that float64 cannot hold exactly.
    """
    values = np.asarray(array)
    target = tensor_dtype(values.dtype, source, keep_bool=keep_bool)
    if values.size == 0:
        raise DataError(f"{source} is empty: its shape is {values.shape}.")
    flags = values.flags
    kept = own and flags.owndata and flags.writeable and flags.c_contiguous and values.dtype == target
    converted = values if kept else np.array(values, dtype=target, order="C")
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8 and bool((np.abs(converted) > _EXACT).any()):
        raise DataError(f"{source} holds whole numbers beyond 2^53, which float64 does not hold exactly.")
    if target.itemsize < values.dtype.itemsize and not _same(converted, values):
        raise DataError(f"{source} is of type {values.dtype}, with digits that {target} does not hold.")
    tensor = torch.from_numpy(converted)
    check_finite(tensor, source)
    return tensor


def tensor_dtype(stored: np.dtype[Any], source: str, *, keep_bool: bool = False) -> np.dtype[Any]:
    """The type that :func:`to_tensor` reads a stored type as; a :class:`DataError` for what are not numbers."""
    kind, size = stored.kind, stored.itemsize
    if kind not in "biufc":
        raise DataError(f"{source} holds {_described(stored)}, not numbers.")
    if kind == "c":
        return np.dtype(np.complex64 if size <= 8 else np.complex128)
    if kind == "b":
        return np.dtype(np.bool_ if keep_bool else np.float32)
    return np.dtype(np.float32 if size <= (4 if kind == "f" else 2) else np.float64)


def check_size(shape: Sequence[int], stored: np.dtype[Any], source: str) -> None:
    """Raise a :class:`DataError` if an array that has not been read yet is larger than the machine's memory."""
    itemsize = tensor_dtype(stored, source, keep_bool=True).itemsize
    needed = prod(shape) * itemsize
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not every system tells
        return
    if needed > memory:
        raise DataError(
            f"{source} of shape {tuple(shape)} takes {needed / 2**30:.4g} GiB as {itemsize}-byte numbers, more "
            f"than the memory of {memory / 2**30:.3g} GiB; take slices of it."
        )


def check_finite(tensor: Tensor, source: str) -> None:
    """Raise a :class:`DataError` that counts the NaN and infinite values, unless there are none."""
    count, place, done = 0, -1, 0
    for part in tensor.reshape(-1).split(_PART):
        bad = ~torch.isfinite(part)
        found = int(bad.sum())
        if found and not count:
            place = done + int(bad.nonzero()[0])
        count, done = count + found, done + part.numel()
    if count:
        first = [int(i) for i in np.unravel_index(place, tuple(tensor.shape))]
        raise DataError(
            f"{source} holds {count} of {tensor.numel()} values that are NaN or infinite, the first at {first}; "
            "repair or mask them before reconstructing."
        )


def did_you_mean(name: str, choices: list[str]) -> str:
    """``"; did you mean 'x'?"`` for the choice nearest to ``name``, or a full stop where none is near."""
    near = get_close_matches(name.casefold(), [c.casefold() for c in choices], n=1)
    return f"; did you mean {next(c for c in choices if c.casefold() == near[0])!r}?" if near else "."


def _same(converted: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> bool:
    return bool(np.array_equal(converted.astype(values.dtype), values, equal_nan=True))


def _described(dtype: np.dtype[Any]) -> str:
    names = {"S": "text", "U": "text", "O": "objects", "V": "records", "M": "dates", "m": "durations"}
    return names.get(dtype.kind, str(dtype))
