"""The lines of a Cartesian ISMRMRD scan and their places in k-space."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.files.acquired import Acquired, Array
from recon.files.contents import LazyArray
from recon.files.item import DataError


class Acquisitions(Acquired):
    """Where the lines of a Cartesian scan belong; the parameters are those of :class:`~recon.files.acquired.Acquired`.

    Attributes
    ----------
    axes
        Names of the axes of k-space.
    """

    def __init__(self, source: str, table: Any, header: dict[str, Any]) -> None:
        trajectory = header.get("trajectory", "cartesian")
        if trajectory != "cartesian":
            raise DataError(f"{source} has a {trajectory} trajectory, and no points of it are stored with its samples.")
        super().__init__(source, table, header)
        self.places = np.stack([self.steps(number) for number in (2, 1)], -1)
        self.starts, self.spans = self._readouts()
        self._check_single()
        self.axes = (*self.counted, "coil", *(("kz",) if self.matrix[0] > 1 else ()), "ky", "kx")

    def kspace(self) -> LazyArray:
        """([counters,] coils, [kz,] ky, kx), zeros where nothing was sampled."""
        inner = (self.coils, *self._image)
        shape = (*self.outer, *inner)
        return LazyArray(shape, np.dtype(np.complex64), lambda where: self._assembled(where, inner), self.source)

    def mask(self) -> LazyArray:
        """([counters,] [kz,] ky, kx): which samples were taken."""
        shape = (*self.outer, *self._image)
        return LazyArray(shape, np.dtype(bool), lambda where: self._assembled(where, self._image), self.source)

    @property
    def _image(self) -> tuple[int, ...]:
        return self.matrix if self.matrix[0] > 1 else self.matrix[1:]

    def _readouts(self) -> tuple[Array, Array]:
        """Where along kx each line begins, and its first and last sample that count."""
        heads, columns = self.heads, self.matrix[2]
        samples = heads["number_of_samples"].astype(int)
        centred = (samples == columns) & (heads["center_sample"] == 0)
        starts = np.where(centred, 0, columns // 2 - heads["center_sample"].astype(int))
        spans = np.stack([heads["discard_pre"].astype(int), samples - heads["discard_post"].astype(int)], -1)
        if (starts + spans[:, 0]).min() < 0 or (starts + spans[:, 1]).max() > columns:
            raise DataError(f"{self.source} has readouts that reach beyond the {columns} columns of its matrix.")
        return starts, spans

    def _check_single(self) -> None:
        where = np.concatenate([self.counters, self.places], -1)
        single = len(np.unique(where, axis=0))
        if single < len(where):
            raise DataError(f"{self.source} has {len(where) - single} lines that were acquired twice.")

    def _assembled(self, where: tuple[Any, ...], inner: tuple[int, ...]) -> Array:
        """The part of k-space, or of the mask where there are no coils, that is asked for."""
        outer = len(self.outer)
        numbers, lines, slots, pick = self.chosen(where[:outer])
        kspace = len(inner) > len(self._image)
        whole = np.zeros((*map(len, numbers), *inner), np.complex64 if kspace else bool)
        read = self.samples(self.rows[lines]) if kspace else ((n, None) for n in range(len(lines)))
        for n, samples in read:
            line = lines[n]
            slot = self.slot(line, slots)
            kz, ky = (int(step) for step in self.places[line])
            first, last = (int(sample) for sample in self.spans[line])
            start = int(self.starts[line])
            columns = (*((kz,) if self.matrix[0] > 1 else ()), ky, slice(start + first, start + last))
            if samples is None:
                whole[(*slot, *columns)] = True
            else:
                whole[(*slot, slice(None), *columns)] = samples[:, first:last]
        return np.asarray(whole[(*pick, *where[outer:])])
