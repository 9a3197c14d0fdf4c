"""The ray transform of an image or a volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from math import pi
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.coverage import check_coverage
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.kernels.items import on_items
from recon.operators.ct.kernels.nufft import (
    fourier_slice_backproject,
    fourier_slice_project,
    slice_period,
    slice_table,
)
from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.kernels.rays import ray_table, rays_backproject, rays_project, require_pencils
from recon.operators.ct.kernels.slices import SliceTransform
from recon.operators.ct.kernels.views import parallel_views
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.subset import Order, Subset, subset_order
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume
from recon.operators.linear import LinearOperator
from recon.operators.tensors import checked_count

Model = Literal["auto", "shear", "joseph", "nufft"]


class RayTransform(LinearOperator):
    """Line integrals (Ax)ₐₖ = ∫ x dl along the rays k of the views a of a scan.

    ``(*batch, rows, columns)`` to ``(*batch, angles, bins)``, in space ``(*batch, planes, rows, columns)`` to
    ``(*batch, angles, rows, bins)``.

    With x in 1/mm the integrals are pure numbers, whatever the pixel size. Forward and adjoint are
    exact transposes and give the same bits at every call. Real and complex images, float32 and float64. On the CPU
    the kernels run on ``torch.get_num_threads()`` threads.

    Parameters
    ----------
    volume
        The pixel grid of the image, of as many axes as the geometry scans.
    geometry
        The rays.
    model
        ``"joseph"`` interpolates linearly between the neighbouring pixels in every layer of pixels that a ray crosses
        (Joseph, IEEE Trans. Med. Imaging 1, 1982), for all geometries. ``"shear"``, for parallel rays, shifts the rows
        instead, by the same linear interpolation, and reads the detector from their sum by 6-point Lagrange
        interpolation: of the same order of accuracy, about 6 % above Joseph's error on a 512² head phantom, and
        several times faster. In space it works slice by slice, and interpolates linearly between planes where the
        detector's rows lie between them, as Joseph's method does. ``"auto"`` is shear where it exists, on the CPU, and
        Joseph elsewhere.
        ``"nufft"``, for parallel rays in a plane, takes the pixels as samples of a band-limited image, whose line
        integrals it computes by the Fourier slice theorem: on smooth images as accurate as the samples are, to 1e-6
        in single precision, with ringing along sharp edges. ``"shear"`` and ``"nufft"`` run on the CPU.

    Errors: ValueError for a volume of other dimensions than the geometry, for a source inside the volume, and for a
    model that the geometry lacks. Warns of a detector that sees only part of the volume.
    """

    names: ClassVar[tuple[str, ...]] = ("ray_transform", "radon")

    def __init__(self, volume: Volume, geometry: Geometry, model: Model = "auto") -> None:
        if not isinstance(volume, Volume):
            raise TypeError(f"RayTransform expects a Volume, got {type(volume).__name__}; write Volume(shape).")
        if not isinstance(geometry, Geometry):
            raise TypeError(f"RayTransform expects a geometry such as ParallelBeam, got {type(geometry).__name__}.")
        if volume.ndim != geometry.ndim:
            raise ValueError(
                f"RayTransform expects a volume of {geometry.ndim} axes with {type(geometry).__name__}, "
                f"got {volume.shape}."
            )
        if model not in ("auto", "shear", "joseph", "nufft"):
            raise ValueError(f"RayTransform expects model 'auto', 'shear', 'joseph' or 'nufft', got {model!r}.")
        flat = isinstance(geometry, ParallelBeam)
        if (model == "nufft" and not flat) or (model == "shear" and not (flat or isinstance(geometry, ParallelBeam3D))):
            raise ValueError(
                f"RayTransform has the model {model!r} for parallel rays{' in a plane' if model == 'nufft' else ''}, "
                f"got {type(geometry).__name__}; take 'joseph'."
            )
        check_coverage(volume, geometry, "RayTransform")
        super().__init__(volume.shape, geometry.shape)
        self.volume, self.geometry, self.model = volume, geometry, model
        self._rays = ray_table(volume, geometry)
        self._views: Tensor | None = None
        self._slices: Tensor | None = None
        self._stack: SliceTransform | None = None
        if isinstance(geometry, ParallelBeam):
            self._views = parallel_views(volume, geometry)
            if model == "nufft":
                self._slices, self._period = slice_table(volume, geometry), slice_period(volume, geometry)
        elif isinstance(geometry, ParallelBeam3D) and model != "joseph":
            plane = Volume(volume.shape[1:], volume.spacing[1:], volume.offset[1:])
            self._views, self._stack = parallel_views(plane, geometry.row), SliceTransform(volume, geometry)

    def apply(self, x: Tensor) -> Tensor:
        if self._slices is not None:
            slices, bins, period = self._slices, self.geometry.shape[-1], self._period
            return on_items(lambda items: fourier_slice_project(items, slices, bins, period), x)
        if self._views is not None and self._sheared(x):
            views, bins, stack = self._views, self.geometry.shape[-1], self._stack
            if stack is not None:
                return on_items(lambda items: stack.project(items, views), x, 3)
            return on_items(lambda items: parallel_project(items, views, bins, "shear"), x)
        rays, spacing, detector = self._table(x), self.volume.spacing, self.geometry.shape[1:]
        return on_items(lambda items: rays_project(items, rays, spacing, detector), x, self.volume.ndim, cpu=False)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        shape = self.volume.shape
        if self._slices is not None:
            slices, period = self._slices, self._period
            return on_items(lambda items: fourier_slice_backproject(items, slices, period, shape), y)
        if self._views is not None and self._sheared(y):
            views, (rows, columns), stack = self._views, shape[-2:], self._stack
            if stack is not None:
                return on_items(lambda items: stack.backproject(items, views), y, 3)
            return on_items(lambda items: parallel_backproject(items, views, rows, columns, "shear"), y)
        rays, spacing = self._table(y), self.volume.spacing
        return on_items(lambda items: rays_backproject(items, rays, spacing, shape), y, self.volume.ndim, cpu=False)

    def subset(self, views: Sequence[int]) -> Self:
        """The operator of some of the views only, in the order given: its tables are parts of this one's.

        ``A.subset(v)(x)`` equals ``A(x)[..., v, :]``.
        """
        part = copy(self)
        part.__dict__.pop("_constants", None)
        part.__dict__.pop("_norms", None)
        part.geometry = self.geometry.take(views)
        part.range_shape = part.geometry.shape
        rows: slice | list[int] = list(views)
        if isinstance(views, range) and 0 <= views.start < views.stop and views.step > 0:
            rows = slice(views.start, views.stop, views.step)
        part._rays = self._rays[rows]
        part._views = None if self._views is None else self._views[rows]
        part._slices = None if self._slices is None else self._slices[rows]
        return part

    def subsets(self, count: int, order: Order = "golden") -> tuple[Subset, ...]:
        """The scan in ``count`` interleaved parts, views k, k + count, k + 2 count, …, in an order that mixes angles.

        ``order`` is one of those of :func:`~recon.operators.ct.subset.subset_order`; ``part.of(y)`` is a part's data.
        Nothing is copied, and the parts are kept for the next call. Errors: ValueError for more parts than views.
        """
        cache = self.__dict__.setdefault("_constants", {})
        key = ("subsets", count, order)
        if key in cache:
            kept: tuple[Subset, ...] = cache[key]
            return kept
        views = self.range_shape[0]
        if checked_count(count, "RayTransform.subsets", "count") > views:
            raise ValueError(f"RayTransform.subsets expects at most as many subsets as views, {views}, got {count}.")
        parts = (range(first, views, count) for first in subset_order(count, order))
        cache[key] = made = tuple(Subset(self.subset(part), part) for part in parts)
        return made

    def is_joseph(self, like: Tensor) -> bool:
        """Whether images on the device of ``like`` are projected in Joseph's model, which has no negative entries."""
        return self._slices is None and (self._views is None or not self._sheared(like))

    def takes_half(self, x: Tensor) -> bool:
        """The kernels for GPUs read half precision and sum in single."""
        return x.is_cuda and self.is_joseph(x)

    def _sheared(self, like: Tensor) -> bool:
        return self.model == "shear" or (self.model == "auto" and like.device.type == "cpu")

    def _table(self, like: Tensor) -> Tensor:
        """The table of rays where ``like`` is, in double precision; copies are kept for the next call."""
        if like.device.type == "cpu":
            return self._rays
        cache = self.__dict__.setdefault("_constants", {})
        entry = ("_rays", torch.float64, like.device)
        if entry not in cache:
            require_pencils(self._rays)
            cache[entry] = self._rays.to(like.device)
        table: Tensor = cache[entry]
        return table

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        turn = [pi * a / 7 for a in range(7)]
        yield cls(Volume((8, 8)), ParallelBeam(turn, 13))
        yield cls(Volume((8, 8)), ParallelBeam(turn, 13), model="joseph")
        skew = ParallelBeam([2.4, -0.3, 0.9, 5.1], 10, pitch=1.5, offset=-0.8)
        uneven = Volume((7, 12), spacing=(1.3, 0.8), offset=(0.4, -1.1))
        yield cls(uneven, skew)
        yield cls(uneven, skew, model="joseph")
        yield cls(uneven, skew, model="nufft")
        yield cls(Volume((1, 5)), ParallelBeam([0.0, pi / 2, pi / 4], 40, pitch=0.2))
        yield cls(Volume((5, 1)), ParallelBeam([0.0, pi / 2, pi / 4], 4), model="joseph")
        fan = FanBeam([2.4, -0.3, 0.9, 5.1], 12, 30.0, 45.0, pitch=1.7, offset=0.4, source_offset=-0.7, axis_offset=0.3)
        yield cls(uneven, fan)
        yield cls(Volume((8, 8)), FanBeam(turn, 15, 20.0, 30.0, 1.3, detector="curved", offset=-0.6, source_offset=0.5))
        yield cls(uneven, VectorBeam.of(fan))
        thick = Volume((5, 6, 7), spacing=(1.1, 0.8, 0.9), offset=(0.2, 0.3, -0.4))
        upright = ParallelBeam3D(turn[:3], 4, 9, pitch=(1.3, 0.9), offset=(0.3, -0.2))
        yield cls(thick, upright)
        yield cls(thick, upright, model="joseph")
        yield cls(thick, ParallelBeam3D(turn[:3], 12, 9, pitch=(0.4, 0.9)), model="shear")
        cone = ConeBeam(
            [0.3, 2.0, 7.1], 6, 9, 20.0, 30.0, (1.4, 1.2), (0.4, -0.3), (0.2, 0.5), axis_offset=0.3, helical_pitch=1.5
        )
        yield cls(thick, cone)
        along = VectorBeam(
            detectors=[(20.0, 1.0, 2.0), (3.0, 20.0, -2.0)],
            u=[(0.1, 0.2, 1.2), (0.3, 0.1, 1.1)],
            v=[(0.2, 1.3, 0.1), (1.2, 0.0, -0.3)],
            rows=8,
            bins=9,
            sources=[(-30.0, 2.0, -1.0), (2.0, -30.0, 3.0)],
        )
        yield cls(thick, along)
        yield cls(
            thick, VectorBeam([(9.0, 0, 0)], [(0, 0.2, 1.1)], 9, directions=[(2, 0.5, 0.3)], v=[(0, 1, 0)], rows=7)
        )
