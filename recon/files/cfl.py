"""BART's pairs of .hdr and .cfl files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import ArrayFile, SingleArray
from recon.files.item import DataError

_COIL = 3
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Cfl(ArrayReader):
    """Complex arrays of the Berkeley Advanced Reconstruction Toolbox: sizes in ``x.hdr``, numbers in ``x.cfl``.

    BART's axes are readout, two phase encodings, coils, and others, the first running fastest. Here they become
    (others reversed, coils, readout, phase, phase), axes of one element left out: k-space of 8 coils and 230 × 180
    samples has shape (8, 230, 180). The array of a file is called ``data``. The parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.

    Source: mrirecon.github.io/bart, file format.
    """

    names: ClassVar[tuple[str, ...]] = ("cfl", "bart")
    suffixes: ClassVar[tuple[str, ...]] = (".cfl",)

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        sizes = _sizes(path.with_suffix(".hdr"))
        expected = 8 * prod(sizes)
        try:
            there = path.with_suffix(".cfl").stat().st_size
        except OSError:
            raise DataError(f"{path.with_suffix('.cfl')} is missing: a .hdr file needs its .cfl beside it.") from None
        if there != expected:
            raise DataError(f"{path} has {there} bytes, but its header's {sizes} complex numbers take {expected}.")
        mapped = np.memmap(path.with_suffix(".cfl"), dtype="<c8", mode="r", shape=tuple(sizes), order="F")
        order = [*reversed(range(_COIL, len(sizes))), *range(min(_COIL, len(sizes)))]
        yield SingleArray(np.squeeze(mapped.transpose(order)))


def _sizes(header: Path) -> list[int]:
    try:
        with header.open("rb") as stream:
            lines = stream.read(_LONGEST_HEADER).decode("ascii").splitlines()
        sizes = [int(n) for n in lines[lines.index("# Dimensions") + 1].split()]
    except FileNotFoundError:
        raise DataError(f"{header} is missing: a .cfl file needs its .hdr beside it.") from None
    except (ValueError, IndexError, UnicodeDecodeError, OSError):
        raise DataError(f"{header} is not a BART header: it has no line of sizes after '# Dimensions'.") from None
    if not sizes or min(sizes) < 1:
        raise DataError(f"{header} gives the sizes {sizes}, which must all be positive.")
    return sizes
