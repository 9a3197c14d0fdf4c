"""Samples on a disk, as a plain .npy file."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from recon.operators.operator import Shape


class SampleFile:
    """Writes the rows of an array to a .npy file, in any order.

    The file has its name once :meth:`close` has been called; until then it lies beside it as ``.NAME.….part``.

    Parameters
    ----------
    path
        Where to write; must end with ``.npy``. What is there is replaced.
    shape, dtype
        Of the whole array.
    rows
        How many rows it has; ``shape`` is that of the rows, whose first dimensions may be laid out as any that
        multiply to so many.
    """

    def __init__(self, path: str | Path, shape: Shape, dtype: torch.dtype, rows: int) -> None:
        self.path, self.shape = Path(path), shape
        if self.path.suffix != ".npy":
            raise ValueError(f"samples are stored as a .npy file, got {str(path)!r}.")
        self.dtype: Any = torch.empty(0, dtype=dtype).numpy().dtype
        self.missing = torch.ones(rows, dtype=torch.bool)
        self.size = prod(shape) // max(rows, 1)
        self.part = self.path.with_name(f".{self.path.name}.{uuid4().hex[:8]}.part")
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        try:
            self.stream = self.part.open("wb")
            np.lib.format.write_array_header_2_0(self.stream, header)
        except OSError as error:
            raise self._refused(error) from error
        self.start = self.stream.tell()

    def write(self, rows: Tensor, images: Tensor, complete: Tensor) -> None:
        """Write some rows by their numbers; those that are not complete become NaN."""
        values = images.detach().cpu().resolve_conj().reshape(len(rows), -1).numpy()
        if not bool(complete.all()):
            values = values.copy()
            values[~complete.numpy()] = np.nan
        try:
            for row, value in zip(rows.tolist(), values, strict=True):
                self.stream.seek(self.start + row * self.size * self.dtype.itemsize)
                self.stream.write(np.ascontiguousarray(value).tobytes())
        except OSError as error:
            raise self._refused(error) from error
        self.missing[rows] = False

    def close(self) -> None:
        """Fill rows that have not been written with NaN, and give the file its name."""
        blank = torch.from_numpy(np.full((1, self.size), np.nan, self.dtype))
        for row in self.missing.nonzero():
            self.write(row, blank, torch.ones(1, dtype=torch.bool))
        try:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self.stream.close()
            os.replace(self.part, self.path)
        except OSError as error:
            raise self._refused(error) from error

    def discard(self) -> None:
        """Leave nothing."""
        self.stream.close()
        self.part.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> OSError:
        return OSError(f"the samples cannot be written to {str(self.path)!r} ({error.strerror}).")


def mapped(path: str | Path) -> Tensor:
    """The array of a .npy file, of which only what is looked at is read; changes to it do not reach the file."""
    array = np.load(path, mmap_mode="c", allow_pickle=False)
    if array.dtype.kind not in "fc":
        raise ValueError(f"samples are floating-point or complex numbers, {str(path)!r} holds {array.dtype}.")
    return torch.from_numpy(array)
