"""Laws of derivatives: finite differences, double backward, forward mode and vmap."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from recon.operators.linear import CapabilityError, LinearOperator
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import Direction, OperatorCase, distance, dot, dtype_out, dtypes, norm, normal, real_dtype

POINTS = 3
"""Dimension of the random subspaces on which derivatives are compared with finite differences."""


def gradients(case: OperatorCase) -> str:
    """Backward and forward-mode derivatives agree with finite differences, on a random subspace."""
    _has_derivative(case)
    for function, t in _projections(case):
        gradcheck(function, (t,), atol=1e-6, rtol=1e-4)
        reverse, forward = torch.func.jacrev(function)(t.detach()), torch.func.jacfwd(function)(t.detach())
        at_most(distance(reverse, forward), 1e-10 * max(norm(reverse), 1.0), "difference between jacrev and jacfwd")
    return "agree with finite differences"


def second_gradients(case: OperatorCase) -> str:
    """Gradients of gradients agree with finite differences, on a random subspace; so do forward over reverse mode."""
    _has_derivative(case)
    for function, t in _projections(case):
        gradgradcheck(function, (t,), atol=1e-6, rtol=1e-4)
        reverse = torch.func.jacrev(torch.func.jacrev(function))(t.detach())
        mixed = torch.func.jacfwd(torch.func.jacrev(function))(t.detach())
        at_most(
            distance(reverse, mixed), 1e-10 * max(norm(reverse), 1.0), "difference between ways to differentiate twice"
        )
    return "agree with finite differences"


def vmap(case: OperatorCase) -> str:
    """torch.vmap over the operator is the operator on a batch."""
    if not isinstance(case.op, LinearOperator):
        raise NotApplicable("promised by linear operators only")
    for side in case.directions():
        for dtype in dtypes(side.field_in):
            x = case.draw(side, (3,), dtype)
            batched = side.function(x)
            difference = distance(torch.vmap(side.function)(x), batched)
            at_most(
                difference, 1e-13 * max(norm(batched), norm(x)), f"difference between vmap and batch of {side.name}"
            )
    return "as in a batch"


def jvp_by_differences(case: OperatorCase) -> str:
    """jvp(x, v) is the limit of (A(x + hv) − A(x − hv))/2h; without a derivative, jvp and vjp say so."""
    if case.op.values_only:
        return _refused(case)
    side = next(case.directions())
    worst = 0.0
    for dtype in dtypes(side.field_in):
        x, v = case.draw(side, (2,), dtype), normal((2, *side.shape_in), dtype, 11, case.device)
        h = 1e-5 * norm(x) / norm(v)
        wanted = (side.function(x + h * v) - side.function(x - h * v)) / (2 * h)
        finite = bool(torch.isfinite(wanted.abs()).all())
        assert finite, "A is not finite at the points tried; pass at=, one item of the domain where it is."
        found = case.op.jvp(x, v)
        assert found.shape == wanted.shape, f"jvp gave shape {tuple(found.shape)}, expected {tuple(wanted.shape)}."
        worst = largest(worst, distance(found, wanted) / max(norm(wanted), 1e-8 * norm(side.function(x)), 1e-300))
    return at_most(worst, 1e-5, "relative difference between jvp and central differences")


def vjp_is_adjoint_of_jvp(case: OperatorCase) -> str:
    """Re⟨jvp(x, v), w⟩ = Re⟨v, vjp(x, w)⟩; and so for the operator linearise(x)."""
    _has_derivative(case)
    op, side, worst = case.op, next(case.directions()), 0.0
    for dtype in dtypes(side.field_in):
        x, v = case.draw(side, (), dtype), normal(side.shape_in, dtype, 11, case.device)
        forward = op.jvp(x, v)
        w = normal(side.shape_out, dtype_out(side.field_out, forward.dtype), 12, case.device)
        back = op.vjp(x, w)
        assert back.shape == v.shape, f"vjp gave shape {tuple(back.shape)}, expected {tuple(v.shape)}."
        assert back.is_complex() == v.is_complex(), f"vjp gave {back.dtype} at a point of {v.dtype}."
        scale = max(norm(forward) * norm(w), 1e-300)
        worst = largest(worst, abs(dot(forward, w).real - dot(v, back).real) / scale)
        derivative = op.linearise(x)
        worst = largest(worst, distance(derivative(v), forward) / max(norm(forward), 1e-300))
        worst = largest(worst, distance(derivative.adjoint(w), back) / max(norm(back), 1e-300))
    return at_most(worst, 1e-12, "|Re⟨jvp(x, v), w⟩ − Re⟨v, vjp(x, w)⟩| / ‖jvp(x, v)‖‖w‖")


def gauss_newton(case: OperatorCase) -> str:
    """gauss_newton(x) is v ↦ vjp(x, jvp(x, v)), and gauss_newton(x, M) the same with M in between, item by item."""
    _has_derivative(case)
    op, side, worst = case.op, next(case.directions()), 0.0
    for dtype in dtypes(side.field_in):
        x, v = case.draw(side, (2,), dtype), normal((2, *side.shape_in), dtype, 11, case.device)
        move = op.jvp(x, v)
        weights = 1 + normal(side.shape_out, real_dtype(move.dtype), 13, case.device).abs()
        pairs = (
            (op.gauss_newton(x)(v), op.vjp(x, move)),
            (op.gauss_newton(x, weights.mul)(v), op.vjp(x, weights * move)),
        )
        for found, wanted in pairs:
            assert found.shape == wanted.shape, f"gauss_newton gave shape {tuple(found.shape)}, expected that of x."
            worst = largest(worst, distance(found, wanted) / max(norm(wanted), 1e-300))
    return at_most(worst, 1e-12, "relative difference between gauss_newton(x)(v) and vjp(x, jvp(x, v))")


def _has_derivative(case: OperatorCase) -> None:
    if case.op.values_only:
        raise NotApplicable("the operator is known by its values only")


def _refused(case: OperatorCase) -> str:
    side = next(case.directions())
    dtype = dtypes(side.field_in)[-1]
    x = case.draw(side, (), dtype)
    data = side.function(x)
    for name, derivative, along in (("jvp", case.op.jvp, x), ("vjp", case.op.vjp, data)):
        try:
            derivative(x, along)
        except CapabilityError:
            continue
        raise AssertionError(f"{name} gave an answer, though the operator declares values_only.")
    return "refused"


def _projections(case: OperatorCase) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
    """Functions R³ → R³, t ↦ ½ (Re⟨wₖ, A(x + Σ tⱼvⱼ)⟩)², for both maps and each kind of number."""
    return [_projection(case, side, dtype) for side in case.directions() for dtype in dtypes(side.field_in)]


def _projection(case: OperatorCase, side: Direction, dtype: torch.dtype) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    x = case.draw(side, (), dtype, seed=20)
    v = normal((POINTS, *side.shape_in), dtype, 21, case.device)
    with torch.no_grad():
        w = side.function(x + 0.1 * v).reshape(POINTS, -1)
        size = torch.linalg.vector_norm(w, dim=1, keepdim=True)
        w = w / torch.where(size == 0, 1, size) ** 2

    def function(t: Tensor) -> Tensor:
        image = side.function(x + torch.tensordot(t.to(dtype), v, 1)).flatten()
        inner = (w.conj() @ image.to(w.dtype)).real if w.is_complex() else w @ image
        return 0.5 * inner.square()

    t = normal((POINTS,), torch.float64, 22, case.device).mul(0.1).requires_grad_()
    return function, t


GRADIENT_LAWS: tuple[Law, ...] = (gradients, second_gradients, vmap)
NONLINEAR_LAWS: tuple[Law, ...] = (jvp_by_differences, vjp_is_adjoint_of_jvp, gauss_newton)
