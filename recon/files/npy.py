"""NumPy's own files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import ArrayFile, Index, LazyArray, element
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
        try:
            with path.open("rb") as stream:
                start = stream.read(4)
        except OSError as error:
            raise DataError(f"{path} cannot be opened ({error.strerror}).") from None
        if start not in (b"\x93NUM", b"PK\x03\x04", b"PK\x05\x06"):
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
class _Arrays(ArrayFile):
    path: Path
    arrays: Any

    def names(self) -> list[str]:
        return list(self.arrays)

    def array(self, name: str, index: Index) -> Any:
        if isinstance(self.arrays, dict):
            return element(self.arrays[name], index)
        if name not in self.arrays:
            raise KeyError(name)
        source = f"{self.path}:{name}"
        try:
            shape, dtype, there = _header(self.arrays.zip, name)
        except (ValueError, EOFError, BadZipFile, OSError, KeyError) as error:
            raise DataError(f"{source} cannot be read{_reason(error)}.") from None
        if dtype.hasobject:
            raise DataError(f"{source} cannot be read: it holds Python objects, not numbers.")
        if prod(shape) * dtype.itemsize > there:
            raise DataError(f"{source} of shape {shape} takes {prod(shape) * dtype.itemsize} bytes, but has {there}.")
        return LazyArray(shape, dtype, lambda where: self.arrays[name][where], source).at(index)


def _header(archive: Any, name: str) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape and type of an array in an archive, without reading it, and the bytes that there are of it."""
    member = name if name in archive.namelist() else f"{name}.npy"
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        return tuple(shape), dtype, archive.getinfo(member).file_size - stream.tell()


def _reason(error: Exception) -> str:
    text = str(error)
    return ": it holds Python objects, not numbers" if "pickle" in text or "Python objects" in text else f" ({text})"
