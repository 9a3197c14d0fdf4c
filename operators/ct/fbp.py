"""Filtered backprojection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fan_beam import FanBeam
from recon.operators.ct.fbp_divergent import DivergentFBP
from recon.operators.ct.fbp_helical import HelicalFBP
from recon.operators.ct.fbp_parallel import ParallelFBP
from recon.operators.ct.fbp_stacked import StackedFBP
from recon.operators.ct.kernels.items import on_items
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.ramp import checked_window
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume
from recon.operators.linear import CapabilityError, LinearOperator


class _Method(Protocol):
    def apply(self, y: Tensor) -> Tensor: ...

    def transpose(self, x: Tensor) -> Tensor: ...


class FilteredBackprojection(LinearOperator):
    """x(r) = Σₐ (D/U)² qₐ(r), weighted views convolved with a ramp, read at every pixel and summed.

    ``(*batch, angles, *detector)`` to ``(*batch, *volume)``; line integrals of an image in 1/mm come back in 1/mm.
    The formula is that of each geometry:

    * :class:`ParallelBeam`, :class:`ParallelBeam3D`: :class:`~recon.operators.ct.fbp_parallel.ParallelFBP`;
    * :class:`FanBeam`, flat and curved, and :class:`ConeBeam` on a circle, the method of Feldkamp, Davis and Kress:
      :class:`~recon.operators.ct.fbp_divergent.DivergentFBP`;
    * :class:`ConeBeam` on a helix, Katsevich's: :class:`~recon.operators.ct.fbp_helical.HelicalFBP`.

    The convolution is linear, not circular, with the ramp's spatial form, and goes on past the ends of the detector as
    far as the image reaches. Views may come in any order, over less than a turn and unevenly spaced: a line measured
    several times counts once, on short scans and with a detector whose centre is displaced, see
    :mod:`~recon.operators.ct.redundancy`. Where pixels are coarser than the bins, views are averaged over them, so that
    a coarse pixel gets its mean and does not alias. The operator is linear with an exact adjoint and can be
    differentiated to any order. It works where the data are, on the CPU or a CUDA device, and parallel views are read
    by slightly different rules on the two; helical scans, and tensors of other devices, are copied to the CPU and back.

    Parameters
    ----------
    ray_transform
        The projector whose geometry and pixel grid are meant.
    filter
        Window on the ramp, one of those of :func:`~recon.operators.ct.ramp.window`, or its gains W(ω) at equally
        spaced ω from 0 to 1, the highest frequency that passes.
    cutoff
        That frequency, where the window ends, as a fraction of the detector's Nyquist frequency 1/(2τ).
    padding
        What a weighted view is thought to go on with past the detector's ends: ``"zero"``, or for objects wider than
        the detector ``"edge"``, the value at its end, which falls to zero as cos² over half the detector's width; on a
        helix no more than that there is no edge.

    Errors: ValueError for an unknown filter or padding or a cutoff outside (0, 1]. CapabilityError for a
    VectorBeam, for a displaced detector on less than a full turn, and for a helix with too few rows for its pitch.
    """

    names: ClassVar[tuple[str, ...]] = ("filtered_backprojection", "fbp", "fdk")

    def __init__(
        self,
        ray_transform: RayTransform,
        filter: Literal["ram-lak", "shepp-logan", "cosine", "hamming", "hann"] | Tensor | Sequence[float] = "ram-lak",
        cutoff: float = 1.0,
        padding: Literal["zero", "edge"] = "zero",
    ) -> None:
        if not isinstance(ray_transform, RayTransform):
            raise TypeError(f"FilteredBackprojection expects a RayTransform, got {type(ray_transform).__name__}.")
        if not 0 < cutoff <= 1:
            raise ValueError(f"FilteredBackprojection expects a cutoff in (0, 1], got {cutoff!r}.")
        if padding not in ("zero", "edge"):
            raise ValueError(f"FilteredBackprojection expects padding 'zero' or 'edge', got {padding!r}.")
        super().__init__(ray_transform.range_shape, ray_transform.domain_shape)
        self.ray_transform, self.cutoff, self.padding = ray_transform, float(cutoff), padding
        self.filter = checked_window(filter, "FilteredBackprojection")
        self._method = self._choose(ray_transform)

    def _choose(self, rays: RayTransform) -> _Method:
        volume, geometry = rays.volume, rays.geometry
        settings = self.filter, self.cutoff, self.padding
        match geometry:
            case ParallelBeam():
                return ParallelFBP(volume, geometry, *settings)
            case ParallelBeam3D():
                return StackedFBP(volume, geometry, *settings)
            case ConeBeam() if geometry.helical_pitch != 0:
                return HelicalFBP(volume, geometry, *settings)
            case FanBeam() | ConeBeam():
                return DivergentFBP(volume, geometry, *settings)
        raise CapabilityError(
            f"FilteredBackprojection has no formula for {type(geometry).__name__}; solve with an iterative method, "
            "or write the scan as a FanBeam or ConeBeam if its source runs on a circle or helix."
        )

    def apply(self, x: Tensor) -> Tensor:
        return on_items(self._method.apply, x, len(self.domain_shape), self._needs_cpu(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return on_items(self._method.transpose, y, len(self.range_shape), self._needs_cpu(y))

    def _needs_cpu(self, x: Tensor) -> bool:
        return not x.is_cuda or isinstance(self._method, HelicalFBP)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        turn = ParallelBeam([pi * a / 9 for a in range(9)], 13)
        yield cls(RayTransform(Volume((8, 8)), turn))
        yield cls(RayTransform(Volume((8, 8)), turn, model="joseph"), filter="hann", cutoff=0.8, padding="edge")
        skew = ParallelBeam([2.4, -0.3, 0.9, 5.1], 10, pitch=1.5, offset=-0.8)
        uneven = Volume((7, 12), spacing=(1.3, 0.8), offset=(0.4, -1.1))
        yield cls(RayTransform(uneven, skew), filter="shepp-logan")
        around = [2 * pi * a / 9 for a in range(9)]
        flat = FanBeam(around, 12, 30.0, 45.0, pitch=1.7, offset=0.4, source_offset=-0.7, axis_offset=0.3)
        yield cls(RayTransform(uneven, flat), filter=[1.0, 0.9, 0.4], padding="edge")
        curved = FanBeam(around[:6], 15, 20.0, 30.0, 1.3, detector="curved", offset=-0.6, source_offset=0.5)
        yield cls(RayTransform(Volume((8, 8)), curved))
        yield cls(RayTransform(Volume((9, 8)), FanBeam(around, 11, 20.0, 30.0, 1.4, offset=4.0)))
        thick = Volume((5, 6, 7), spacing=(1.1, 0.8, 0.9), offset=(0.2, 0.3, -0.4))
        yield cls(RayTransform(thick, ParallelBeam3D(turn.angles, 4, 9, pitch=(0.7, 0.9), offset=(0.3, -0.2))))
        cone = ConeBeam(around, 6, 9, 20.0, 30.0, (1.4, 1.2), (0.4, -0.3), (0.2, 0.5), axis_offset=0.3)
        yield cls(RayTransform(thick, cone), filter="cosine")
        helix = ConeBeam([a / 3 for a in range(-24, 25)], 8, 12, 20.0, 30.0, 1.4, helical_pitch=3.0)
        yield cls(RayTransform(thick, helix))
