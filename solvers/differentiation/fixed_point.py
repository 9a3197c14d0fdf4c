"""Solutions as fixed points of the proximal gradient map, and the linear algebra of their derivatives."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.priors.proximal import is_exact
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.linear.neumann import neumann
from recon.solvers.optimisation.smooth import Composite, composite
from recon.solvers.problem import Problem

POWER_STEPS = 30
"""Power iterations for the curvature at a solution where no Lipschitz constant is known."""


class FixedPoint(NamedTuple):
    """x = T(x) = prox_{τh}(x − τ∇F(x)), which minimisers of F + h satisfy for every τ > 0."""

    problem: Problem
    parts: Composite
    tau: Tensor

    def descend(self, x: Tensor) -> Tensor:
        """x − τ∇F(x)."""
        smooth = self.parts.smooth
        return x - self._wide(x) * smooth.gradient(x, smooth.images(x))

    def prox(self, z: Tensor) -> Tensor:
        """prox_{τh}(z)."""
        h = self.parts.rest
        if h.blocks:
            f, L, _ = h.blocks[0]
            return L.adjoint(f.prox(L(z), self.tau))
        return z if h.simple is None else h.simple.prox(z, self.tau)

    def __call__(self, x: Tensor) -> Tensor:
        return self.prox(self.descend(x))

    def error_bound(self, x: Tensor, modulus: Tensor) -> Tensor:
        """‖T(x) − x̂‖ ≤ ‖x − T(x)‖/(τμ) per item, for a μ-strongly convex F + h and τ ≤ 2/Lip(∇F).

        (x − τ∇F(x) − (T(x) − τ∇F(T(x))))/τ is a subgradient of F + h at T(x), and I − τ∇F does not expand.
        """
        return item_norm(x - self(x), len(self.problem.shape)) / (self.tau * modulus)

    def _wide(self, x: Tensor) -> Tensor | float:
        return per_item(self.tau, x, len(self.problem.shape))


def fixed_point(problem: Problem, x: Tensor) -> FixedPoint:
    """The map T of a problem in one batch dimension, with τ = 1/Lip(∇F), or from the curvature at x if that is unknown.

    Errors: CapabilityError where F has no gradient or prox_h no closed form.
    """
    if problem.lifted is not problem:
        raise CapabilityError(
            "implicit differentiation knows no optimality condition of a prior with further fields; use "
            "method='unroll'."
        )
    parts = composite(problem, "implicit differentiation")
    if not is_exact(parts.rest):
        names = ", ".join(block.functional.name for block in parts.rest.blocks)
        raise CapabilityError(
            f"implicit differentiation needs terms with a gradient, or one with a closed-form prox, and {names} behind "
            "an operator is neither; use method='unroll' or a smoothed prior."
        )
    ones = item_norm(x.detach(), len(problem.shape)) * 0 + 1
    with torch.no_grad():
        constant = parts.smooth.lipschitz(ones)
    if constant is None:
        constant = _curvature(parts, x)
    return FixedPoint(problem, parts, 1 / torch.where(constant > 0, constant, 1).detach())


Method = Literal["implicit-cg", "implicit-neumann"]


def transposed_solve(point: FixedPoint, x: Tensor, v: Tensor, method: Method, tol: float, max_iter: int) -> Solved:
    """w with (I − J)ᵀ w = v, J the Jacobian of T at x.

    J = P M with P = ∇prox and M = I − τ∇²F, both symmetric. By the Neumann series, w = Σⱼ (MP)ʲ v. By conjugate
    gradients, on the positive semidefinite system

        (P − P M P) u = P v,   w = v + M P u,

    which for h = 0 (P = I) is τ∇²F u = v, so that w = u.
    """
    n = len(point.problem.shape)
    with torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        moved = point.descend(at)
        z = moved.detach().clone().requires_grad_()
        image = point.prox(z)

    def M(u: Tensor) -> Tensor:
        return _pull(moved, at, u)

    def P(u: Tensor) -> Tensor:
        return _pull(image, z, u)

    if method == "implicit-neumann":
        w, info = neumann(lambda u: M(P(u)), v, n, tol, max_iter)
        return Solved(w, info)
    u, info = cg(lambda u: P(u - M(P(u))), P(v), n, None, tol, max_iter)
    return Solved(v + M(P(u)), info)


class Solved(NamedTuple):
    """The solution w, and how the linear solver got there."""

    w: Tensor
    info: CGInfo


def _pull(output: Tensor, at: Tensor, u: Tensor) -> Tensor:
    if not output.requires_grad:
        return torch.zeros_like(u)
    (found,) = torch.autograd.grad(output, at, u, retain_graph=True, allow_unused=True)
    return torch.zeros_like(u) if found is None else found


def _curvature(parts: Composite, x: Tensor) -> Tensor:
    """The largest eigenvalue of ∇²F(x) per item, by power iterations."""
    n = x.ndim - 1
    with torch.enable_grad():
        at = x.detach().clone().requires_grad_()
        slope = parts.smooth.gradient(at, parts.smooth.images(at))
    v = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(0), dtype=x.dtype).to(x.device).expand_as(x)
    value = item_norm(v, n)
    for _ in range(POWER_STEPS):
        v = v / per_item(torch.where(value > 0, value, 1), v, n)
        w = _pull(slope, at, v)
        value = item_dot(v, w, n).clamp(min=0)
        v = w
    return 1.1 * value
