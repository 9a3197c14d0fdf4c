"""The ray transform of data that do not fit a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import pi, prod
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.kernels.items import on_items
from recon.operators.ct.kernels.rays import ray_table, rays_backproject, rays_project, require_pencils
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume
from recon.operators.linear import LinearOperator
from recon.operators.tensors import checked_number

SLAB_COPIES = 2  # a slab and what kernels pack, or the sum so far and a part of it
VIEW_COPIES = {2: 5, 3: 2}  # the sum so far and a part of it; in a plane three more numbers a ray


class OutOfCore(LinearOperator):
    """A ray transform whose images and projections stay where they are while a device computes them piece by piece.

    A volume is cut along its first axis into slabs x₁, x₂, … and the views into groups a, b, …. Joseph's
    method is linear and reads every layer on its own, so with A_as the part of the matrix A of group a and slab s,

        (A x)_a = Σₛ A_as xₛ,    (Aᵀ y)_s = Σₐ A_asᵀ y_a.

    Every piece is sent to the device, projected and added there, always in the same order. The pieces are exact
    transposes of each other, so this operator and its adjoint are; it equals the ray transform to rounding.
    Shapes, fields and precisions are those of the ray transform; items of a batch are taken one by one, and half
    precision is summed in single.

    Parameters
    ----------
    ray_transform
        The whole; its model is Joseph's or ``"auto"``, which here is Joseph's too.
    device
        Where to compute: ``"cuda"``, ``"cuda:1"``, …, or ``"cpu"``.
    memory
        Bytes of the device that images, projections and their copies may take at a time.

    Errors: ValueError for another model, for another kind of device, and for a memory in which one plane of the volume
    and one view do not fit together (in double precision, when called).
    """

    names: ClassVar[tuple[str, ...]] = ("out_of_core",)

    def __init__(self, ray_transform: RayTransform, device: str = "cuda", memory: float = 2.0**32) -> None:
        if not isinstance(ray_transform, RayTransform):
            raise TypeError(f"OutOfCore expects a RayTransform, got {type(ray_transform).__name__}.")
        if ray_transform.model not in ("auto", "joseph"):
            raise ValueError(
                f"OutOfCore adds up projections in Joseph's model, got model {ray_transform.model!r}; take 'joseph'."
            )
        try:
            kind = torch.device(device).type
        except RuntimeError:
            kind = ""
        if kind not in ("cpu", "cuda"):
            raise ValueError(f"OutOfCore expects the device 'cuda' or 'cpu', got {device!r}.")
        super().__init__(ray_transform.domain_shape, ray_transform.range_shape)
        self.ray_transform, self.device = ray_transform, device
        self.memory = checked_number(memory, "OutOfCore", "memory in bytes", positive=True)
        self._rays = ray_table(ray_transform.volume, ray_transform.geometry)
        if kind != "cpu":
            require_pencils(self._rays)
        self.pieces()

    def pieces(self, dtype: torch.dtype = torch.float32) -> tuple[int, int]:
        """How many planes a slab and how many views a group has for real numbers of a type, the last ones fewer."""
        size = torch.empty(0, dtype=dtype).element_size()
        plane = SLAB_COPIES * size * prod(self.domain_shape[1:])
        view = VIEW_COPIES[len(self.domain_shape)] * size * prod(self.range_shape[1:])
        if plane + view > self.memory:
            raise ValueError(
                f"OutOfCore expects memory for a plane and a view, {plane + view} bytes, got {self.memory:g}; raise "
                "memory."
            )
        planes, views = self.domain_shape[0], self.range_shape[0]
        slab = min(planes, max(1, int(self.memory) // (2 * plane)))
        group = min(views, max(1, (int(self.memory) - slab * plane) // view))
        slab = min(planes, (int(self.memory) - group * view) // plane)
        return _evened(planes, slab), _evened(views, group)

    def apply(self, x: Tensor) -> Tensor:
        return on_items(lambda items: _one_by_one(self._project, items), x, len(self.domain_shape), cpu=False)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return on_items(lambda items: _one_by_one(self._backproject, items), y, len(self.range_shape), cpu=False)

    def _project(self, x: Tensor) -> Tensor:
        spacing, detector = self.ray_transform.volume.spacing, self.range_shape[1:]
        slabs, groups = self._cut(x.dtype)
        out = x.new_empty(self.range_shape)
        kept = x.to(self.device) if len(slabs) == 1 else None
        for group in groups:
            total: Tensor | None = None
            for slab in slabs:
                part = x[slab].to(self.device) if kept is None else kept
                seen = rays_project(part[None], self._table(group, slab), spacing, detector)[0]
                total = seen if total is None else total.add_(seen)
            assert total is not None
            out[group] = total
        return out

    def _backproject(self, y: Tensor) -> Tensor:
        spacing, rest = self.ray_transform.volume.spacing, self.domain_shape[1:]
        slabs, groups = self._cut(y.dtype)
        out = y.new_empty(self.domain_shape)
        kept = y.to(self.device) if len(groups) == 1 else None
        for slab in slabs:
            total: Tensor | None = None
            for group in groups:
                part = y[group].to(self.device) if kept is None else kept
                shape = (slab.stop - slab.start, *rest)
                seen = rays_backproject(part[None], self._table(group, slab), spacing, shape)[0]
                total = seen if total is None else total.add_(seen)
            assert total is not None
            out[slab] = total
        return out

    def _cut(self, dtype: torch.dtype) -> tuple[list[slice], list[slice]]:
        slab, group = self.pieces(dtype)
        return _slices(self.domain_shape[0], slab), _slices(self.range_shape[0], group)

    def _table(self, group: slice, slab: slice) -> Tensor:
        """Rays of some views in the indices of a slab."""
        rays = self._rays[group].clone()
        rays[:, 0] -= slab.start
        return rays.to(self.device)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        turn = [pi * a / 7 for a in range(7)]
        yield cls(RayTransform(Volume((8, 9)), ParallelBeam(turn, 13)), "cpu", 1700.0)
        thick = Volume((5, 6, 7), spacing=(1.1, 0.8, 0.9), offset=(0.2, 0.3, -0.4))
        cone = ConeBeam([0.3, 2.0, 7.1], 6, 9, 20.0, 30.0, (1.4, 1.2), (0.4, -0.3), helical_pitch=1.5)
        yield cls(RayTransform(thick, cone), "cpu", 4000.0)


def _one_by_one(function: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
    """The function of every item, put together without a second copy of a single one."""
    if len(items) == 1:
        return function(items[0])[None]
    return torch.stack([function(item) for item in items])


def _evened(count: int, most: int) -> int:
    """Size of pieces of at most ``most``, as few and as equal as can be."""
    return -(-count // -(-count // most))


def _slices(count: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]
