"""ODL's operators, taken in."""

from __future__ import annotations

from typing import Any

import torch

from recon.operators.bridges.adjoint_error import adjoint_error, refuse_wrong_adjoint
from recon.operators.bridges.odl_linear import OdlLinearOperator
from recon.operators.bridges.odl_operator import OdlOperator
from recon.operators.operator import Operator


def from_odl(operator: Any, *, tolerance: float = 1e-4) -> Operator:
    """An ODL operator as an operator: a LinearOperator for a linear one, else an Operator.

    Elements become tensors of their space's shape; those of a product of n equal spaces ``(n, *shape)``, of different
    ones a flat vector. Gradients flow: the adjoint is the backward. A ray transform of ODL works this way as it is;
    :func:`~recon.operators.bridges.odl_geometry.from_odl_geometry` gives its rays to our own instead.

    Parameters
    ----------
    operator
        An ``odl.Operator`` between (products of) tensor spaces, discretised spaces or numbers, real or complex, with
        constant or array weights.
    tolerance
        Largest |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖Ax‖‖y‖) accepted of a linear operator's adjoint, which is measured. Some of
        ODL's own are beyond it (its ray transform by scikit-image, its continuous Fourier transform).

    Errors: TypeError for anything but such an operator; ValueError for a linear one with no adjoint or a wrong one.
    """
    import odl

    if not isinstance(operator, odl.Operator):
        raise TypeError(f"from_odl expects an odl.Operator, got {type(operator).__name__}.")
    if not operator.is_linear:
        return OdlOperator(operator)
    try:
        op = OdlLinearOperator(operator)
    except NotImplementedError:
        raise ValueError(f"ODL's {type(operator).__name__} has no adjoint, without which there is no bridge.") from None
    op.adjoint_error = adjoint_error(op, torch.zeros((), dtype=torch.float64))
    advice = "pass a larger tolerance to use it as it is, with gradients that are off by as much"
    refuse_wrong_adjoint(op.adjoint_error, tolerance, f"ODL's {op.name}", advice)
    return op
