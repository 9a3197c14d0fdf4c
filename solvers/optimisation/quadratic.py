"""The quadratic subproblems inside splitting methods."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import per_item
from recon.solvers.linear.cg import cg
from recon.solvers.problem import Problem


def quadratic(problem: Problem, solver: str) -> SquaredL2:
    """The data term of a problem with Gaussian noise and a linear operator; refuses others by name."""
    problem.linear  # noqa: B018  (raises for nonlinear operators)
    if not isinstance(problem.likelihood, SquaredL2):
        raise CapabilityError(
            f"{solver} needs a quadratic data term (Gaussian noise), got {problem.likelihood.name}; use PDHG instead."
        )
    return problem.likelihood


def data_prox(
    problem: Problem, z: Tensor, mu: Tensor, start: Tensor, rtol: float, max_iter: int
) -> tuple[Tensor, Tensor]:
    """argmin_x ½ Σ w|Ax − y|² + (μ/2)‖x − z‖², and the relative residual reached per item.

    In closed form (residual 0) where A declares ``solve_normal`` and w is one number per item, else by conjugate
    gradients from ``start``.
    """
    A, n = problem.linear, len(problem.shape)
    f = quadratic(problem, "data_prox")
    ratio = mu / (f.weight * torch.ones_like(mu))
    b = A.adjoint(weighed(f, problem.data)) + per_item(ratio, z, n) * z
    if "solve_normal" in A.capabilities and f.elements is None:
        return A.solve_normal(b, ratio), torch.zeros_like(mu)
    x, info = cg(lambda v: weighed_normal(f, A, v) + per_item(ratio, v, n) * v, b, n, start, rtol, max_iter)
    return x, info.residual


def weighed(f: SquaredL2, z: Tensor) -> Tensor:
    """z times the weights per element, where there are some."""
    return z if f.elements is None else f.constant("elements", z) * z


def weighed_normal(f: SquaredL2, A: LinearOperator, x: Tensor) -> Tensor:
    """AᴴWAx with the weights per element W, if there are some."""
    return A.normal(x) if f.elements is None else A.weighted_normal(x, f.constant("elements", x))


def data_pull(problem: Problem, f: SquaredL2) -> Tensor:
    """wAᴴWy, the constant part of −∇f(Ax); kept with the problem while nothing is differentiated."""
    if torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
        return _pull(problem, f)
    kept = problem.__dict__
    if "_pull" not in kept:
        kept["_pull"] = _pull(problem, f)
    pull: Tensor = kept["_pull"]
    return pull


def _pull(problem: Problem, f: SquaredL2) -> Tensor:
    n = len(problem.shape)
    back = problem.linear.adjoint(weighed(f, problem.data))
    return per_item(f.weight * torch.ones(len(back), dtype=back.real.dtype, device=back.device), back, n) * back


def data_gradient(problem: Problem, x: Tensor) -> Tensor:
    """Aᴴ∇f(Ax), from AᴴA or AᴴWA for Gaussian noise: often cheaper than A and Aᴴ."""
    f, A = problem.likelihood, problem.linear
    if not isinstance(f, SquaredL2):
        return A.adjoint(problem.likelihood.grad(A(x)))
    curved = weighed_normal(f, A, x)
    if isinstance(f.weight, Tensor) or f.weight != 1:
        curved = per_item(f.weight, x, len(problem.shape)) * curved
    return curved - data_pull(problem, f)
