"""A linear ODL operator as a linear operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recon.operators.bridges.odl_space import OdlSpace
from recon.operators.linear import LinearOperator


class OdlLinearOperator(LinearOperator):
    """x ↦ A x for a linear operator A of ODL, with the plain transpose for adjoint; made by :func:`from_odl`.

    ODL's adjoint A* belongs to weighted inner products Σ w a b̄; here Aᴴ y = w_X A*(y / w_Y), for which
    Σ (Ax) ȳ = Σ x conj(Aᴴy). Items of a batch go through ODL one by one, in the precision of its spaces.

    Attributes
    ----------
    adjoint_error
        |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖Ax‖‖y‖) as measured when the operator was made.
    """

    def __init__(self, operator: Any) -> None:
        self.operator, self.transposed = operator, operator.adjoint
        self.domain, self.range = OdlSpace(operator.domain), OdlSpace(operator.range)
        super().__init__(self.domain.shape, self.range.shape)
        self.domain_field, self.range_field = self.domain.field, self.range.field
        self.domain_weights, self.range_weights = self.domain.weights(), self.range.weights()
        self.adjoint_error = float("nan")

    def apply(self, x: Tensor) -> Tensor:
        return self._each(x, self.operator, self.domain, self.range)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        y = y / self.constant("range_weights", y)
        return self._each(y, self.transposed, self.range, self.domain) * self.constant("domain_weights", y)

    @staticmethod
    def _each(x: Tensor, operator: Any, source: OdlSpace, target: OdlSpace) -> Tensor:
        batch = x.shape[: x.ndim - len(source.shape)]
        items = [target.tensor(operator(source.element(item)), x) for item in x.reshape(-1, *source.shape)]
        return torch.stack(items).reshape((*batch, *target.shape))

    @property
    def name(self) -> str:
        return type(self.operator).__name__

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        import odl

        from recon.operators.bridges.from_odl import from_odl

        plane = odl.uniform_discr([0, 0], [1, 2], (4, 3))
        modes = (
            odl.Gradient(plane),
            odl.MultiplyOperator(odl.rn(3, weighting=[1.0, 2.5, 0.3]).element([2.0, -1.0, 0.5])),
            odl.BroadcastOperator(odl.IdentityOperator(plane), odl.Laplacian(plane)),
            odl.ScalingOperator(odl.cn((2, 3)), 1 + 2j),
            odl.ComponentProjection(odl.ProductSpace(odl.rn(2), odl.rn((2, 2))), 1),
            odl.InnerProductOperator(odl.rn(3, weighting=0.5).element([1.0, -2.0, 0.5])),
        )
        for operator in modes:
            op = from_odl(operator)
            assert isinstance(op, LinearOperator)
            yield op
