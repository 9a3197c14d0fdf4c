"""Parallel-beam projection of images and its transpose, as torch custom ops."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.kernels.arrays import as_array

_library = torch.library.Library("recon", "FRAGMENT")  # torch.library.custom_op would load the compiler at first use
_library.define("parallel_project(Tensor image, Tensor views, int bins, str model) -> Tensor")
_library.define("parallel_backproject(Tensor sinogram, Tensor views, int rows, int columns, str model) -> Tensor")


def parallel_project(image: Tensor, views: Tensor, bins: int, model: str) -> Tensor:
    """Projections ``(items, views, bins)`` of real images ``(items, rows, columns)``.

    ``views`` is the table of :func:`~recon.operators.ct.kernels.views.parallel_views`; ``model`` is
    ``"shear"`` or ``"pixel"``, the transpose of interpolating backprojection.
    """
    out: Tensor = torch.ops.recon.parallel_project(image, views, bins, model)
    return out


def parallel_backproject(sinogram: Tensor, views: Tensor, rows: int, columns: int, model: str) -> Tensor:
    """Exact transpose of :func:`parallel_project`: images ``(items, rows, columns)``."""
    out: Tensor = torch.ops.recon.parallel_backproject(sinogram, views, rows, columns, model)
    return out


def _project(image: Tensor, views: Tensor, bins: int, model: str) -> Tensor:
    source = as_array(image)
    out = np.empty((len(source), len(views), bins), source.dtype)
    _kernels(model).project(source, as_array(views), out)
    return torch.from_numpy(out)


def _backproject(sinogram: Tensor, views: Tensor, rows: int, columns: int, model: str) -> Tensor:
    source = as_array(sinogram)
    out = np.empty((len(source), rows, columns), source.dtype)
    _kernels(model).backproject(source, as_array(views), out)
    return torch.from_numpy(out)


def _fake_project(image: Tensor, views: Tensor, bins: int, model: str) -> Tensor:
    return image.new_empty((image.shape[0], views.shape[0], bins))


def _fake_backproject(sinogram: Tensor, views: Tensor, rows: int, columns: int, model: str) -> Tensor:
    return sinogram.new_empty((sinogram.shape[0], rows, columns))


def _keep_project(ctx: Any, inputs: tuple[Tensor, Tensor, int, str], output: Tensor) -> None:
    image, ctx.views, ctx.bins, ctx.model = inputs
    ctx.rows, ctx.columns = image.shape[1:]


def _keep_backproject(ctx: Any, inputs: tuple[Tensor, Tensor, int, int, str], output: Tensor) -> None:
    sinogram, ctx.views, _, _, ctx.model = inputs
    ctx.bins = sinogram.shape[2]


def _gradient_of_project(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
    return parallel_backproject(grad, ctx.views, ctx.rows, ctx.columns, ctx.model), None, None, None


def _gradient_of_backproject(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
    return parallel_project(grad, ctx.views, ctx.bins, ctx.model), None, None, None, None


_library.impl("parallel_project", _project, "CPU")
_library.impl("parallel_backproject", _backproject, "CPU")
torch.library.register_fake("recon::parallel_project", _fake_project, lib=_library)
torch.library.register_fake("recon::parallel_backproject", _fake_backproject, lib=_library)
torch.library.register_autograd(
    "recon::parallel_project", _gradient_of_project, setup_context=_keep_project, lib=_library
)
torch.library.register_autograd(
    "recon::parallel_backproject", _gradient_of_backproject, setup_context=_keep_backproject, lib=_library
)


def _kernels(model: str) -> ModuleType:
    """The module that holds a model; Numba is imported and kernels are compiled only now."""
    if model not in ("shear", "pixel"):
        raise ValueError(f"projection kernels expect model 'shear' or 'pixel', got {model!r}.")
    return import_module(f"recon.operators.ct.kernels.cpu.{model}")
