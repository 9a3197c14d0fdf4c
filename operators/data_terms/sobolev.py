"""Residuals measured in a Sobolev space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recon.operators.bessel_potential import BesselPotential
from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.metric_l2 import MetricL2
from recon.operators.tensors import positive_weight


class SobolevFidelity(DataTerm):
    """f(z) = (w/2) ‖z − y‖²_{Hˢ} = (w/2) Σ (1 + |ξ|²)ˢ |F(z − y)|² with the orthonormal Fourier transform F.

    A negative s forgives fine errors, a positive one coarse ones. Frequencies ξ are in radians per unit of length, of
    data taken as periodic: see :class:`BesselPotential`.

    Parameters
    ----------
    order
        s.
    spacing
        Distance of neighbouring data, in the unit of length that 1 in 1 + |ξ|² is measured by (mm for CT).
    dims
        How many of the last dimensions of the data are transformed, all if omitted; 1 for the bins of a sinogram.
    weight
        w > 0.
    """

    names = ("sobolev",)

    def __init__(
        self,
        order: float,
        spacing: float | Sequence[float] = 1.0,
        dims: int | None = None,
        weight: float = 1.0,
    ) -> None:
        self.order, self.spacing, self.dims = float(order), spacing, dims
        self.weight = float(positive_weight(weight, "SobolevFidelity expects weight > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        f = MetricL2(BesselPotential(shape, self.order, self.spacing, self.dims), data)
        return f if self.weight == 1 else self.weight * f

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(-0.5)
        yield cls(1.0, 0.5, weight=2.0)
