"""Parallel-beam projection by the Fourier slice theorem and its transpose, as torch custom ops.

A view is known by the row (a, b, u₀, weight) of a table: pixel (i, j) of an image of n rows and m columns projects to
the bin u₀ + b (i − (n − 1)/2) + a (j − (m − 1)/2). Pixels are samples of a band-limited image, and a view is at bin k

    weight/N Σ_f w(f) X(f b, f a) exp(2πi f (k − u₀)),
    X(g, h) = Σᵢⱼ xᵢⱼ exp(−2πi (g (i − (n − 1)/2) + h (j − (m − 1)/2))),

summed over the frequencies f = 0, ±1/N, ±2/N, … cycles a bin for which f a and f b are at most 1/2 in size, the Nyquist
frequencies of the pixels; w is 1, at the last of them the part of the cell f ± 1/2N that lies within. The sum has the
period N, and bins more than N/2 from u₀ are zero. X is computed by a nonuniform FFT.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from math import ceil, hypot
from types import ModuleType
from typing import Any

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from recon.operators.ct.kernels.arrays import as_array
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.volume import Volume

GUARD = 8
"""Pixels by which the period exceeds the image's diagonal."""

_library = torch.library.Library("recon", "FRAGMENT")
_library.define("fourier_slice_project(Tensor image, Tensor slices, int bins, int period) -> Tensor")
_library.define("fourier_slice_backproject(Tensor sinogram, Tensor slices, int period, int[] shape) -> Tensor")


def slice_table(volume: Volume, geometry: ParallelBeam) -> Tensor:
    """One row (a, b, u₀, weight) per view, float64 ``(views, 4)``."""
    (dy, dx), (y0, x0), pitch = volume.spacing, volume.offset, geometry.pitch
    theta = torch.tensor(geometry.angles, dtype=torch.float64)
    cosine, sine = theta.cos(), theta.sin()
    middle = (x0 * cosine + y0 * sine - geometry.positions()[0]) / pitch
    return torch.stack((dx / pitch * cosine, dy / pitch * sine, middle, torch.full_like(theta, dx * dy / pitch)), 1)


def slice_period(volume: Volume, geometry: ParallelBeam) -> int:
    """N: bins that cover the image's diagonal and a few pixels, a number with small prime factors."""
    length = hypot(*((n + GUARD) * h for n, h in zip(volume.shape, volume.spacing, strict=True)))
    return int(next_fast_len(max(2, ceil(length / geometry.pitch)), real=True))


def fourier_slice_project(image: Tensor, slices: Tensor, bins: int, period: int) -> Tensor:
    """Projections ``(items, views, bins)`` of real images ``(items, rows, columns)``."""
    out: Tensor = torch.ops.recon.fourier_slice_project(image, slices, bins, period)
    return out


def fourier_slice_backproject(sinogram: Tensor, slices: Tensor, period: int, shape: Sequence[int]) -> Tensor:
    """Exact transpose of :func:`fourier_slice_project`: images ``(items, rows, columns)``."""
    out: Tensor = torch.ops.recon.fourier_slice_backproject(sinogram, slices, period, shape)
    return out


def _project(image: Tensor, slices: Tensor, bins: int, period: int) -> Tensor:
    source = as_array(image)
    out = np.empty((len(source), len(slices), bins), source.dtype)
    _kernels().project(source, as_array(slices), period, out)
    return torch.from_numpy(out)


def _backproject(sinogram: Tensor, slices: Tensor, period: int, shape: Sequence[int]) -> Tensor:
    source = as_array(sinogram)
    out = np.empty((len(source), *shape), source.dtype)
    _kernels().backproject(source, as_array(slices), period, out)
    return torch.from_numpy(out)


def _kernels() -> ModuleType:
    """Imports finufft only now."""
    return import_module("recon.operators.ct.kernels.cpu.fourier_slice")


def _fake_project(image: Tensor, slices: Tensor, bins: int, period: int) -> Tensor:
    return image.new_empty((image.shape[0], slices.shape[0], bins))


def _fake_backproject(sinogram: Tensor, slices: Tensor, period: int, shape: Sequence[int]) -> Tensor:
    return sinogram.new_empty((sinogram.shape[0], *shape))


def _keep_project(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    image, ctx.slices, _, ctx.period = inputs
    ctx.shape = image.shape[1:]


def _keep_backproject(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    sinogram, ctx.slices, ctx.period, _ = inputs
    ctx.bins = sinogram.shape[2]


def _gradient_of_project(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return fourier_slice_backproject(grad, ctx.slices, ctx.period, ctx.shape), None, None, None


def _gradient_of_backproject(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return fourier_slice_project(grad, ctx.slices, ctx.bins, ctx.period), None, None, None


_library.impl("fourier_slice_project", _project, "CPU")
_library.impl("fourier_slice_backproject", _backproject, "CPU")
torch.library.register_fake("recon::fourier_slice_project", _fake_project, lib=_library)
torch.library.register_fake("recon::fourier_slice_backproject", _fake_backproject, lib=_library)
torch.library.register_autograd(
    "recon::fourier_slice_project", _gradient_of_project, setup_context=_keep_project, lib=_library
)
torch.library.register_autograd(
    "recon::fourier_slice_backproject", _gradient_of_backproject, setup_context=_keep_backproject, lib=_library
)
