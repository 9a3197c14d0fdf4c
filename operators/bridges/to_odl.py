"""Operators, handed to ODL."""

from __future__ import annotations

from typing import Any

from recon.operators.bridges.odl_space import OdlSpace
from recon.operators.linear import LinearOperator
from recon.operators.operator import Field, Operator, Shape


def to_odl(operator: Operator, domain: Any = None, range: Any = None, *, field: Field | None = None) -> Any:
    """An operator as an ``odl.Operator`` between two spaces, linear with an adjoint where it is a LinearOperator.

    The adjoint is the one in the spaces' own, possibly weighted inner products. Computations are in double precision.

    Parameters
    ----------
    operator
        The operator.
    domain, range
        ODL spaces whose elements have the shapes of the operator, such as ``odl.uniform_discr`` with its cell volumes
        for weights, or a power space for a leading axis; by default ``odl.rn`` or ``odl.cn`` in double precision.
    field
        ``"real"`` or ``"complex"`` for default spaces of operators that take both; real by default.

    Errors: TypeError for anything but an operator; ValueError where a space does not fit.
    """
    if not isinstance(operator, Operator):
        raise TypeError(f"to_odl expects an operator of recon.operators, got {type(operator).__name__}.")
    if field not in (None, "real", "complex"):
        raise ValueError(f"to_odl expects field 'real' or 'complex', got {field!r}.")
    from recon.operators.bridges.odl_export import OdlExport, OdlLinearExport

    source = _space(domain, operator.domain_shape, operator.domain_field, field or "real", "domain")
    target = _space(range, operator.range_shape, operator.range_field, source.field, "range")
    if isinstance(operator, LinearOperator):
        source.weights(), target.weights()
        return OdlLinearExport(operator, (source, target))
    return OdlExport(operator, (source, target))


def _space(given: Any, shape: Shape, demanded: Field, fallback: Field, name: str) -> OdlSpace:
    import odl

    if given is None:
        complex_ = (fallback if demanded == "any" else demanded) == "complex"
        given = odl.cn(shape or 1) if complex_ else odl.rn(shape or 1)
    space = OdlSpace(given, scalar=shape == ())
    if space.shape != shape:
        raise ValueError(f"to_odl got a {name} of shape {space.shape} for an operator with {shape}.")
    if demanded not in ("any", space.field):
        raise ValueError(f"to_odl got a {space.field} {name} for an operator with a {demanded} one.")
    return space
