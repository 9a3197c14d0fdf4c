"""The records of an ISMRMRD scan: which of them are of the image, which are noise, and their samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recon.files.contents import LazyArray
from recon.files.item import DataError

Array = np.ndarray[Any, Any]

_NOISE = 19
_LEFT_OUT = {
    _NOISE: "noise",
    20: "calibration",
    23: "navigation",
    24: "phase correction",
    26: "feedback",
    27: "dummy",
    28: "feedback",
    29: "coil correction",
}
_REVERSE = 22
_COUNTERS = ("repetition", "set", "phase", "contrast", "average", "slice")
_BLOCK = 256


class Acquired:
    """What Cartesian and other scans share.

    Parameters
    ----------
    source
        The scan's name in messages.
    table
        The dataset of records (head, traj, data).
    header
        As :func:`~recon.files.mri_header.read_mri_header` gives it.

    Attributes
    ----------
    matrix
        (kz, ky, kx) of the encoded space.
    left_out
        How many acquisitions are not of the image, by kind.
    rows
        Those that are, as rows of the table; ``heads`` are their heads.
    counters
        Of each of them: repetition, set, phase, contrast, average and slice.
    sizes
        How many of each of these there are; ``counted`` names those of which there are several.
    """

    def __init__(self, source: str, table: Any, header: dict[str, Any]) -> None:
        self.source, self.table, self.header = source, table, header
        if "encoded" not in header:
            raise DataError(f"{source} does not tell its encoded matrix.")
        self.matrix: tuple[int, int, int] = tuple(header["encoded"]["matrix"])
        self._all_heads = table.fields("head")[...]
        self.rows, self.left_out = self._of_the_image(self._all_heads)
        self.heads = self._all_heads[self.rows]
        if not len(self.heads):
            raise DataError(f"{source} holds no lines of an image.")
        if len(set(self.heads["active_channels"].tolist())) > 1:
            raise DataError(f"{source} has lines of different numbers of coils.")
        self.coils = int(self.heads["active_channels"][0])
        self.counters = np.stack([self.heads["idx"][name].astype(int) for name in _COUNTERS], -1)
        self.sizes: tuple[int, ...] = tuple((self.counters.max(0) + 1).tolist())
        self.counted = tuple(name for name, size in zip(_COUNTERS, self.sizes, strict=True) if size > 1)

    @property
    def outer(self) -> tuple[int, ...]:
        """Lengths of the axes that counters make."""
        return tuple(size for size in self.sizes if size > 1)

    def noise(self) -> LazyArray | None:
        """Samples of noise alone ``(coils, samples)``, with the standard deviation that it has in the image's samples.

        That is the one of the noise scan times (t_n / (t b))^½, with the times between samples of both scans and the
        relative bandwidth b of the receiver, where the file tells these. None without a noise scan.
        """
        flags = self._all_heads["flags"].astype(np.uint64)
        rows = np.flatnonzero((flags >> np.uint64(_NOISE - 1)) & np.uint64(1))
        rows = rows[self._all_heads["active_channels"][rows] == self.coils]
        if not len(rows):
            return None
        scale = np.ones(len(rows))
        if "sample_time_us" in (self._all_heads.dtype.names or ()):
            noise, image = self._all_heads["sample_time_us"][rows], float(self.heads["sample_time_us"][0])
            ratio = self.header.get("receiver_noise_bandwidth", 1.0)
            scale = np.where((noise > 0) & (image > 0), np.sqrt(noise / (image * ratio if image > 0 else 1.0)), 1.0)
        shape = (self.coils, int(self._all_heads["number_of_samples"][rows].astype(int).sum()))

        def read(where: tuple[Any, ...]) -> Array:
            parts = [scale[n] * samples for n, samples in self.samples(rows)]
            whole: Array = np.concatenate(parts, -1).astype(np.complex64)
            return np.asarray(whole[where])

        return LazyArray(shape, np.dtype(np.complex64), read, self.source)

    def samples(self, rows: Array) -> Iterator[tuple[int, Array]]:
        """(n, samples (coils, readout)) of row number n of ``rows``, block by block of the file."""
        for n, values in self.column("data", rows):
            yield n, np.ascontiguousarray(values).view(np.complex64).reshape(self.coils, -1)

    def column(self, name: str, rows: Array) -> Iterator[tuple[int, Array]]:
        """(n, entry of a column) of row number n of ``rows``, block by block of the file."""
        for start in np.unique(rows // _BLOCK) * _BLOCK:
            block = self.table.fields(name)[int(start) : int(start) + _BLOCK]
            for n in np.flatnonzero((rows >= start) & (rows < start + _BLOCK)):
                yield int(n), block[rows[n] - start]

    def _of_the_image(self, heads: Array) -> tuple[Array, dict[str, int]]:
        """Rows of the table that belong to the image, and counts of the others."""
        flags = heads["flags"].astype(np.uint64)
        keep = np.ones(len(heads), bool)
        left_out: dict[str, int] = {}
        for bit, kind in _LEFT_OUT.items():
            marked = keep & ((flags >> np.uint64(bit - 1)) & np.uint64(1)).astype(bool)
            if marked.any():
                left_out[kind] = left_out.get(kind, 0) + int(marked.sum())
            keep &= ~marked
        other = keep & (heads["encoding_space_ref"] != 0)
        if other.any():
            left_out["other encodings"] = int(other.sum())
        keep &= ~other
        if (((flags >> np.uint64(_REVERSE - 1)) & np.uint64(1)).astype(bool) & keep).any():
            raise DataError(
                f"{self.source} has readouts acquired backwards (EPI), which need corrections not made here."
            )
        return np.flatnonzero(keep), left_out

    def steps(self, number: int) -> Array:
        """Places along ky (1) or kz (2): the step less its centre, from N//2."""
        size = self.matrix[2 - number]
        limits = self.header.get("limits", {}).get(f"kspace_encoding_step_{number}")
        centre = limits[1] if limits else size // 2
        places: Array = self.heads["idx"][f"kspace_encode_step_{number}"].astype(int) - centre + size // 2
        if places.min() < 0 or places.max() >= size:
            axis = "ky" if number == 1 else "kz"
            raise DataError(f"{self.source} has lines at {axis} {places.min()} to {places.max()} of {size}.")
        return places

    def chosen(self, where: tuple[Any, ...]) -> tuple[list[Array], Array, list[dict[int, int]], tuple[Any, ...]]:
        """For indices of the counted axes: which numbers, rows that have them, their slots, and what drops axes."""
        outer = self.outer
        varying = [number for number, size in enumerate(self.sizes) if size > 1]
        numbers = [np.atleast_1d(np.arange(size)[part]) for size, part in zip(outer, where, strict=True)]
        wanted = np.ones(len(self.rows), bool)
        for axis, some in zip(varying, numbers, strict=True):
            wanted &= np.isin(self.counters[:, axis], some)
        slots = [{int(number): slot for slot, number in enumerate(some)} for some in numbers]
        pick = tuple(0 if isinstance(part, int) else slice(None) for part in where)
        return numbers, np.flatnonzero(wanted), slots, pick

    def slot(self, line: int, slots: list[dict[int, int]]) -> tuple[int, ...]:
        """Where a line goes along the counted axes."""
        varying = [number for number, size in enumerate(self.sizes) if size > 1]
        return tuple(slots[n][int(self.counters[line, axis])] for n, axis in enumerate(varying))
