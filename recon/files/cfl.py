"""BART's pairs of .hdr and .cfl files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar

import numpy as np

from recon.files.arrays import ArrayFile, ArrayReader, SingleArray
from recon.files.item import DataError

_COIL = 3


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
        there = path.stat().st_size
        if there != expected:
            raise DataError(f"{path} has {there} bytes, but its header's {sizes} complex numbers take {expected}.")
        mapped = np.memmap(path, dtype="<c8", mode="r", shape=tuple(sizes), order="F")
        order = [*reversed(range(_COIL, len(sizes))), *range(min(_COIL, len(sizes)))]
        yield SingleArray(np.squeeze(mapped.transpose(order)))


def _sizes(header: Path) -> list[int]:
    try:
        lines = header.read_text(encoding="ascii").splitlines()
        sizes = [int(n) for n in lines[lines.index("# Dimensions") + 1].split()]
    except FileNotFoundError:
        raise DataError(f"{header} is missing: a .cfl file needs its .hdr beside it.") from None
    except (ValueError, IndexError, UnicodeDecodeError, OSError):
        raise DataError(f"{header} is not a BART header: it has no line of sizes after '# Dimensions'.") from None
    if not sizes or min(sizes) < 1:
        raise DataError(f"{header} gives the sizes {sizes}, which must all be positive.")
    return sizes
