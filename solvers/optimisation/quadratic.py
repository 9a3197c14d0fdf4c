"""The quadratic subproblems inside splitting methods."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError
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
    """argmin_x (w/2)‖Ax − y‖² + (μ/2)‖x − z‖², and the relative residual reached per item.

    In closed form (residual 0) where A declares ``solve_normal``, else by conjugate gradients from ``start``.
    """
    A, n = problem.linear, len(problem.shape)
    weight = quadratic(problem, "data_prox").weight * torch.ones_like(mu)
    ratio = mu / weight
    b = A.adjoint(problem.data) + per_item(ratio, z, n) * z
    if "solve_normal" in A.capabilities:
        return A.solve_normal(b, ratio), torch.zeros_like(mu)
    x, info = cg(lambda v: A.normal(v) + per_item(ratio, v, n) * v, b, n, start, rtol, max_iter)
    return x, info.residual
