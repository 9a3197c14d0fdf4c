"""NumPy's own files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np

from recon.files.arrays import ArrayFile, ArrayReader, Index
from recon.files.item import DataError


@dataclass(frozen=True)
class Numpy(ArrayReader):
    """``.npy`` files of one array, ``.npz`` files of named arrays.

    An ``.npy`` file is mapped into memory, so that a slice of a large stack costs no more than the slice; its one array
    is called ``data``. Arrays of objects are refused: unpickling them could run code. The parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.
    """

    names: ClassVar[tuple[str, ...]] = ("numpy", "npy", "npz")
    suffixes: ClassVar[tuple[str, ...]] = (".npy", ".npz")

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        with path.open("rb") as stream:
            if stream.read(4) not in (b"\x93NUM", b"PK\x03\x04", b"PK\x05\x06"):
                raise DataError(f"{path} is not a NumPy file: it does not begin like one.")
        try:
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, BadZipFile, OSError) as error:
            raise DataError(f"{path} is not a readable NumPy file{_reason(error)}.") from None
        try:
            yield _Arrays(path, {"data": loaded} if isinstance(loaded, np.ndarray) else loaded)
        finally:
            if not isinstance(loaded, np.ndarray):
                loaded.close()


@dataclass(frozen=True)
class _Arrays:
    path: Path
    arrays: Any

    def names(self) -> list[str]:
        return list(self.arrays)

    def array(self, name: str, index: Index) -> Any:
        try:
            values = self.arrays[name]
        except (ValueError, EOFError, BadZipFile, OSError) as error:
            raise DataError(f"{self.path}:{name} cannot be read{_reason(error)}.") from None
        return values[index] if index else values


def _reason(error: Exception) -> str:
    text = str(error)
    return ": it holds Python objects, not numbers" if "pickle" in text or "Python objects" in text else f" ({text})"
