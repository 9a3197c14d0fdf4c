"""Laws of what a linear operator declares beyond A and Aᴴ: closed-form solves, pseudo-inverse, SVD."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.testing.linear_laws import linear
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import (
    OperatorCase,
    distance,
    dot,
    dtype_out,
    dtypes,
    norm,
    norm_from_below,
    normal,
)

CAPABILITIES = ("solve_normal", "pinv", "normal_pinv", "svd", "preimage")


def capabilities(case: OperatorCase) -> str:
    """What is not declared raises CapabilityError, and what is declared exists."""
    op = linear(case)
    strange = sorted(op.capabilities - set(CAPABILITIES))
    assert not strange, f"declares {strange[0]!r}, which is none of {', '.join(CAPABILITIES)}."
    x = normal(op.domain_shape, dtypes(op.domain_field)[0], 1, case.device)
    y = op(x)
    calls = {"solve_normal": lambda: op.solve_normal(x, 1.0), "pinv": lambda: op.pinv(y), "svd": op.svd}
    calls["normal_pinv"] = lambda: op.normal_pinv(x)
    calls["preimage"] = lambda: op.preimage(op.adjoint(y))
    for name, call in calls.items():
        if name in op.capabilities:
            call()
            continue
        try:
            call()
        except CapabilityError:
            continue
        raise AssertionError(f"{name} is not declared and yet gives an answer; list it in capabilities.")
    return ", ".join(sorted(op.capabilities)) or "none declared"


def solve_normal(case: OperatorCase) -> str:
    """x = solve_normal(b, ρ) solves (AᴴA + ρI)x = b for one ρ and for one per batch item."""
    op, worst = _declaring(case, "solve_normal"), 0.0
    for dtype in dtypes(op.domain_field):
        square = max(norm_from_below(op, dtype, case.device) ** 2, 1e-30)
        b = normal((2, 3, *op.domain_shape), dtype, 1, case.device)
        each = torch.tensor([[1e-3, 0.5, 2.0], [1.0, 10.0, 100.0]], dtype=torch.float64, device=case.device) * square
        for rho in (0.01 * square, torch.tensor(2.0 * square, dtype=torch.float64, device=case.device), each):
            x = op.solve_normal(b, rho)
            assert x.shape == b.shape, f"solve_normal gave shape {tuple(x.shape)}, expected {tuple(b.shape)}."
            factor = rho.reshape(2, 3, *(1,) * len(op.domain_shape)) if isinstance(rho, Tensor) and rho.ndim else rho
            worst = largest(worst, distance(op.normal(x) + factor * x, b) / norm(b))
        at_most(worst, 1e-10, "‖(AᴴA + ρI)x − b‖ / ‖b‖")
        alone = op.solve_normal(b[1, 2], float(each[1, 2]))
        worst = largest(worst, distance(op.solve_normal(b, each)[1, 2], alone) / norm(alone))
        empty = op.solve_normal(b[:0], each[:0])
        assert empty.shape == b[:0].shape, f"solve_normal of an empty batch gave shape {tuple(empty.shape)}."
    return at_most(worst, 1e-10, "relative difference of an item alone and in a batch")


def pinv(case: OperatorCase) -> str:
    """A⁺ obeys Penrose's equations AA⁺A = A, A⁺AA⁺ = A⁺, (AA⁺)ᴴ = AA⁺, (A⁺A)ᴴ = A⁺A, which no other map does."""
    op, worst = _declaring(case, "pinv"), 0.0
    for dtype in dtypes(op.domain_field):
        x = normal((2, 2, *op.domain_shape), dtype, 1, case.device)
        y = normal((2, 2, *op.range_shape), dtype_out(op.range_field, dtype), 2, case.device)
        worst = largest(worst, _penrose(op, op.pinv, x, y, norm_from_below(op, dtype, case.device)))
    return at_most(worst, 1e-7, "largest relative deviation from Penrose's four equations")


