"""Operators as ODL operators. This module needs ODL; :func:`to_odl` imports it when called."""

from __future__ import annotations

from typing import Any

import odl
import torch
from torch import Tensor

from recon.operators.bridges.odl_space import OdlSpace
from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator

Pair = tuple[OdlSpace, OdlSpace]


class OdlExport(odl.Operator):  # type: ignore[misc]
    """A nonlinear operator between ODL spaces; its derivative is that of :meth:`recon.operators.Operator.linearise`."""

    def __init__(self, operator: Operator, spaces: Pair) -> None:
        super().__init__(spaces[0].space, spaces[1].space, linear=False)
        self.operator, self.spaces = operator, spaces

    def _call(self, x: Any) -> Any:
        return _run(self.operator, x, self.spaces)

    def derivative(self, point: Any) -> Any:
        """DA(point), a linear operator."""
        source = self.spaces[0]
        at = source.tensor(source.space.element(point), _like(source))
        return OdlLinearExport(self.operator.linearise(at), self.spaces)


class OdlLinearExport(odl.Operator):  # type: ignore[misc]
    """A linear operator between ODL spaces, with the adjoint that belongs to their inner products."""

    def __init__(self, operator: LinearOperator, spaces: Pair) -> None:
        super().__init__(spaces[0].space, spaces[1].space, linear=True)
        self.operator, self.spaces = operator, spaces

    def _call(self, x: Any) -> Any:
        return _run(self.operator, x, self.spaces)

    @property
    def adjoint(self) -> Any:
        """A* with ⟨Ax, y⟩ = ⟨x, A*y⟩ in the spaces' inner products: A* = w_X⁻¹ Aᴴ w_Y."""
        return OdlAdjointExport(self)


class OdlAdjointExport(odl.Operator):  # type: ignore[misc]
    """The adjoint of an :class:`OdlLinearExport`."""

    def __init__(self, forward: OdlLinearExport) -> None:
        super().__init__(forward.range, forward.domain, linear=True)
        self.forward = forward
        self.weights = tuple(space.weights() for space in forward.spaces)

    def _call(self, y: Any) -> Any:
        source, target = self.forward.spaces
        data = target.tensor(y, _like(target))
        image = self.forward.operator.adjoint(data * self.weights[1].to(data.device))
        image = image.real if image.is_complex() and source.field == "real" else image
        return source.element(image / self.weights[0].to(image.device))

    @property
    def adjoint(self) -> Any:
        """The operator itself."""
        return self.forward


def _run(operator: Operator, x: Any, spaces: Pair) -> Any:
    source, target = spaces
    return target.element(operator(source.tensor(x, _like(source))))


def _like(space: OdlSpace) -> Tensor:
    """A double-precision scalar on the device of a space."""
    while space.factors:
        space = space.factors[0]
    device = "cpu" if space.number else space.space.device
    return torch.zeros((), dtype=torch.float64, device=device)
