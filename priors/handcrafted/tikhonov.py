"""Quadratic regularisation."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import fixed
from recon.priors.prior import Prior, Term, VariationalPrior


class Tikhonov(VariationalPrior):
    """R(x) = (λ/2) ‖L x − c‖², with any linear L (the identity by default).

    Parameters
    ----------
    lam
        λ > 0.
    operator
        L, a linear operator on images.
    center
        c, of the shape of L x; zero by default.
    """

    def __init__(self, lam: float = 1.0, operator: LinearOperator | None = None, center: Tensor | None = None) -> None:
        super().__init__(lam)
        self.operator = operator
        self.center = None if center is None else fixed(center, "Tikhonov", "center")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        L_shape = tuple(shape) if self.operator is None else self.operator.range_shape
        if self.center is not None and tuple(self.center.shape) != L_shape:
            raise ValueError(f"Tikhonov expects a center of shape {L_shape}, got {tuple(self.center.shape)}.")
        if self.operator is None:
            return (Term(SquaredL2(shape, self.center)),)
        if self.operator.domain_shape != tuple(shape):
            raise ValueError(
                f"Tikhonov's operator {self.operator.name} takes images of shape {self.operator.domain_shape}, "
                f"got {shape}."
            )
        return (Term(SquaredL2(self.operator.range_shape, self.center), self.operator),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.7)
        yield cls(0.7, Gradient((5, 6)))
        yield cls(2.0, center=torch.linspace(0, 1, 30).reshape(5, 6))
