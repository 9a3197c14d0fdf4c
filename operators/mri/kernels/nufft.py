"""Nonuniform Fourier sums by finufft, with plans that are kept.

    forward:  s(k) = Σ_n x[n] exp(−2πi k·(n − c)),    adjoint:  z[n] = Σ_k s(k) exp(+2πi k·(n − c)),    c = N//2,

unscaled. On the CPU each sum runs on one thread, so that numbers are added in one order, and items are dealt out to
threads. A plan holds the sorted points and scratch space, nothing that a result depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.kernels.cpu.threads import for_each
from recon.operators.mri.kernels.nufft_cuda import CudaPlans
from recon.operators.mri.stacked_planes import StackedPlanes, stacked_planes
from recon.operators.operator import Shape

SINGLE, DOUBLE = 1e-5, 1e-14
"""Relative errors asked of finufft by default for complex64 and complex128."""
LEAST = {torch.complex64: 2e-7, torch.complex128: 1e-14}
"""Relative errors below which rounding leaves nothing to be gained."""
FINE = 1e-8
"""Relative errors from which a grid finer by 1.25 does, with wider kernels: at 256² three times as fast as by 2."""

TOGETHER = 8
"""Most items that a call of a plan on the CPU takes, one after the other: a call costs 2 % of a sum of 10⁵ samples."""


class Plans(Protocol):
    """Sums over points for batches of images."""

    def forward(self, x: Tensor) -> Tensor:
        """``(items, *shape)`` to ``(items, points)``."""

    def adjoint(self, y: Tensor) -> Tensor:
        """``(items, points)`` to ``(items, *shape)``."""


class PointPlans:
    """Sums over any points ``(ndim, M)`` in cycles per pixel."""

    def __init__(self, shape: Sequence[int], points: Tensor, eps: float | None) -> None:
        self.shape: Shape = tuple(shape)
        self.eps = eps
        self.radians = [np.ascontiguousarray(row) for row in (2 * pi * points.detach().cpu().double()).numpy()]
        self.idle: dict[tuple[int, torch.dtype, int], list[Any]] = {}
        self._cuda = CudaPlans(self.shape, self.radians)

    def forward(self, x: Tensor) -> Tensor:
        return self._transform(2, x, (len(x), len(self.radians[0])))

    def adjoint(self, y: Tensor) -> Tensor:
        return self._transform(1, y, (len(y), *self.shape))

    def _transform(self, kind: int, source: Tensor, shape: Sequence[int]) -> Tensor:
        source = source.resolve_conj().contiguous()
        if source.is_cuda:
            return self._cuda.transform(kind, tolerance(source.dtype, self.eps), source, source.new_empty(tuple(shape)))
        data = source.cpu().numpy()
        out = np.empty(tuple(shape), data.dtype)
        parts = _parts(len(data))

        def transform(index: int) -> None:
            first, count = parts[index]
            items = first if count == 1 else slice(first, first + count)
            idle = self.idle.setdefault((kind, source.dtype, count), [])
            try:
                plan = idle.pop()
            except IndexError:
                plan = self._plan(kind, source.dtype, count)
            plan.execute(data[items], out[items])
            idle.append(plan)

        for_each(len(parts), transform)
        return torch.from_numpy(out).to(source.device)

    def _plan(self, kind: int, dtype: torch.dtype, count: int) -> Any:
        import finufft

        real, name = (np.float32, "complex64") if dtype == torch.complex64 else (np.float64, "complex128")
        sign = 1 if kind == 1 else -1
        eps = tolerance(dtype, self.eps)
        factor = 1.25 if eps >= FINE else 2.0  # given, since finufft would choose another for the transpose
        plan = finufft.Plan(kind, self.shape, count, eps, sign, name, nthreads=1, showwarn=0, upsampfac=factor)
        plan.setpts(*(row.astype(real) for row in self.radians))
        return plan


def _parts(items: int) -> list[tuple[int, int]]:
    """First and number of the items of each call: powers of two, of which few plans are kept, and a share a thread."""
    threads, parts, first = torch.get_num_threads(), [], 0
    while first < items:
        share = min(TOGETHER, -(-(items - first) // threads))
        count = 1 << (share.bit_length() - 1)
        parts.append((first, count))
        first += count
    return parts


class StackPlans:
    """Sums over the same points in several planes of k-space: FFTs along z, then sums in each plane."""

    def __init__(self, shape: Sequence[int], planes: StackedPlanes, eps: float | None) -> None:
        self.depth = shape[0]
        self.inner = PointPlans(shape[1:], planes.points, eps)
        self.frequencies = planes.frequencies % self.depth
        turns = ((planes.frequencies * (self.depth // 2)) % self.depth).double() / self.depth
        self.phases = torch.polar(torch.ones_like(turns), 2 * pi * turns)

    def forward(self, x: Tensor) -> Tensor:
        phases = self.phases.to(x)[:, None, None]
        chosen = torch.fft.fft(x, dim=1)[:, self.frequencies.to(x.device)] * phases
        return self.inner.forward(chosen.reshape(-1, *chosen.shape[2:])).reshape(len(x), -1)

    def adjoint(self, y: Tensor) -> Tensor:
        planes = self.inner.adjoint(y.reshape(len(y) * len(self.phases), -1))
        planes = planes.reshape(len(y), len(self.phases), *self.inner.shape) * self.phases.conj().to(y)[:, None, None]
        spectrum = y.new_zeros(len(y), self.depth, *self.inner.shape)
        spectrum.index_add_(1, self.frequencies.to(y.device), planes)
        image: Tensor = torch.fft.ifft(spectrum, dim=1, norm="forward")
        return image


class LazyPlans:
    """Plans that are made when first needed, for ``points`` or, where there are none yet, those of the first call."""

    def __init__(self, shape: Sequence[int], eps: float | None, points: Tensor | None) -> None:
        self.shape, self.eps, self.points = tuple(shape), eps, points
        self._made: Plans | None = None

    def at(self, points: Tensor | None = None) -> Plans:
        if self._made is None:
            known = self.points if self.points is not None else points
            assert known is not None
            self._made = nufft_plans(self.shape, known, self.eps)
        return self._made

    def forward(self, x: Tensor) -> Tensor:
        return self.at().forward(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.at().adjoint(y)


def nufft_plans(shape: Sequence[int], points: Tensor, eps: float | None) -> Plans:
    """Plans for the points ``(ndim, shots, samples)`` of a trajectory, which hold the values of now."""
    planes = stacked_planes(points.detach().cpu(), shape)
    if planes is not None:
        return StackPlans(shape, planes, eps)
    return PointPlans(shape, points.reshape(len(points), -1), eps)


def tolerance(dtype: torch.dtype, eps: float | None) -> float:
    """The relative error to ask for in one precision."""
    if eps is None:
        return SINGLE if dtype == torch.complex64 else DOUBLE
    return max(eps, LEAST[dtype])