def normal_pinv(case: OperatorCase) -> str:
    """(AᴴA)⁺ obeys Penrose's four equations."""
    op, worst = _declaring(case, "normal_pinv"), 0.0
    for dtype in dtypes(op.domain_field):
        x, y = (normal((2, 2, *op.domain_shape), dtype, seed, case.device) for seed in (1, 2))
        worst = largest(worst, _penrose(op.normal, op.normal_pinv, x, y, norm_from_below(op, dtype, case.device) ** 2))
    return at_most(worst, 1e-7, "largest relative deviation from Penrose's four equations")


def preimage(case: OperatorCase) -> str:
    """y = preimage(e) solves Aᴴy = e for e in the range of Aᴴ."""
    op, worst = _declaring(case, "preimage"), 0.0
    for dtype in dtypes(op.domain_field):
        z = normal((2, 3, *op.range_shape), dtype_out(op.range_field, dtype), 1, case.device)
        e = op.adjoint(z)
        y = op.preimage(e)
        assert y.shape == z.shape, f"preimage gave shape {tuple(y.shape)}, expected {tuple(z.shape)}."
        worst = largest(worst, distance(op.adjoint(y), e) / norm(e))
        at_most(distance(op.preimage(e[1, 2]), y[1, 2]) / norm(y), 1e-10, "difference of an item alone and in a batch")
    return at_most(worst, 1e-9, "‖Aᴴy − e‖ / ‖e‖")


def svd(case: OperatorCase) -> str:
    """A = U diag(s) Vᴴ, s ≥ 0, with UᴴU = VᴴV = I on coefficients whose s is positive."""
    op, worst = _declaring(case, "svd"), 0.0
    u, s, v = op.svd()
    assert not s.is_complex(), "the singular values are complex; they are real and nonnegative."
    assert bool((s >= 0).all()), "a singular value is negative."
    tolerance = 1e4 * torch.finfo(s.dtype).eps
    s = s.to(case.device)
    for dtype in dtypes(op.domain_field):
        size = max(norm_from_below(op, dtype, case.device), 1e-300)
        x = normal((2, *op.domain_shape), dtype, 1, case.device)
        coefficients = v.adjoint(x)
        at_most(distance(u(s * coefficients), op(x)) / (size * norm(x)), tolerance, "‖U diag(s) Vᴴx − Ax‖ / ‖A‖‖x‖")
        c = coefficients * (s > 0)
        for name, factor in (("U", u), ("V", v)):
            worst = largest(worst, distance(factor.adjoint(factor(c)) * (s > 0), c) / max(norm(c), 1e-300))
            at_most(worst, tolerance, f"‖{name}ᴴ{name}c − c‖ / ‖c‖")
    return f"orthonormal to {worst:.1e}"


def _penrose(
    forward: Callable[[Tensor], Tensor], inverse: Callable[[Tensor], Tensor], x: Tensor, y: Tensor, size: float
) -> float:
    """Largest relative deviation from Penrose's equations on pairs of points x[0], x[1] and y[0], y[1]."""
    image, back = forward(x), inverse(y)
    assert back.shape == x.shape, f"the pseudo-inverse gave shape {tuple(back.shape)}, expected {tuple(x.shape)}."
    found = [
        distance(forward(inverse(image)), image) / max(size * norm(x), 1e-300),
        distance(inverse(forward(back)), back) / max(norm(back), 1e-300),
    ]
    for projection, point in ((forward(back), y), (inverse(image), x)):
        asymmetry = dot(projection[0], point[1]).real - dot(point[0], projection[1]).real
        found.append(abs(asymmetry) / (norm(point[0]) * norm(point[1])))
    return largest(*found)


def _declaring(case: OperatorCase, capability: str) -> LinearOperator:
    op = linear(case)
    if capability not in op.capabilities:
        raise NotApplicable("not declared")
    return op


CAPABILITY_LAWS: tuple[Law, ...] = (capabilities, solve_normal, pinv, normal_pinv, svd)
