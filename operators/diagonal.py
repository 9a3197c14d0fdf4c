"""Multiplication by a fixed tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import SVD, LinearOperator
from recon.operators.tensors import fixed, per_item


class Diagonal(LinearOperator):
    """x ↦ d ⊙ x with a fixed tensor d; the adjoint multiplies by d̄. ‖A‖ = max|d|."""

    elementwise = True

    def __init__(self, diagonal: Tensor) -> None:
        self.diagonal = fixed(diagonal, "Diagonal", "diagonal")
        super().__init__(self.diagonal.shape, self.diagonal.shape)
        if self.diagonal.is_complex():
            self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        return self.constant("diagonal", x) * x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.constant("diagonal", y).conj() * y

    def known_norm(self) -> float | None:
        return float(self.diagonal.abs().max())

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return b / (self._square(b) + per_item(rho, b, len(self.domain_shape)))

    def _square(self, like: Tensor) -> Tensor:
        d = self.constant("diagonal", like)
        return d.abs().square() if d.is_complex() else d.square()

    def normal_pinv(self, b: Tensor) -> Tensor:
        square = self._square(b)
        return torch.where(square == 0, 0, b / torch.where(square == 0, 1, square))

    def pinv(self, y: Tensor) -> Tensor:
        d = self.constant("diagonal", y)
        return torch.where(d == 0, 0, y / torch.where(d == 0, 1, d))

    def svd(self) -> SVD:
        phase = torch.where(self.diagonal == 0, 1, self.diagonal.sgn())
        return SVD(Diagonal(phase), self.diagonal.abs(), Identity(self.domain_shape))

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(torch.tensor([[1.0, 0.0], [-2.0, 0.5]]))
        yield cls(torch.tensor([1j, 1 + 1j, 0, -2.0]))
