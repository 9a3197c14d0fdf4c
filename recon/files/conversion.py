"""From arrays as files hold them to checked torch tensors."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.files.item import DataError


def to_tensor(array: Any, source: str, *, keep_bool: bool = False) -> Tensor:
    """A finite real or complex tensor with the values of ``array``.

    Half precision, and integers of up to 16 bits, become float32, longer integers float64; single and double precision
    stay what they are. Booleans become 0 and 1 unless ``keep_bool``.

    Raises
    ------
    DataError
        If the array is empty, is not numeric, or holds NaN or infinity.
    """
    values = np.asarray(array)
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind not in "biufc":
        raise DataError(f"{source} holds {_described(values.dtype)}, not numbers.")
    if values.size == 0:
        raise DataError(f"{source} is empty: its shape is {values.shape}.")
    if kind == "c":
        target: Any = np.complex64 if size <= 8 else np.complex128
    elif kind == "b":
        target = np.bool_ if keep_bool else np.float32
    elif kind == "f":
        target = np.float32 if size <= 4 else np.float64
    else:
        target = np.float32 if size <= 2 else np.float64
    tensor = torch.from_numpy(np.array(values, dtype=target, order="C"))
    check_finite(tensor, source)
    return tensor


def check_finite(tensor: Tensor, source: str) -> None:
    """Raise a :class:`DataError` that counts the NaN and infinite values, unless there are none."""
    bad = ~torch.isfinite(tensor)
    count = int(bad.sum())
    if count:
        first = [int(i) for i in bad.nonzero()[0]]
        raise DataError(
            f"{source} holds {count} of {tensor.numel()} values that are NaN or infinite, the first at {first}; "
            "repair or mask them before reconstructing."
        )


def did_you_mean(name: str, choices: list[str]) -> str:
    """``"; did you mean 'x'?"`` for the choice nearest to ``name``, or a full stop where none is near."""
    near = get_close_matches(name.casefold(), [c.casefold() for c in choices], n=1)
    return f"; did you mean {next(c for c in choices if c.casefold() == near[0])!r}?" if near else "."


def _described(dtype: np.dtype[Any]) -> str:
    names = {"S": "text", "U": "text", "O": "objects", "V": "records", "M": "dates", "m": "durations"}
    return names.get(dtype.kind, str(dtype))
