"""ODL's PDHG on the problems of ``benchmarks.optimisation``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft

from benchmarks.optimisation_race import Race
from recon.operators import Blur, CartesianMRI, RayTransform, to_odl_geometry
from recon.solvers import Problem

Loop = Callable[[Race], object]
RATIOS = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Multiples of the given step size τ that are tried."""


class Adapter:
    """One problem in ODL's terms: images are stacked along a first axis that is not differentiated.

    ODL brings the gradient, functionals and solver; its ray transform is ASTRA's on the CPU, while blur and coils,
    which it does not have, are operators made of SciPy's transforms with two workers.
    """

    def __init__(self, problem: Problem) -> None:
        import odl

        A, data = problem.operator, problem.data.numpy()
        self.lam = float(problem.prior.lam)  # type: ignore[union-attr, arg-type]
        size = A.domain_shape[-2:]
        self.swap = isinstance(A, RayTransform)
        if isinstance(A, RayTransform):
            from odl.applications.tomo import RayTransform as OdlRays

            half = [n / 2 for n in size]
            space = odl.uniform_discr([-h for h in half], half, size, dtype="float32")
            self.operator = OdlRays(space, to_odl_geometry(A.geometry), impl="astra_cpu")
            self.gradient = odl.Gradient(space, method="forward", pad_mode="symmetric")
            self.data = self.operator.range.element(data[0])
        else:
            count = int(np.prod(data.shape[:-2])) if isinstance(A, Blur) else 1
            kind = "complex64" if isinstance(A, CartesianMRI) else "float32"
            space = odl.uniform_discr([0] * 3, [count, *size], (count, *size), dtype=kind, weighting=1.0)
            self.gradient = odl.BroadcastOperator(
                *(odl.PartialDerivative(space, axis, method="forward", pad_mode="symmetric") for axis in (1, 2))
            )
            self.operator, range_ = _fourier(A, space)
            self.data = range_.element(data.reshape(range_.shape))
        self.space = space
        self.shape = (len(data), *A.domain_shape)

    def image(self, x: Any) -> Any:
        """The iterate in recon's layout."""
        values = x.data.T[None] if self.swap else x.data
        return np.asarray(values).reshape(self.shape)

    def forward(self, x: Any) -> Any:
        """A of ODL for one image in recon's layout; only where it differs from recon's."""
        return self.operator(self.space.element(x[0].T.astype(np.float32))).data[None].astype(np.float64)

    def runs(self, tau: float, sigma: float, other: float) -> Iterator[tuple[str, Loop]]:
        """Chambolle-Pock with multiples of τ, and ratios of σ for the data (``sigma``) and the gradient (``other``).

        ODL has one σ for all operators, so that the gradient is scaled by √(other/sigma).
        """
        import odl

        balance = (other / sigma) ** 0.5
        K = odl.BroadcastOperator(self.operator, balance * self.gradient)
        fidelity = 0.5 * odl.functionals.L2NormSquared(self.operator.range).translated(self.data)
        prior = self.lam / balance * odl.functionals.GroupL1Norm(self.gradient.range)
        cost, nothing = odl.functionals.SeparableSum(fidelity, prior), odl.functionals.ZeroFunctional(self.space)
        for ratio in RATIOS:

            def loop(race: Race, ratio: float = ratio) -> object:
                x = self.space.zero()
                return odl.solvers.pdhg(
                    x,
                    nothing,
                    cost,
                    K,
                    100000,
                    ratio * tau,
                    sigma / ratio,
                    callback=lambda z: race(lambda: self.image(z)),
                )

            yield f"pdhg, τ = {ratio * tau:.2g}", loop


def _fourier(A: Any, space: Any) -> tuple[Any, Any]:
    """The blur or the coils as an ODL operator, and its range."""
    import odl

    axes = (-2, -1)

    def back(z: Any) -> Any:
        return scipy.fft.ifft2(z, axes=axes, norm="ortho", workers=2)

    class Fourier(odl.Operator):  # type: ignore[misc]
        def __init__(self, domain: Any, range: Any, function: Any, transpose: Any) -> None:
            super().__init__(domain, range, linear=True)
            self.function, self.transpose = function, transpose

        def _call(self, x: Any) -> Any:
            return self.range.element(self.function(x.data))

        @property
        def adjoint(self) -> Any:
            return Fourier(self.range, self.domain, self.transpose, self.function)

    if isinstance(A, Blur):
        transfer = A._circulant.half.numpy().astype(np.complex64)
        filtered = [
            lambda x, h=h: scipy.fft.irfft2(
                scipy.fft.rfft2(x, axes=axes, workers=2) * h, s=x.shape[-2:], axes=axes, workers=2
            )
            for h in (transfer, transfer.conj())
        ]
        return Fourier(space, space, *filtered), space
    ramp = np.exp(1j * np.pi * np.arange(A.domain_shape[-1]))
    assert A.coil_maps is not None
    maps = (A.coil_maps.numpy() * ramp[:, None] * ramp).astype(np.complex64)
    mask = (A.mask.numpy() * ramp[:, None] * ramp).astype(np.complex64)
    conjugates = maps.conj()
    coils = odl.uniform_discr([0] * 3, maps.shape, maps.shape, dtype="complex64", weighting=1.0)

    def encode(x: Any) -> Any:
        return mask * scipy.fft.fft2(maps * x, axes=axes, norm="ortho", workers=2)

    def combine(y: Any) -> Any:
        return (conjugates * back(mask * y)).sum(0, keepdims=True)

    return Fourier(space, coils, encode, combine), coils
