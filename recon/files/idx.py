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
from typing import ClassVar

import numpy as np

from recon.files.arrays import ArrayFile, ArrayReader, SingleArray
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
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} cannot be unpacked ({error}).") from None
        if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _TYPES or len(raw) < 4 + 4 * raw[3]:
            raise DataError(f"{path} is not an IDX file: it does not begin like one.")
        sizes = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
        dtype = np.dtype(_TYPES[raw[2]])
        expected = 4 + 4 * raw[3] + prod(sizes) * dtype.itemsize
        if len(raw) != expected:
            raise DataError(f"{path} has {len(raw)} bytes, but its header's {list(sizes)} numbers take {expected}.")
        yield SingleArray(np.frombuffer(raw, dtype, offset=4 + 4 * raw[3]).reshape(sizes))
