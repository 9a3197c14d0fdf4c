"""Data as a function of image and noise."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot, prod

import torch
from torch import Tensor

from recon.operators.algebra import join_fields
from recon.operators.diagonal import Diagonal
from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator


class SignalPlusNoise(LinearOperator):
    """(x, n) ↦ A x + c n, the pair as one vector with both parts flattened.

    Parameters
    ----------
    operator
        A.
    factor
        c.
    """

    def __init__(self, operator: LinearOperator, factor: float = 1.0) -> None:
        self.operator, self.factor = operator, float(factor)
        self.sizes = prod(operator.domain_shape), prod(operator.range_shape)
        super().__init__((sum(self.sizes),), operator.range_shape)
        self.domain_field = self.range_field = join_fields(
            operator.domain_field, operator.range_field, f"the sum of {operator.name} and noise"
        )

    def apply(self, x: Tensor) -> Tensor:
        return _sum(self.operator, self.factor, x, self.operator(_image(self.operator, x)))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return _join(self.operator, self.operator.adjoint(y), self.factor * y)

    def known_norm(self) -> float | None:
        norm = self.operator.known_norm()
        return None if norm is None else hypot(norm, self.factor)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Diagonal(torch.tensor([[1.0, 0.0], [-2.0, 0.5]])), 0.5)
        yield cls(Diagonal(torch.tensor([1j, 1 + 1j, -2.0])))


class _NonlinearSignalPlusNoise(Operator):
    """The same for an A that is not linear."""

    def __init__(self, operator: Operator, factor: float) -> None:
        self.operator, self.factor = operator, float(factor)
        super().__init__((prod(operator.domain_shape) + prod(operator.range_shape),), operator.range_shape)
        self.domain_field = self.range_field = join_fields(
            operator.domain_field, operator.range_field, f"the sum of {operator.name} and noise"
        )
        self.values_only = operator.values_only

    def apply(self, x: Tensor) -> Tensor:
        return _sum(self.operator, self.factor, x, self.operator(_image(self.operator, x)))

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        move = self.operator.jvp(_image(self.operator, x), _image(self.operator, v))
        return _sum(self.operator, self.factor, v, move)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        return _join(self.operator, self.operator.vjp(_image(self.operator, x), w), self.factor * w)


def signal_plus_noise(operator: Operator, factor: float) -> Operator:
    """(x, n) ↦ A(x) + c n on vectors, linear where A is."""
    if isinstance(operator, LinearOperator):
        return SignalPlusNoise(operator, factor)
    return _NonlinearSignalPlusNoise(operator, factor)


def _image(operator: Operator, w: Tensor) -> Tensor:
    size = prod(operator.domain_shape)
    return w[..., :size].reshape(*w.shape[:-1], *operator.domain_shape)


def _sum(operator: Operator, factor: float, w: Tensor, data: Tensor) -> Tensor:
    size = prod(operator.domain_shape)
    return data + factor * w[..., size:].reshape(*w.shape[:-1], *operator.range_shape)


def _join(operator: Operator, x: Tensor, n: Tensor) -> Tensor:
    batch = x.shape[: x.ndim - len(operator.domain_shape)]
    return torch.cat(
        [x.reshape(*batch, prod(operator.domain_shape)), n.reshape(*batch, prod(operator.range_shape))], dim=-1
    )
