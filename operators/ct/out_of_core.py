"""Ray transforms of volumes that do not fit where they are projected."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from math import prod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume
from recon.operators.linear import LinearOperator

WORKING = 3
"""Copies of a slab and of a block of views that a projection needs at most: as sent, as packed, and the result."""


class Slab(NamedTuple):
    """Planes of a volume, and for each block of views these and the ray transform from the slab alone."""

    planes: slice
    blocks: tuple[tuple[slice, RayTransform], ...]


class OutOfCore(LinearOperator):
    """A ray transform carried out piece by piece: A x = Σₛ Aₛ xₛ over slabs s of the volume, some views at a time.

    Images and data stay where they are, as a rule in the CPU's memory; slabs of planes (of rows, in the plane) and
    blocks of views go to ``device`` and back, one image after the other. Every pixel belongs to one slab, and a slab is
    a volume with zeros around it. So the pieces of the forward projection add up, in a fixed order, to Joseph's
    projection of the whole, and the adjoint is their exact transpose.

    Parameters
    ----------
    ray_transform
        The whole, in Joseph's model (``"auto"`` or ``"joseph"``).
    device
        Where projections are computed, such as ``"cuda"``.
    memory
        Bytes that the pieces may take there, working copies included. Slabs are as thick as it allows beside a block of
        a quarter of its size or of all views.

    Errors: ValueError for another model, for a device that torch has not got, and where not even one plane and one view
    fit into ``memory``.
    """

    names: ClassVar[tuple[str, ...]] = ("out_of_core",)

    def __init__(self, ray_transform: RayTransform, device: str = "cuda", memory: int = 2**32) -> None:
        if not isinstance(ray_transform, RayTransform):
            raise TypeError(f"OutOfCore expects a RayTransform, got {type(ray_transform).__name__}.")
        if ray_transform.model not in ("auto", "joseph"):
            raise ValueError(
                f"OutOfCore adds up projections in Joseph's model, got model {ray_transform.model!r}; take 'joseph'."
            )
        super().__init__(ray_transform.domain_shape, ray_transform.range_shape)
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as reason:
            raise ValueError(f"OutOfCore cannot compute on {device!r} here ({str(reason).splitlines()[0]}).") from None
        self.ray_transform, self.device, self.memory = ray_transform, device, int(memory)
        self.sizes(8)

    def sizes(self, itemsize: int) -> tuple[int, int]:
        """Planes of a slab and views of a block, for numbers of ``itemsize`` bytes."""
        plane, view = prod(self.domain_shape[1:]), prod(self.range_shape[1:])
        planes, views = self.domain_shape[0], self.range_shape[0]
        numbers = self.memory // (WORKING * itemsize)
        if plane + view > numbers:
            raise ValueError(
                f"OutOfCore expects memory for a plane and a view, {WORKING * itemsize * (plane + view)} bytes, got "
                f"{self.memory}; raise memory or take a smaller volume."
            )
        beside = min(views, max(1, numbers // (4 * view))) * view
        thickness = min(planes, max(1, (numbers - beside) // plane))
        return thickness, min(views, (numbers - thickness * plane) // view)

    def slabs(self, itemsize: int) -> tuple[Slab, ...]:
        """The pieces for numbers of ``itemsize`` bytes; kept for the next call."""
        cache = self.__dict__.setdefault("_constants", {})
        key = ("slabs", itemsize)
        if key not in cache:
            cache[key] = tuple(self._cut(*self.sizes(itemsize)))
        kept: tuple[Slab, ...] = cache[key]
        return kept

    def _cut(self, thickness: int, block: int) -> Iterator[Slab]:
        volume, geometry = self.ray_transform.volume, self.ray_transform.geometry
        (planes, *_), views = volume.shape, self.range_shape[0]
        for first in range(0, planes, thickness):
            last = min(first + thickness, planes)
            centre = volume.offset[0] + ((first + last) / 2 - planes / 2) * volume.spacing[0]
            slab = Volume((last - first, *volume.shape[1:]), volume.spacing, (centre, *volume.offset[1:]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is to be said was said of the whole
                part = RayTransform(slab, geometry, "joseph")
            ends = [(begin, min(begin + block, views)) for begin in range(0, views, block)]
            yield Slab(slice(first, last), tuple((slice(*pair), part.subset(range(*pair))) for pair in ends))

    def apply(self, x: Tensor) -> Tensor:
        if x.is_complex():
            return torch.complex(self.apply(x.real), self.apply(x.imag))
        out = x.new_zeros((*self.batch_shape(x), *self.range_shape))
        items, sums = x.reshape(-1, *self.domain_shape), out.view(-1, *self.range_shape)
        for planes, blocks in self.slabs(x.element_size()):
            for item, total in zip(items, sums, strict=True):
                sent = item[planes].to(self.device)
                for views, operator in blocks:
                    total[views] += operator.apply(sent).to(x.device)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        if y.is_complex():
            return torch.complex(self.apply_adjoint(y.real), self.apply_adjoint(y.imag))
        out = y.new_zeros((*y.shape[: y.ndim - len(self.range_shape)], *self.domain_shape))
        items, sums = y.reshape(-1, *self.range_shape), out.view(-1, *self.domain_shape)
        for planes, blocks in self.slabs(y.element_size()):
            for item, total in zip(items, sums, strict=True):
                slab = torch.zeros_like(total[planes], device=self.device)
                for views, operator in blocks:
                    slab += operator.apply_adjoint(item[views].to(self.device))
                total[planes] = slab.to(y.device)
        return out

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        flat = RayTransform(Volume((9, 7), (0.8, 1.0)), ParallelBeam([0.1, 1.4, 2.2, 0.7], 14), "joseph")
        yield cls(flat, "cpu", memory=1000)
        cone = ConeBeam([0.3, 2.0, 7.1], 6, 9, 20.0, 30.0, (1.4, 1.2), (0.4, -0.3), (0.2, 0.5), helical_pitch=1.5)
        yield cls(RayTransform(Volume((5, 6, 7), spacing=(1.1, 0.8, 0.9)), cone), "cpu", memory=4000)
