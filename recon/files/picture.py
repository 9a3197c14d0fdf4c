"""An image on its way into a file, and its metadata as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from recon.files.item import DataError

Array = np.ndarray[Any, Any]
Note = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """What one writer gets: the numbers, what they mean, and the window of 8-bit pictures."""

    values: Array
    metadata: Mapping[str, Any]
    color: bool
    window: tuple[float, float] | None

    def real(self) -> tuple[Array, Note]:
        """Real values and a note on how they came from complex ones."""
        if np.iscomplexobj(self.values):
            return np.abs(self.values), {"shown": "magnitude"}
        return self.values, {}

    def finite(self, what: str) -> None:
        """Raise a :class:`DataError` if there are values that an integer format cannot stand for."""
        if not np.isfinite(self.values).all():
            raise DataError(f"{what} holds no NaN and no infinity, which this image has; use npz or hdf5.")

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """mm along each of the image's axes (colours aside), where the metadata tell."""
        found = self.metadata.get("spacing_mm")
        ndim = self.values.ndim - int(self.color)
        if found is None:
            return None
        lengths = [float(found)] * ndim if np.ndim(found) == 0 else [float(length) for length in found]
        return tuple(lengths[-ndim:]) if len(lengths) >= ndim else None

    @property
    def pixel_mm(self) -> tuple[float, float] | None:
        """mm between rows and between columns, where the metadata tell."""
        found = self.metadata.get("spacing_mm")
        if found is None:
            return None
        rows, columns = ([found] * 2 if np.ndim(found) == 0 else list(found))[-2:]
        return float(rows), float(columns)


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """JSON of metadata; NaN and infinity become text, tensors lists, anything unknown its text."""
    return json.dumps(_plain(value), ensure_ascii=ascii_only, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(entry) for entry in value]
    if isinstance(value, complex):
        return [_plain(value.real), _plain(value.imag)]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return str(value)
