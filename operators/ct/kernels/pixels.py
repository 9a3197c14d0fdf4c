"""Backprojection of views read at every pixel and its transpose, as torch custom ops.

A view is known by the row of a table that it has, in index coordinates. In two dimensions the row is (a, c, u₀, 1/δ),
vectors of three components and two numbers, the last of them 0 for a flat detector, and the pixel (i, j) is seen at
the bin

    u = a·p / c·p  (flat),    u = u₀ + atan2(a·p, c·p)/δ  (curved),    p = (i, j, 1);

in three dimensions it is (a, b, c), vectors of four components, and the voxel (n, i, j) is seen at bin u and row v,

    u = a·p / c·p,    v = b·p / c·p,    p = (n, i, j, 1).

Backprojection adds, for every view, the view read at u (and v) by (bi)linear interpolation, zero outside, times
(c·p)^−power, on a curved detector times ((a·p)² + (c·p)²)^(−power/2). A pixel at which c·p is not positive lies behind
the source and reads nothing. For parallel rays c·p = 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.kernels.arrays import as_array
from recon.operators.ct.kernels.gpu import on_gpu
from recon.operators.ct.volume import Volume

PLANE_A, PLANE_C, PLANE_START, PLANE_TURN = 0, 3, 6, 7
SPACE_A, SPACE_B, SPACE_C = 0, 4, 8
"""First columns of a table's parts in two and in three dimensions."""
PLANE_COLUMNS, SPACE_COLUMNS = 8, 12

_library = torch.library.Library("recon", "FRAGMENT")
_library.define("pixels_project(Tensor image, Tensor table, float power, int[] detector) -> Tensor")
_library.define("pixels_backproject(Tensor sinogram, Tensor table, float power, int[] shape) -> Tensor")


def pixel_table(volume: Volume, geometry: Geometry, beyond: int = 0, fold: int = 1) -> Tensor:
    """One row per view, float64: ``(views, 8)`` in the plane, ``(views, 12)`` in space.

    On a flat detector c·p is the distance from the source over that of the detector, both along the detector's normal;
    on a curved one √((a·p)² + (c·p)²) is the distance from the source over that of the detector. The curved detector's
    arc must lie about the source. The table is that of views with ``beyond`` more bins at each end, read at ``fold``
    times as many points.
    """
    frames = geometry.frames()
    if volume.ndim == 3:
        a, b, c = _space_parts(frames)
        parts = [_indexed(part, frames, volume, number) for number, part in enumerate((a, b, c))]
        parts[0] = fold * (parts[0] + beyond * parts[2])
        return torch.cat(parts, 1)
    if frames.cosine is not None:
        middle = (geometry.shape[-1] - 1) / 2
        sine, cosine = frames.directions[:, 1], frames.cosine
        turn = torch.tensor(middle * frames.turn, dtype=torch.float64)
        scale = cosine.square().sum(-1, keepdim=True)
        a, c = ((v / scale) for v in (turn.cos() * sine - turn.sin() * cosine, turn.cos() * cosine + turn.sin() * sine))
        ends = torch.tensor([fold * (middle + beyond), fold / frames.turn], dtype=torch.float64)
        parts = [_indexed(a, frames, volume, 0), _indexed(c, frames, volume, 0), ends.expand(len(a), 2)]
        return torch.cat(parts, 1)
    a, c = _plane_parts(frames)
    parts = [_indexed(a, frames, volume, 0), _indexed(c, frames, volume, 2)]
    parts[0] = fold * (parts[0] + beyond * parts[1])
    return torch.cat((*parts, torch.zeros(len(a), 2, dtype=torch.float64)), 1)


def _plane_parts(frames: Frames) -> tuple[Tensor, Tensor]:
    """Vectors a, c with a·q = k t and c·q = t for q = t (D + k Dₖ); for q = t D + k Pₖ a·q = k, and c is zero."""
    parallel = frames.sources is None
    step = frames.points[:, 1] if parallel else frames.directions[:, 1]
    along = frames.directions[:, 0]
    det = (step[:, 0] * along[:, 1] - step[:, 1] * along[:, 0])[:, None]
    a = torch.stack((along[:, 1], -along[:, 0]), -1) / det
    c = torch.zeros_like(a) if parallel else torch.stack((-step[:, 1], step[:, 0]), -1) / det
    return a, c


