"""The identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import SVD, LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import per_item


class Identity(LinearOperator):
    """x ↦ x on tensors of one shape; unitary."""

    elementwise = True

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__(shape, shape)

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int]) -> Shape:
        """Shape of the images whose data have ``data_shape``: the same."""
        return tuple(data_shape)

    def apply(self, x: Tensor) -> Tensor:
        return x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return y

    def known_norm(self) -> float | None:
        return 1.0

    def gram_spectrum(self) -> GramSpectrum:
        return GramSpectrum(torch.ones((1,) * len(self.domain_shape), dtype=torch.float64), True)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return b / (1 + per_item(rho, b, len(self.domain_shape)))

    def pinv(self, y: Tensor) -> Tensor:
        return y

    def normal_pinv(self, b: Tensor) -> Tensor:
        return b

    def svd(self) -> SVD:
        return SVD(self, torch.ones(self.domain_shape), self)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((2, 3))
