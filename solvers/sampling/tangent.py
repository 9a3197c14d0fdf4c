"""An operator as its tangent at a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator


class Tangent(NamedTuple):
    """A(x), and the derivative J_A there with its adjoint; a linear operator is its own derivative."""

    value: Tensor
    forward: Callable[[Tensor], Tensor]
    adjoint: Callable[[Tensor], Tensor]


def tangent(operator: Operator, x: Tensor) -> Tangent:
    """A(x) with v ↦ J_A v and w ↦ J_Aᴴ w at x."""
    if isinstance(operator, LinearOperator):
        return Tangent(operator(x), operator, operator.adjoint)
    return Tangent(operator(x), lambda v: operator.jvp(x, v), lambda w: operator.vjp(x, w))