def _space_parts(frames: Frames) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors a, b, c with a·q = k t, b·q = l t, c·q = t for q = t (D + k Dₖ + l Dₗ); as above for parallel rays."""
    parallel = frames.sources is None
    spans = frames.points if parallel else frames.directions
    bin_, row, along = spans[:, 1], spans[:, 2], frames.directions[:, 0]
    a, b, c = torch.linalg.cross(row, along), torch.linalg.cross(along, bin_), torch.linalg.cross(bin_, row)
    det = (bin_ * a).sum(-1, keepdim=True)
    return a / det, b / det, torch.zeros_like(c) if parallel else c / det


def _indexed(vector: Tensor, frames: Frames, volume: Volume, number: int) -> Tensor:
    """The function vector·(r − P) of a pixel's index; the third of parallel rays is 1."""
    shape, spacing, offset = (
        torch.tensor(v, dtype=torch.float64) for v in (volume.shape, volume.spacing, volume.offset)
    )
    first = offset - (shape - 1) / 2 * spacing - frames.points[:, 0]
    constant = (vector * first).sum(-1, keepdim=True)
    if number == 2 and frames.sources is None:
        constant = torch.ones_like(constant)
    return torch.cat((vector * spacing, constant), 1)


def pixels_project(image: Tensor, table: Tensor, power: float, detector: Sequence[int]) -> Tensor:
    """Exact transpose of :func:`pixels_backproject`: ``(items, views, *detector)``, (bins,) or (rows, bins)."""
    out: Tensor = torch.ops.recon.pixels_project(image, table, power, detector)
    return out


def pixels_backproject(sinogram: Tensor, table: Tensor, power: float, shape: Sequence[int]) -> Tensor:
    """Images ``(items, *shape)`` of real views ``(items, views, *detector)``."""
    out: Tensor = torch.ops.recon.pixels_backproject(sinogram, table, power, shape)
    return out


def _project(image: Tensor, table: Tensor, power: float, detector: Sequence[int]) -> Tensor:
    source = as_array(image)
    out = np.empty((len(source), len(table), *detector), source.dtype)
    _kernels(len(detector)).project(source, as_array(table), float(power), out)
    return torch.from_numpy(out)


def _backproject(sinogram: Tensor, table: Tensor, power: float, shape: Sequence[int]) -> Tensor:
    source = as_array(sinogram)
    out = np.empty((len(source), *shape), source.dtype)
    _kernels(len(shape) - 1).backproject(source, as_array(table), float(power), out)
    return torch.from_numpy(out)


def _kernels(detector_axes: int) -> ModuleType:
    """Imports Numba only now."""
    return import_module(f"recon.operators.ct.kernels.cpu.pixels_{'plane' if detector_axes == 1 else 'space'}")


def _fake_project(image: Tensor, table: Tensor, power: float, detector: Sequence[int]) -> Tensor:
    return image.new_empty((image.shape[0], table.shape[0], *detector))


def _fake_backproject(sinogram: Tensor, table: Tensor, power: float, shape: Sequence[int]) -> Tensor:
    return sinogram.new_empty((sinogram.shape[0], *shape))


def _keep_project(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    image, ctx.table, ctx.power, _ = inputs
    ctx.shape = image.shape[1:]


def _keep_backproject(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    sinogram, ctx.table, ctx.power, _ = inputs
    ctx.detector = sinogram.shape[2:]


def _gradient_of_project(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return pixels_backproject(grad, ctx.table, ctx.power, ctx.shape), None, None, None


def _gradient_of_backproject(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return pixels_project(grad, ctx.table, ctx.power, ctx.detector), None, None, None


_library.impl("pixels_project", _project, "CPU")
_library.impl("pixels_backproject", _backproject, "CPU")
_library.impl("pixels_project", on_gpu("project", "pixels_"), "CUDA")
_library.impl("pixels_backproject", on_gpu("backproject", "pixels_"), "CUDA")
torch.library.register_fake("recon::pixels_project", _fake_project, lib=_library)
torch.library.register_fake("recon::pixels_backproject", _fake_backproject, lib=_library)
torch.library.register_autograd(
    "recon::pixels_project", _gradient_of_project, setup_context=_keep_project, lib=_library
)
torch.library.register_autograd(
    "recon::pixels_backproject", _gradient_of_backproject, setup_context=_keep_backproject, lib=_library
)
