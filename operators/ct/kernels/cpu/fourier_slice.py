"""The Fourier slice model by finufft: :mod:`recon.operators.ct.kernels.nufft` has the formula.

Numbers are carried in double precision and rounded once: in single precision the coordinates alone would cost 2e-5 at
512² pixels. Each transform runs on one thread, so that sums have one order; items are dealt out to threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import finufft
import numpy as np
from scipy.fft import irfft, rfft

from recon.operators.ct.kernels.arrays import Array
from recon.operators.ct.kernels.cpu.threads import for_each

KEPT = 8
"""Number of scans whose plans are kept for the next call."""

SETTINGS = {
    np.dtype("float32"): {"eps": 1e-6, "upsampfac": 1.25},
    np.dtype("float64"): {"eps": 1e-12, "upsampfac": 2.0},
}
"""Accuracy of the transforms for data of either precision; upsampling factors for which finufft has tables."""


def project(image: Array, table: Array, period: int, out: Array) -> None:
    """Fill ``out`` (items, views, bins) from ``image`` (items, rows, columns)."""
    scan = _scan(table.tobytes(), len(table), out.shape[2], period, image.shape[1:], image.dtype)

    def one(item: int) -> None:
        out[item] = scan.project(image[item])

    for_each(len(image), one)


def backproject(sinogram: Array, table: Array, period: int, out: Array) -> None:
    """Fill ``out`` (items, rows, columns) from ``sinogram`` (items, views, bins)."""
    scan = _scan(table.tobytes(), len(table), sinogram.shape[2], period, out.shape[1:], sinogram.dtype)

    def one(item: int) -> None:
        out[item] = scan.backproject(sinogram[item])

    for_each(len(sinogram), one)


class Scan:
    """What does not depend on the data, and idle plans: their state is scratch space, so that any of them will do."""

    def __init__(self, table: Array, bins: int, period: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.bins, self.period, self.shape, self.settings = bins, period, shape, SETTINGS[dtype]
        across, down, middle, weight = table.T
        last = 0.5 * period / np.maximum(np.abs(across), np.abs(down))
        share = np.clip(last[:, None] - np.arange(int(last.max() + 1.5)) + 0.5, 0, 1)
        self.view, self.number = np.nonzero(share)
        cycles, a, b = self.number / period, across[self.view], down[self.view]
        self.points = 2 * np.pi * cycles * b, 2 * np.pi * cycles * a
        rows, columns = ((1 - n % 2) / 2 for n in shape)  # finufft counts pixels from n // 2
        phase = cycles * (middle[self.view] + a * columns + b * rows)
        self.factor = weight[self.view] / period * share[share > 0] * np.exp(-2j * np.pi * phase)
        self.fold = 2 * int(self.number.max()) // period + 1
        """Points a bin at which no frequency aliases; those between the bins are left out again."""
        place = np.arange(bins) - middle[:, None]
        self.seen = (-period / 2 <= place) & (place < period / 2)
        self.idle: dict[int, list[finufft.Plan]] = {1: [], 2: []}

    def project(self, image: Array) -> Array:
        spectrum = np.zeros((len(self.seen), self.fold * self.period // 2 + 1), complex)
        spectrum[self.view, self.number] = self.factor * self._transform(2, image.astype(complex))
        line = irfft(spectrum, self.fold * self.period, norm="forward")[:, :: self.fold]
        return np.where(self.seen, np.tile(line, -(-self.bins // self.period))[:, : self.bins], 0)

    def backproject(self, sinogram: Array) -> Array:
        views, copies = len(sinogram), -(-self.bins // self.period)
        laid = np.zeros((views, copies * self.period))
        laid[:, : self.bins] = np.where(self.seen, sinogram, 0)
        line = np.zeros((views, self.fold * self.period))
        line[:, :: self.fold] = laid.reshape(views, copies, self.period).sum(1)
        values = rfft(line)[self.view, self.number] * self.factor.conj()
        values[self.number > 0] *= 2
        return self._transform(1, values).real

    def _transform(self, kind: int, values: Array) -> Array:
        """The nonuniform Fourier transform of pixels (kind 2), or its adjoint (kind 1)."""
        idle = self.idle[kind]
        try:
            plan = idle.pop()
        except IndexError:
            plan = finufft.Plan(kind, self.shape, isign=1 if kind == 1 else -1, nthreads=1, showwarn=0, **self.settings)
            plan.setpts(*self.points)
        out: Array = plan.execute(values)
        idle.append(plan)
        return out


@lru_cache(KEPT)
def _scan(table: bytes, views: int, bins: int, period: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> Scan:
    return Scan(np.frombuffer(table).reshape(views, -1), bins, period, shape, dtype)
