"""Quadratic problems with an answer in closed form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators import CapabilityError, Diagonal, GaussianNoise
from recon.operators.functionals import SquaredL2
from recon.operators.tensors import per_item
from recon.priors import Tikhonov
from recon.solvers.direct.direct import Direct
from recon.solvers.optimisation.pullback import quadratic_weight
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class TikhonovInverse(Direct):
    """x = (AᴴA + λ/w)⁻¹ (Aᴴy + (λ/w) c), the minimiser of (w/2)‖Ax − y‖² + (λ/2)‖x − c‖² in one step.

    For a periodic blur and w = 1/σ² it is the Wiener filter of a signal of variance 1/λ.

    Errors: CapabilityError without Gaussian noise of one level per item, where the operator declares no
    ``solve_normal``, and for priors other than :class:`~recon.priors.Tikhonov` on the image itself.
    """

    def require(self, problem: Problem) -> None:
        weights(problem)
        if "solve_normal" not in problem.linear.capabilities:
            raise CapabilityError(
                f"TikhonovInverse needs an operator with solve_normal, which {problem.linear.name} does not have; "
                "use LBFGS or FISTA."
            )

    def reconstruct(self, problem: Problem) -> Tensor:
        A, n = problem.linear, len(problem.shape)
        w, lam = weights(problem)
        ones = torch.ones(problem.data.shape[0], dtype=problem.zeros().real.dtype, device=problem.data.device)
        rho = lam / w * ones
        f = problem.terms[0].functional
        assert isinstance(f, SquaredL2)
        b = A.adjoint(problem.data)
        if f.data is not None:
            b = b + per_item(rho, b, n) * f.constant("data", b)
        return A.solve_normal(b, rho)

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        y = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]], dtype=torch.float64)
        A = Diagonal(torch.tensor([2.0, 0.0, -1.0]))
        yield cls(), Problem(A, y, GaussianNoise(0.5), Tikhonov(0.3, center=torch.tensor([1.0, 2.0, 0.0])))


def weights(problem: Problem) -> tuple[float | Tensor, float | Tensor]:
    """w and λ; refuses, by name, problems that are not of this form."""
    w = quadratic_weight(problem.likelihood)
    if w is None:
        raise CapabilityError(
            f"TikhonovInverse needs Gaussian noise of one level per item, got {problem.likelihood.name}."
        )
    lam = None
    if len(problem.terms) == 1 and problem.terms[0].operator is None:
        lam = quadratic_weight(problem.terms[0].functional)
    if lam is None:
        name = "none" if problem.prior is None else problem.prior.name
        raise CapabilityError(f"TikhonovInverse needs a Tikhonov prior on the image itself, got {name}.")
    return w, lam
