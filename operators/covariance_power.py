"""Powers of a covariance as linear operators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.covariance import Covariance
from recon.operators.hartley import Hartley
from recon.operators.linear import SVD, LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import per_item
from recon.operators.unitary import UnitaryOperator

Axes = tuple[int, ...]


class CovariancePower(LinearOperator):
    """x ↦ Cᵖ x = Q diag(λᵖ) Qᴴ x with C positive definite: the covariance, its inverse, or p = −½, which whitens.

    Self-adjoint. ‖Cᵖ‖ = max λᵖ, (Cᵖ)⁺ = C⁻ᵖ, (C²ᵖ + ρI)⁻¹ = Q diag(1/(λ²ᵖ + ρ)) Qᴴ, and the singular values are λᵖ.

    Parameters
    ----------
    covariance
        C, all λ > 0.
    shape
        Shape of one item.
    axes
        Negative numbers of the dimensions that C couples, in its order; the others are independent. By default the
        last ones.
    power
        p.
    """

    def __init__(
        self, covariance: Covariance, shape: Sequence[int], axes: Axes | None = None, power: float = -0.5
    ) -> None:
        super().__init__(shape, shape)
        if covariance.basis == "pixels":
            raise TypeError(
                "CovariancePower expects a dense or stationary covariance; independent ones are a Diagonal."
            )
        if isinstance(covariance.basis, Tensor):
            covariance = Covariance(covariance.eigenvalues, covariance.basis, (len(covariance.basis),))
        self.covariance, self.power = covariance, float(power)
        self.axes = coupled(covariance, self.domain_shape) if axes is None else axes
        if covariance.is_complex:
            self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        return along(self.covariance, x, self.axes, self.covariance.values(x) ** self.power)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    def normal(self, x: Tensor) -> Tensor:
        return self._raised(2)(x)

    def known_norm(self) -> float:
        return float((self.covariance.eigenvalues**self.power).max())

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        squares = self.covariance.values(b) ** (2 * self.power)
        if not isinstance(rho, Tensor) or rho.ndim == 0:
            return along(self.covariance, b, self.axes, 1 / (squares + rho))
        shift = per_item(rho.to(squares), b, len(self.domain_shape))
        assert isinstance(shift, Tensor)
        if any(n != 1 for n in shift.shape[-len(self.domain_shape) :]):
            raise ValueError(f"{self.name}.solve_normal expects rho to be a number or one value per item.")
        lead = (*shift.shape[: shift.ndim - len(self.domain_shape)],)
        free = len(self.domain_shape) - len(self.axes)
        wide = shift.reshape(*lead, *(1,) * (free + squares.ndim))
        return along(self.covariance, b, self.axes, 1 / (squares + wide))

    def pinv(self, y: Tensor) -> Tensor:
        return self._raised(-1)(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self._raised(-2)(b)

    def svd(self) -> SVD:
        basis = _Basis(self.covariance, self.domain_shape, self.axes)
        values = self.covariance.eigenvalues**self.power
        if isinstance(self.covariance.basis, Tensor):
            values = values.reshape([self.domain_shape[a] for a in self.axes])
        free = len(self.domain_shape) - values.ndim
        laid = values.reshape(*(1,) * free, *values.shape).movedim(_last(len(self.axes)), self.axes)
        return SVD(basis, laid.expand(self.domain_shape), basis)

    def _raised(self, factor: float) -> CovariancePower:
        return CovariancePower(self.covariance, self.domain_shape, self.axes, factor * self.power)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Covariance.from_matrix(torch.tensor([[2.0, 0.5], [0.5, 1.0]]), (2,), "C"), (2, 3), (-2,))
        hermitian = torch.tensor([[2.0, 0.5j, 0], [-0.5j, 1.0, 0], [0, 0, 0.5]], dtype=torch.complex128)
        yield cls(Covariance.from_matrix(hermitian, (3,), "C"), (2, 3), power=0.5)
        spectrum = 1 / (0.2 + torch.fft.fftfreq(4)[:, None] ** 2 + torch.fft.fftfreq(3) ** 2)
        yield cls(Covariance.from_spectrum(spectrum, (4, 3), "C"), (4, 2, 3), (-3, -1))


class _Basis(UnitaryOperator):
    """Q: real where C is, of stationary ones the Hartley transform."""

    def __init__(self, covariance: Covariance, shape: Shape, axes: Axes) -> None:
        super().__init__(shape)
        self.covariance, self.axes = covariance, axes
        if covariance.is_complex:
            self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        return self._turned(x, False)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._turned(y, True)

    def _turned(self, x: Tensor, back: bool) -> Tensor:
        moved = x.movedim(self.axes, _last(len(self.axes)))
        if not isinstance(self.covariance.basis, Tensor):
            turned = Hartley(moved.shape[-len(self.axes) :])(moved)
        else:
            flat = moved.flatten(-len(self.axes))
            new = self.covariance.coordinates(flat) if back else self.covariance.image(flat, not x.is_complex())
            turned = new.reshape(moved.shape)
        return turned.movedim(_last(len(self.axes)), self.axes)


def along(covariance: Covariance, x: Tensor, axes: Axes, gains: Tensor) -> Tensor:
    """Q diag(gains) Qᴴ x on some dimensions of x; ``gains`` broadcasts with these moved to the end, and flattened where
    C is dense."""
    moved = x.movedim(axes, _last(len(axes)))
    flat = moved.flatten(-len(axes)) if isinstance(covariance.basis, Tensor) else moved
    return covariance.filter(flat, gains).reshape(moved.shape).movedim(_last(len(axes)), axes)


def coupled(covariance: Covariance, shape: Shape) -> Axes:
    """The last dimensions of tensors of a shape that C fits; () where it fits none."""
    assert covariance.shape is not None
    if covariance.basis == "fourier":
        count = len(covariance.shape)
        return _last(count) if tuple(shape[len(shape) - count :]) == covariance.shape else ()
    for count in range(1, len(shape) + 1):
        if prod(shape[-count:]) == prod(covariance.shape):
            return _last(count)
    return ()


def _last(count: int) -> Axes:
    return tuple(range(-count, 0))
