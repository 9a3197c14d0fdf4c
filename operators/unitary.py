"""What every unitary transform has in common."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import SVD, LinearOperator
from recon.operators.tensors import per_item


class UnitaryOperator(LinearOperator):
    """A square A with AᴴA = AAᴴ = I: ‖A‖ = 1, A⁺ = Aᴴ, (AᴴA)⁺ = I, (AᴴA + ρI)⁻¹ b = b/(1 + ρ).

    A subclass implements :meth:`apply` and :meth:`apply_adjoint`.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__(shape, shape)

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        return x.clone()

    def known_norm(self) -> float:
        return 1.0

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        solution: Tensor = b / (1 + per_item(rho, b, len(self.domain_shape)))
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b)

    def svd(self) -> SVD:
        return SVD(self, torch.ones(self.domain_shape), Identity(self.domain_shape))
