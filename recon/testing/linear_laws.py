"""Laws of linear operators: linearity, the adjoint, and the norm."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import (
    OperatorCase,
    dense,
    distance,
    dot,
    dtypes,
    norm,
    norm_from_below,
    normal,
    positive,
)

ADJOINT_TOLERANCE = {False: 1e-6, True: 1e-13}
"""Largest |⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖A‖‖x‖‖y‖) in single (False) and double (True) precision."""


def adjoint(case: OperatorCase) -> str:
    """|⟨Ax, y⟩ − ⟨x, Aᴴy⟩| ≤ 1e-6 ‖A‖‖x‖‖y‖ in single and 1e-13 in double precision, on centred and positive data."""
    op = linear(case)
    found = {False: 0.0, True: 0.0}
    for precise, tolerance in ADJOINT_TOLERANCE.items():
        for dtype in dtypes(op.domain_field, precise):
            size = norm_from_below(op, dtype, case.device)
            for draw in (normal, positive):
                for seed in range(3):
                    x = draw(op.domain_shape, dtype, seed, case.device)
                    image = op(x)
                    y = draw(op.range_shape, image.dtype, seed + 50, case.device)
                    error = _mismatch(image, y, x, op.adjoint(y)) / max(size * norm(x) * norm(y), 1e-300)
                    kind = "positive" if draw is positive else "centred"
                    at_most(error, tolerance, f"|⟨Ax, y⟩ − ⟨x, Aᴴy⟩| / (‖A‖‖x‖‖y‖) on {kind} {image.dtype} data")
                    found[precise] = largest(found[precise], error)
    return f"single {found[False]:.1e} ≤ 1e-06, double {found[True]:.1e} ≤ 1e-13"


def linearity(case: OperatorCase) -> str:
    """A(ax + by) = aAx + bAy, for complex a and b where the domain and the range are complex; and the same for Aᴴ."""
    op, worst = linear(case), 0.0
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            size = max(norm_from_below(op, dtypes(op.domain_field)[0], case.device), 1e-300)
            x, y = (normal(side.shape_in, dtype, seed, case.device) for seed in (1, 2))
            image = side.function(x)
            a: complex = 1.5 - 0.5j if dtype.is_complex and image.is_complex() else 1.5
            left, right = side.function(a * x - 2 * y), a * image - 2 * side.function(y)
            worst = largest(worst, distance(left, right) / (size * (norm(x) + norm(y))))
            zero = norm(side.function(torch.zeros_like(x)))
            at_most(zero, 0.0, f"norm of {side.name} at zero")
    return at_most(worst, 1e-13, "‖A(ax + by) − aAx − bAy‖ / ‖A‖(‖x‖ + ‖y‖)")


def derivatives(case: OperatorCase) -> str:
    """jvp(x, v) = Av and vjp(x, w) = Aᴴw."""
    op = linear(case)
    for dtype in dtypes(op.domain_field):
        x, v = (normal((2, *op.domain_shape), dtype, seed, case.device) for seed in (1, 2))
        image = op(v)
        at_most(distance(op.jvp(x, v), image), 1e-12 * max(norm(image), norm(v)), "‖jvp(x, v) − Av‖")
        w = normal((2, *op.range_shape), image.dtype, 3, case.device)
        back = op.adjoint(w)
        at_most(distance(op.vjp(x, w), back), 1e-12 * max(norm(back), norm(w)), "‖vjp(x, w) − Aᴴw‖")
    return "Av and Aᴴw"


def normal_map(case: OperatorCase) -> str:
    """normal(x) = AᴴAx, and A.H swaps the two maps."""
    op = linear(case)
    for dtype in dtypes(op.domain_field):
        x = normal((2, *op.domain_shape), dtype, 1, case.device)
        image = op(x)
        wanted = op.adjoint(image)
        size = norm_from_below(op, dtype, case.device) ** 2 * norm(x)
        at_most(distance(op.normal(x), wanted), 1e-12 * max(size, 1e-300), "‖normal(x) − AᴴAx‖")
        at_most(distance(op.H(image), wanted), 1e-12 * max(size, 1e-300), "‖A.H(y) − Aᴴy‖")
        at_most(distance(op.H.H(x), image), 1e-12 * max(norm(image), 1e-300), "‖A.H.H(x) − Ax‖")
    return "AᴴAx"


def operator_norm(case: OperatorCase) -> str:
    """norm(rtol) ≤ ‖A‖₂ is a singular value to its stated accuracy and norm_bound() ≥ ‖A‖₂, by a dense SVD."""
    op = linear(case)
    matrix = dense(op, case.device)
    like = torch.zeros((), device=case.device)
    bound = op.norm_bound(like)
    if matrix is None:
        below = max(norm_from_below(op, dtype, case.device, 30) for dtype in dtypes(op.domain_field))
        at_most(below, bound * (1 + 1e-6), "‖Ax‖/‖x‖ compared with norm_bound()")
        return f"‖A‖ ≥ {below:.4g}, bound {bound:.4g}"
    squares = torch.linalg.svdvals(matrix).square()
    true = float(squares.max().sqrt())
    if true == 0:
        return at_most(op.norm(like=like), 0.0, "norm() of the zero operator")
    known = op.known_norm()
    if known is not None:
        at_most(abs(known / true - 1), 1e-5, "relative error of known_norm()")
    for rtol in (1e-2, 1e-4):
        found = op.norm(rtol, like)
        at_most(found, true * (1 + 1e-5), f"norm({rtol}) compared with ‖A‖")
        error = float((squares - found**2).abs().min()) / found**2
        at_most(error, rtol + 1e-5, f"relative distance of norm({rtol})² from the nearest squared singular value")
    at_most(true, bound * (1 + 1e-6), "‖A‖ compared with norm_bound()")
    return f"{op.norm(like=like):.6g}, by SVD {true:.6g}"


def linear(case: OperatorCase) -> LinearOperator:
    """The operator under test, if it is linear."""
    if not isinstance(case.op, LinearOperator):
        raise NotApplicable("the operator is not linear")
    return case.op


def _mismatch(image: Tensor, y: Tensor, x: Tensor, back: Tensor) -> float:
    """|⟨Ax, y⟩ − ⟨x, Aᴴy⟩|, of real parts where one side is real: then A is linear over the reals."""
    left, right = dot(image, y), dot(x, back)
    if x.is_complex() and image.is_complex():
        return abs(left - right)
    return abs(left.real - right.real)


LINEAR_LAWS: tuple[Law, ...] = (linearity, adjoint, derivatives, normal_map, operator_norm)
