"""Operators as matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import SVD, LinearOperator
from recon.operators.tensors import fixed, per_item

LARGEST = 2**26
"""Most entries of a matrix that is formed from another operator."""


class _Factors(NamedTuple):
    U: Tensor
    s: Tensor
    Vh: Tensor


class Dense(LinearOperator):
    """x ↦ M x on flattened images, with all closed forms, by the singular value decomposition M = U diag(s) Vᴴ.

    Made of an operator, it is that operator as a matrix: for small images whose operator has no closed forms, such as
    ray transforms. The decomposition is computed when first asked for, in double precision. Singular values below
    max(m, n) ε s₁, ε = 2.2e-16 unless the matrix was formed in lower precision, are taken for zero.

    Parameters
    ----------
    operator
        A linear operator with at most 2²⁶ entries, or a matrix (m, n).
    domain_shape, range_shape
        Shapes of images and data of n and m numbers, for a matrix; (n,) and (m,) by default.

    Errors: ValueError where sizes do not fit, or the matrix would be too large; TypeError for an operator from real
    images to complex data, which is no matrix.
    """

    def __init__(
        self,
        operator: LinearOperator | Tensor,
        domain_shape: Sequence[int] | None = None,
        range_shape: Sequence[int] | None = None,
    ) -> None:
        if isinstance(operator, LinearOperator):
            if domain_shape is not None or range_shape is not None:
                raise ValueError("Dense takes shapes for a matrix only; an operator has its own.")
            matrix, domain_shape, range_shape = _matrix(operator), operator.domain_shape, operator.range_shape
        else:
            matrix = fixed(operator, "Dense", "operator")
            if matrix.ndim != 2:
                raise ValueError(f"Dense expects a matrix (m, n), got shape {tuple(matrix.shape)}.")
        m, n = matrix.shape
        domain = (n,) if domain_shape is None else tuple(domain_shape)
        image = (m,) if range_shape is None else tuple(range_shape)
        if (prod(image), prod(domain)) != (m, n):
            raise ValueError(f"Dense got a matrix ({m}, {n}) for images {domain} and data {image}.")
        super().__init__(domain, image)
        self.matrix = matrix if matrix.is_floating_point() or matrix.is_complex() else matrix.double()
        if self.matrix.is_complex():
            self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        flat = x.flatten(x.ndim - len(self.domain_shape))
        return (flat @ self._like(self.constant("matrix", x), x).mT).reshape(*flat.shape[:-1], *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        flat = y.flatten(y.ndim - len(self.range_shape))
        return (flat @ self._like(self.constant("matrix", y), y).conj()).reshape(*flat.shape[:-1], *self.domain_shape)

    def known_norm(self) -> float | None:
        s = self._factors.s
        return float(s[0]) if len(s) else 0.0

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd", "preimage"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        wide = b.to(torch.complex128 if b.is_complex() else torch.float64)  # for ρ far below the singular values
        V, square = self._basis(wide), self._singular(wide).square()
        flat, c = self._coefficients(wide, V)
        shift = per_item(rho, wide, len(self.domain_shape))
        if isinstance(shift, Tensor) and shift.ndim:
            shift = shift.flatten(shift.ndim - len(self.domain_shape))
        inside = (c * (1 / (square + shift) - 1 / shift)) @ V.mT
        return (flat / shift + inside).reshape(b.shape).to(b.dtype)

    def pinv(self, y: Tensor) -> Tensor:
        self.check(y, self.range_shape, self.range_field)
        U = self._like(self._factors.U, y)
        c = y.flatten(y.ndim - len(self.range_shape)) @ U.conj()
        return ((c * self._inverted(y, 1)) @ self._basis(y).mT).reshape(*c.shape[:-1], *self.domain_shape)

    def normal_pinv(self, b: Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        V = self._basis(b)
        _, c = self._coefficients(b, V)
        return ((c * self._inverted(b, 2)) @ V.mT).reshape(b.shape)

    def preimage(self, e: Tensor) -> Tensor:
        self.check(e, self.domain_shape, self.domain_field)
        U = self._like(self._factors.U, e)
        _, c = self._coefficients(e, self._basis(e))
        return ((c * self._inverted(e, 1)) @ U.mT).reshape(*c.shape[:-1], *self.range_shape)

    def svd(self) -> SVD:
        U, s, Vh = self._factors
        kept = torch.where(s > self._least, s, 0)
        k = (len(s),)
        return SVD(Dense(U, k, self.range_shape), kept, Dense(Vh.mH.contiguous(), k, self.domain_shape))

    # ---------------------------------------------------------------- the decomposition

    @property
    def _factors(self) -> _Factors:
        if "_decomposed" not in self.__dict__:
            wide = self.matrix.to(torch.complex128 if self.matrix.is_complex() else torch.float64)
            self.__dict__["_decomposed"] = _Factors(*torch.linalg.svd(wide, full_matrices=False))
        factors: _Factors = self.__dict__["_decomposed"]
        return factors

    @property
    def _least(self) -> float:
        s = self._factors.s
        return max(self.matrix.shape) * torch.finfo(self.matrix.dtype).eps * float(s[0]) if len(s) else 0.0

    def _like(self, matrix: Tensor, like: Tensor) -> Tensor:
        return matrix.to(device=like.device, dtype=like.dtype)

    def _basis(self, like: Tensor) -> Tensor:
        return self._like(self._factors.Vh.mH, like)

    def _singular(self, like: Tensor) -> Tensor:
        real = like.real.dtype if like.is_complex() else like.dtype
        return self._factors.s.to(device=like.device, dtype=real)

    def _inverted(self, like: Tensor, power: int) -> Tensor:
        s = self._factors.s
        inverse = torch.where(s > self._least, 1 / torch.where(s > self._least, s, 1) ** power, 0)
        return inverse.to(device=like.device, dtype=like.real.dtype if like.is_complex() else like.dtype)

    def _coefficients(self, x: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        """Flattened images, and Vᴴ of them."""
        flat = x.flatten(x.ndim - len(self.domain_shape))
        return flat, flat @ V.conj()

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        yield cls(torch.randn(4, 6, generator=generator, dtype=torch.float64), (2, 3), (4,))
        yield cls(torch.randn(5, 2, generator=generator, dtype=torch.complex128))
        low = torch.randn(4, 2, generator=generator, dtype=torch.float64)
        yield cls(low @ torch.randn(2, 5, generator=generator, dtype=torch.float64))


def _matrix(operator: LinearOperator) -> Tensor:
    m, n = prod(operator.range_shape), prod(operator.domain_shape)
    if m * n > LARGEST:
        raise ValueError(f"{operator.name} has {m} × {n} entries; Dense forms matrices of at most {LARGEST}.")
    if operator.domain_field != operator.range_field:
        raise TypeError(
            f"{operator.name} takes {operator.domain_field} images to {operator.range_field} data, which is no matrix."
        )
    dtype = torch.complex128 if operator.domain_field == "complex" else torch.float64
    basis = torch.eye(n, dtype=dtype).reshape(n, *operator.domain_shape)
    return operator(basis).reshape(n, m).mT.contiguous()
