"""Projection along any rays by Joseph's method and its transpose, as torch custom ops.

A ray is known by the row of a table that its view has, in index coordinates: the centre of pixel (i, j) is (i, j).
In two dimensions the row is (P, Pₖ, D, Dₖ, C, δ), vectors of two components and one number, and ray k runs along

    p + t d,   p = P + k Pₖ,   d = D + k Dₖ  where δ = 0,  d = D + sin(kδ) Dₖ + cos(kδ) C  elsewhere;

in three dimensions it is (P, Pₖ, Pₗ, D, Dₖ, Dₗ), with p = P + k Pₖ + l Pₗ and d = D + k Dₖ + l Dₗ for row l and bin k.
A ray is followed along the axis in which |d| is largest (the first of equals), from one layer of pixels to the next,
and reads each layer by (bi)linear interpolation of its neighbours, zero outside; the sum is multiplied by the distance
of two layers along the ray, √Σ(spacingₐ dₐ)²/|d_axis| in mm.

On the CPU rays of one view may run as they please; on a GPU they start at one point or run in one direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.geometry import Geometry
from recon.operators.ct.kernels.arrays import as_array
from recon.operators.ct.kernels.gpu import on_gpu
from recon.operators.ct.volume import Volume

POINT, POINT_U, DIRECTION, DIRECTION_U, COSINE, TURN = 0, 2, 4, 6, 8, 10
"""First columns of a table's parts in two dimensions."""
PLANE_COLUMNS, SPACE_COLUMNS = 11, 18

_library = torch.library.Library("recon", "FRAGMENT")
_library.define("rays_project(Tensor image, Tensor rays, float[] spacing, int[] detector) -> Tensor")
_library.define("rays_backproject(Tensor sinogram, Tensor rays, float[] spacing, int[] shape) -> Tensor")


def ray_table(volume: Volume, geometry: Geometry) -> Tensor:
    """One row per view, float64: ``(views, 11)`` in the plane, ``(views, 18)`` in space."""
    frames = geometry.frames()
    spacing, offset, shape = (
        torch.tensor(v, dtype=torch.float64) for v in (volume.spacing, volume.offset, volume.shape)
    )
    points, directions = frames.points / spacing, frames.directions / spacing
    points[:, 0] += (shape - 1) / 2 - offset / spacing
    parts = [points.flatten(1), directions.flatten(1)]
    if volume.ndim == 2:
        cosine = torch.zeros_like(points[:, 0]) if frames.cosine is None else frames.cosine / spacing
        parts += [cosine, torch.full((len(points), 1), frames.turn, dtype=torch.float64)]
    return torch.cat(parts, 1)


def require_pencils(rays: Tensor) -> None:
    """Refuse rays for which GPU kernels have no formula."""
    steps, turns = (slice(2, 4), slice(6, 10)) if rays.shape[1] == PLANE_COLUMNS else (slice(3, 9), slice(12, 18))
    mixed = (rays[:, steps] != 0).any(1) & (rays[:, turns] != 0).any(1)
    if bool(mixed.any()):
        raise ValueError(
            "projection on a GPU expects the rays of a view to start at one point or to run in one direction, those of "
            f"view {int(mixed.nonzero()[0])} do neither; project on the CPU."
        )


def rays_project(image: Tensor, rays: Tensor, spacing: Sequence[float], detector: Sequence[int]) -> Tensor:
    """Projections ``(items, views, *detector)`` of real images ``(items, *shape)``."""
    out: Tensor = torch.ops.recon.rays_project(image, rays, spacing, detector)
    return out


def rays_backproject(sinogram: Tensor, rays: Tensor, spacing: Sequence[float], shape: Sequence[int]) -> Tensor:
    """Exact transpose of :func:`rays_project`: images ``(items, *shape)``."""
    out: Tensor = torch.ops.recon.rays_backproject(sinogram, rays, spacing, shape)
    return out


def _project(image: Tensor, rays: Tensor, spacing: Sequence[float], detector: Sequence[int]) -> Tensor:
    source = as_array(image)
    out = np.empty((len(source), len(rays), *detector), source.dtype)
    _kernels(len(detector)).project(source, as_array(rays), tuple(spacing), out)
    return torch.from_numpy(out)


def _backproject(sinogram: Tensor, rays: Tensor, spacing: Sequence[float], shape: Sequence[int]) -> Tensor:
    source = as_array(sinogram)
    out = np.empty((len(source), *shape), source.dtype)
    _kernels(len(shape) - 1).backproject(source, as_array(rays), tuple(spacing), out)
    return torch.from_numpy(out)


def _kernels(detector_axes: int) -> ModuleType:
    """Imports Numba only now."""
    return import_module(f"recon.operators.ct.kernels.cpu.{'plane' if detector_axes == 1 else 'space'}")


def _fake_project(image: Tensor, rays: Tensor, spacing: Sequence[float], detector: Sequence[int]) -> Tensor:
    return image.new_empty((image.shape[0], rays.shape[0], *detector))


def _fake_backproject(sinogram: Tensor, rays: Tensor, spacing: Sequence[float], shape: Sequence[int]) -> Tensor:
    return sinogram.new_empty((sinogram.shape[0], *shape))


def _keep_project(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    image, ctx.rays, ctx.spacing, _ = inputs
    ctx.shape = image.shape[1:]


def _keep_backproject(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    sinogram, ctx.rays, ctx.spacing, _ = inputs
    ctx.detector = sinogram.shape[2:]


def _gradient_of_project(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return rays_backproject(grad, ctx.rays, ctx.spacing, ctx.shape), None, None, None


def _gradient_of_backproject(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return rays_project(grad, ctx.rays, ctx.spacing, ctx.detector), None, None, None


_library.impl("rays_project", _project, "CPU")
_library.impl("rays_backproject", _backproject, "CPU")
_library.impl("rays_project", on_gpu("project"), "CUDA")
_library.impl("rays_backproject", on_gpu("backproject"), "CUDA")
torch.library.register_fake("recon::rays_project", _fake_project, lib=_library)
torch.library.register_fake("recon::rays_backproject", _fake_backproject, lib=_library)
torch.library.register_autograd("recon::rays_project", _gradient_of_project, setup_context=_keep_project, lib=_library)
torch.library.register_autograd(
    "recon::rays_backproject", _gradient_of_backproject, setup_context=_keep_backproject, lib=_library
)
