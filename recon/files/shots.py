"""The shots of an ISMRMRD scan that is not Cartesian, with the points of their samples."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from recon.files.acquired import Acquired, Array
from recon.files.contents import LazyArray
from recon.files.item import DataError

Unit = Literal["cycles", "kn", "radians"]

_SLACK = 1e-6
"""Cycles per pixel by which points may reach beyond 1/2, as rounding in single precision explains."""


class Shots(Acquired):
    """Samples and points of a scan whose acquisitions hold their trajectory.

    The parameters are those of :class:`~recon.files.acquired.Acquired`, and ``unit``: in what the file has its points,
    ``"cycles"`` per pixel, ``"kn"`` (cycles per encoded field of view) or ``"radians"`` per pixel.

    Attributes
    ----------
    axes
        Names of the axes of k-space.
    """

    def __init__(self, source: str, table: Any, header: dict[str, Any], unit: Unit = "cycles") -> None:
        super().__init__(source, table, header)
        self.unit = unit
        stored = set(self.heads["trajectory_dimensions"].astype(int).tolist())
        if len(stored) > 1 or not stored <= {2, 3}:
            raise DataError(f"{source} has trajectories of {sorted(stored)} dimensions, expected 2 or 3 of all shots.")
        (self.stored,) = stored
        first, samples = self.heads["discard_pre"].astype(int), self.heads["number_of_samples"].astype(int)
        self.spans = np.stack([first, samples - self.heads["discard_post"].astype(int)], -1)
        lengths = set((self.spans[:, 1] - self.spans[:, 0]).tolist())
        _, counts = np.unique(self.counters, axis=0, return_counts=True)
        if len(lengths) > 1:
            raise DataError(f"{source} has shots of {min(lengths)} to {max(lengths)} samples, expected of one length.")
        if len(set(counts.tolist())) > 1 or len(counts) != np.prod(self.outer, dtype=int):
            raise DataError(f"{source} has {min(counts)} to {max(counts)} shots an image, expected as many of each.")
        (self.length,), self.count = lengths, int(counts[0])
        self.ndim = 3 if self.matrix[0] > 1 else 2
        self.heights = self.steps(2) if self.ndim > self.stored else None
        self.axes = (*self.counted, "coil", "shot", "sample")

    def kspace(self) -> LazyArray:
        """([counters,] coils, shots, samples), shots in the order of the file."""
        inner = (self.coils, self.count, self.length)

        def read(where: tuple[Any, ...]) -> Array:
            return self._assembled(where, inner, np.dtype(np.complex64), "data")

        return LazyArray((*self.outer, *inner), np.dtype(np.complex64), read, self.source)

    def trajectory(self) -> LazyArray:
        """([counters,] ndim, shots, samples) in cycles per pixel, rows in the order of the image's axes."""
        inner = (self.ndim, self.count, self.length)

        def read(where: tuple[Any, ...]) -> Array:
            return self._assembled(where, inner, np.dtype(np.float64), "traj")

        return LazyArray((*self.outer, *inner), np.dtype(np.float64), read, self.source)

    def _assembled(self, where: tuple[Any, ...], inner: tuple[int, ...], dtype: np.dtype[Any], column: str) -> Array:
        outer = len(self.outer)
        numbers, lines, slots, pick = self.chosen(where[:outer])
        whole = np.zeros((*map(len, numbers), *inner), dtype)
        taken: dict[tuple[int, ...], int] = {}
        places: list[tuple[Any, ...]] = []
        for line in lines:
            slot = self.slot(line, slots)
            places.append((*slot, slice(None), taken.setdefault(slot, 0)))
            taken[slot] += 1
        rows = self.rows[lines]
        read = self.samples(rows) if column == "data" else self.column(column, rows)
        reach = 0.0
        for n, values in read:
            reach = max(reach, float(np.abs(values).max(initial=0.0)))
            first, last = (int(sample) for sample in self.spans[lines[n]])
            whole[places[n]] = (
                values[:, first:last] if column == "data" else self._points(values, lines[n])[:, first:last]
            )
        if column == "traj" and self.unit != "cycles" and 0.45 <= reach <= 0.5 + _SLACK:
            raise DataError(
                f"{self.source} has points up to {reach:.3g}, as in cycles per pixel; take trajectory_unit cycles."
            )
        return np.asarray(whole[(*pick, *where[outer:])])

    def _points(self, values: Array, line: int) -> Array:
        """(ndim, samples) of a shot, z first, in cycles per pixel."""
        sizes = np.array(self.matrix[3 - self.stored :], float)[:, None]
        units: dict[Unit, Any] = {"cycles": 1.0, "kn": sizes, "radians": 2 * np.pi}
        points: Array = np.asarray(values, np.float64).reshape(-1, self.stored).T[::-1] / units[self.unit]
        if self.stored > self.ndim:
            if points[0].any():
                raise DataError(f"{self.source} has points with kz other than 0, but an encoded matrix of one slice.")
            points = points[1:]
        if not np.isfinite(points).all():
            raise DataError(f"{self.source} has points that are NaN or infinite.")
        largest = float(np.abs(points).max(initial=0.0))
        if largest > 0.5 + _SLACK:
            raise DataError(
                f"{self.source} has points up to {largest:g}, beyond 1/2 cycle per pixel; say with trajectory_unit "
                "whether the file has them in kn or radians."
            )
        points = np.where(points >= 0.5, points - 1, np.maximum(points, -0.5))
        if self.heights is None:
            return points
        size = self.matrix[0]
        height = np.full((1, points.shape[1]), (float(self.heights[line]) - size // 2) / size)
        placed: Array = np.concatenate([height, points])
        return placed
