"""The lines of an ISMRMRD scan and their places in k-space."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.files.contents import LazyArray
from recon.files.item import DataError

Array = np.ndarray[Any, Any]

_LEFT_OUT = {
    19: "noise",
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


class Acquisitions:
    """Where the lines of a scan belong.

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
    axes
        Names of the axes of k-space.
    left_out
        How many acquisitions are no lines of the image, by kind.
    """

    def __init__(self, source: str, table: Any, header: dict[str, Any]) -> None:
        self.source, self.table = source, table
        trajectory = header.get("trajectory", "cartesian")
        if trajectory != "cartesian":
            raise DataError(f"{source} has a {trajectory} trajectory; only Cartesian k-space is read.")
        if "encoded" not in header:
            raise DataError(f"{source} does not tell its encoded matrix.")
        self.matrix: tuple[int, int, int] = tuple(header["encoded"]["matrix"])
        heads = table.fields("head")[...]
        self.rows, self.left_out = self._lines(heads)
        heads = heads[self.rows]
        if not len(heads):
            raise DataError(f"{source} holds no lines of an image.")
        if len(set(heads["active_channels"].tolist())) > 1:
            raise DataError(f"{source} has lines of different numbers of coils.")
        self.coils = int(heads["active_channels"][0])
        index = heads["idx"]
        self.counters = np.stack([index[name].astype(int) for name in _COUNTERS], -1)
        sizes = tuple((self.counters.max(0) + 1).tolist())
        self.places = np.stack([self._steps(index, header, number) for number in (2, 1)], -1)
        self.starts, self.spans = self._readouts(heads)
        self._check_single(sizes)
        kept = [name for name, size in zip(_COUNTERS, sizes, strict=True) if size > 1]
        self.axes = (*kept, "coil", *(("kz",) if self.matrix[0] > 1 else ()), "ky", "kx")
        self.sizes = sizes

    def kspace(self) -> LazyArray:
        """([counters,] coils, [kz,] ky, kx), zeros where nothing was sampled."""
        inner = (self.coils, *self._image)
        shape = (*self._outer, *inner)
        return LazyArray(shape, np.dtype(np.complex64), lambda where: self._assembled(where, inner), self.source)

    def mask(self) -> LazyArray:
        """([counters,] [kz,] ky, kx): which samples were taken."""
        shape = (*self._outer, *self._image)
        return LazyArray(shape, np.dtype(bool), lambda where: self._assembled(where, self._image), self.source)

    @property
    def _image(self) -> tuple[int, ...]:
        return self.matrix if self.matrix[0] > 1 else self.matrix[1:]

    @property
    def _outer(self) -> tuple[int, ...]:
        return tuple(size for size in self.sizes if size > 1)

    def _lines(self, heads: Array) -> tuple[Array, dict[str, int]]:
        """Rows of the table that are lines of the image, and counts of the others."""
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

    def _steps(self, index: Array, header: dict[str, Any], number: int) -> Array:
        """Places along ky (1) or kz (2): the step less its centre, from N//2."""
        size = self.matrix[2 - number]
        limits = header.get("limits", {}).get(f"kspace_encoding_step_{number}")
        centre = limits[1] if limits else size // 2
        places: Array = index[f"kspace_encode_step_{number}"].astype(int) - centre + size // 2
        if places.min() < 0 or places.max() >= size:
            axis = "ky" if number == 1 else "kz"
            raise DataError(f"{self.source} has lines at {axis} {places.min()} to {places.max()} of {size}.")
        return places

    def _readouts(self, heads: Array) -> tuple[Array, Array]:
        """Where along kx each line begins, and its first and last sample that count."""
        columns, samples = self.matrix[2], heads["number_of_samples"].astype(int)
        centred = (samples == columns) & (heads["center_sample"] == 0)
        starts = np.where(centred, 0, columns // 2 - heads["center_sample"].astype(int))
        spans = np.stack([heads["discard_pre"].astype(int), samples - heads["discard_post"].astype(int)], -1)
        if (starts + spans[:, 0]).min() < 0 or (starts + spans[:, 1]).max() > columns:
            raise DataError(f"{self.source} has readouts that reach beyond the {columns} columns of its matrix.")
        return starts, spans

    def _check_single(self, sizes: tuple[int, ...]) -> None:
        where = np.concatenate([self.counters, self.places], -1)
        single = len(np.unique(where, axis=0))
        if single < len(where):
            raise DataError(f"{self.source} has {len(where) - single} lines that were acquired twice.")

    def _assembled(self, where: tuple[Any, ...], inner: tuple[int, ...]) -> Array:
        """The part of k-space, or of the mask where there are no coils, that is asked for."""
        outer = len(self._outer)
        varying = [number for number, size in enumerate(self.sizes) if size > 1]
        chosen = [np.atleast_1d(np.arange(size)[part]) for size, part in zip(self._outer, where[:outer], strict=True)]
        kspace = len(inner) > len(self._image)
        whole = np.zeros((*map(len, chosen), *inner), np.complex64 if kspace else bool)
        wanted = np.ones(len(self.rows), bool)
        for axis, numbers in zip(varying, chosen, strict=True):
            wanted &= np.isin(self.counters[:, axis], numbers)
        lines = np.flatnonzero(wanted)
        slots = [{int(number): slot for slot, number in enumerate(numbers)} for numbers in chosen]
        for line, samples in self._samples(lines) if kspace else ((line, None) for line in lines):
            slot = tuple(slots[n][int(self.counters[line, axis])] for n, axis in enumerate(varying))
            kz, ky = (int(step) for step in self.places[line])
            first, last = (int(sample) for sample in self.spans[line])
            start = int(self.starts[line])
            columns = (*((kz,) if self.matrix[0] > 1 else ()), ky, slice(start + first, start + last))
            if samples is None:
                whole[(*slot, *columns)] = True
            else:
                whole[(*slot, slice(None), *columns)] = samples[:, first:last]
        pick = tuple(0 if isinstance(part, int) else slice(None) for part in where[:outer])
        return np.asarray(whole[(*pick, *where[outer:])])

    def _samples(self, lines: Array) -> Any:
        """Lines with their samples (coils, readout), block by block of the file."""
        rows = self.rows[lines]
        for start in np.unique(rows // _BLOCK) * _BLOCK:
            block = self.table.fields("data")[int(start) : int(start) + _BLOCK]
            for line, row in zip(lines, rows, strict=True):
                if start <= row < start + _BLOCK:
                    values = np.ascontiguousarray(block[row - start]).view(np.complex64)
                    yield line, values.reshape(self.coils, -1)
