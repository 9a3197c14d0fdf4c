"""The first guess: what results are compared with, and where iterative solvers start."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators import (
    CapabilityError,
    ConeBeam,
    FilteredBackprojection,
    LinearOperator,
    Operator,
    RayTransform,
)
from recon.operators.data_term import DataTerm
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.solvers import Problem


def problem_guess(problem: Problem) -> tuple[Tensor, str] | None:
    """:func:`first_guess` from the data of a problem, with the weights that its data term has for an adjoint."""
    term = problem.fidelity if isinstance(problem.fidelity, DataTerm) else problem.noise
    clean = problem.data if term is None else term.most_likely(problem.data)
    weighed = clean if term is None else term.weighed(clean, problem.operator.range_shape)
    return first_guess(problem.operator, clean, weighed)


def first_guess(operator: Operator, data: Tensor, weighed: Tensor | None = None) -> tuple[Tensor, str] | None:
    """A direct reconstruction of ``(*batch, *range_shape)`` and its name; None where there is none.

    ``"FBP"`` for ray transforms, ``"FDK"`` for cone beams on a circle, where the geometry allows it. Otherwise
    ``"adjoint"``, c Aᴴy (zero-filled for MRI) with the c that fits the data best, c = ⟨A Aᴴy, y⟩/‖A Aᴴy‖², per item;
    with data ``weighed`` as W y for the adjoint, c AᴴWy (gridding). Nonlinear operators have none.
    """
    if isinstance(operator, RayTransform):
        try:
            back = FilteredBackprojection(operator)(data)
        except CapabilityError:
            pass  # scans given by vectors, and such as no formula covers
        else:
            scan = operator.geometry
            return back, "FDK" if isinstance(scan, ConeBeam) and not scan.helical_pitch else "FBP"
    if not isinstance(operator, LinearOperator):
        return None
    n, m = len(operator.domain_shape), len(operator.range_shape)
    back = operator.adjoint(data if weighed is None else weighed)
    again = operator(back)
    square = item_norm(again, m).square()
    c = torch.where(square > 0, item_dot(again, data, m) / torch.where(square > 0, square, 1), 1)
    return per_item(c, back, n) * back, "adjoint"
