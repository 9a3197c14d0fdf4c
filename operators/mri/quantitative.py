"""From maps of parameters to k-space."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.algebra import NonlinearComposition
from recon.operators.linear import LinearOperator
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.checked_scan import checked_scan
from recon.operators.mri.signals.parameter import Parameter
from recon.operators.mri.signals.signal_model import SignalModel
from recon.operators.mri.signals.t2 import T2Decay
from recon.operators.operator import Operator


class QuantitativeMRI(NonlinearComposition):
    """y = A(q(p)): a signal model q from unknowns p to a series of images, and a scan A of that series.

    Complex ``(*batch, parameters, [nz,] ny, nx)`` to the data of the scan. Derivatives are those of the model in closed
    form and those of A; :meth:`gauss_newton` uses the AᴴA of the scan, not A and Aᴴ. The solver ``GaussNewton``
    finds p, from p = 0 where nothing better is known, and :meth:`maps` says what they stand for.

    Parameters
    ----------
    scan
        A, whose images are series ``(times, [nz,] ny, nx)``; any linear operator on complex images, also one of your
        own.
    signal
        q, of a single voxel, as models are without ``shape``, or of the shape of the images.

    Errors: ValueError where the scan has not as many frames as the model has times, or the model has another shape;
    TypeError for a scan that is no linear operator on complex images, or a signal that is no model.
    """

    names = ("quantitative_mri",)

    def __init__(self, scan: LinearOperator, signal: SignalModel) -> None:
        checked_scan(scan, "QuantitativeMRI")
        if not isinstance(signal, SignalModel):
            raise TypeError(
                "QuantitativeMRI expects signal to be a signal model, such as T2Decay, got "
                f"{'None' if signal is None else type(signal).__name__}."
            )
        times = len(signal.times)
        if len(scan.domain_shape) < 2 or scan.domain_shape[0] != times:
            raise ValueError(
                f"QuantitativeMRI expects a scan of series of {times} images, one for each time of {signal.name}, got "
                f"one of images of shape {scan.domain_shape}."
            )
        image, given = scan.domain_shape[1:], signal.domain_shape[1:]
        if given not in ((), image):
            raise ValueError(
                f"QuantitativeMRI expects a {signal.name} of the shape of the images of its scan, {image}, got one of "
                f"shape {given}; leave its shape out."
            )
        self.scan, self.signal = scan, signal.on(image)
        super().__init__(scan, self.signal)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Names and units of the maps."""
        return self.signal.parameters

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """The quantities that unknowns stand for, each ``(*batch, [nz,] ny, nx)``."""
        return self.signal.maps(x)

    def point(self, **maps: Tensor | complex) -> Tensor:
        """The unknowns that stand for maps given by name."""
        return self.signal.point(**maps)

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        masks = torch.tensor([[1, 0, 1], [1, 1, 0]])[:, :, None]
        maps = torch.randn(2, 3, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
        yield cls(CartesianMRI(masks, maps, ndim=2), T2Decay([0.02, 0.07]))
