"""The format of the MNIST digits."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import ArrayFile, SingleArray, check_claim
from recon.files.item import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class Idx(ArrayReader):
    """IDX arrays, compressed with gzip or not; slices of axis 0 with the index ``"0:16"`` are the first 16 digits.

    The array of a file is called ``data``; its values stay as stored (0 to 255 for MNIST). The parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.

    Source: Y. LeCun, C. Cortes and C. J. C. Burges, the MNIST database, file format.
    """

    names: ClassVar[tuple[str, ...]] = ("idx", "mnist")
    suffixes: ClassVar[tuple[str, ...]] = (".gz", ".idx", ".idx1-ubyte", ".idx3-ubyte")

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        try:
            values = _values(path)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be unpacked ({error}).") from None
        yield SingleArray(values)


def _values(path: Path) -> np.ndarray[Any, Any]:
    """The numbers, not read yet where the file is not compressed."""
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        dtype, sizes = _header(stream, path)
        offset, needed = stream.tell(), prod(sizes) * dtype.itemsize
        check_claim(path, needed if packed else 0, str(path), packed=packed)
        numbers = stream.read(needed + 1) if packed else b""
        there = len(numbers) if packed else path.stat().st_size - offset
    if there != needed:
        size = f"{offset + there}" if there <= needed or not packed else f"more than {offset + needed}"
        raise DataError(f"{path} has {size} bytes, but its header's {list(sizes)} numbers take {offset + needed}.")
    if packed or not needed:
        return np.frombuffer(numbers, dtype).reshape(sizes)
    return np.memmap(path, dtype, mode="r", offset=offset, shape=sizes)


def _header(stream: Any, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    start = stream.read(4)
    sizes = stream.read(4 * start[3]) if len(start) == 4 else b""
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or len(sizes) < 4 * start[3]:
        raise DataError(f"{path} is not an IDX file: it does not begin like one.")
    return np.dtype(_TYPES[start[2]]), struct.unpack(f">{start[3]}I", sizes)
