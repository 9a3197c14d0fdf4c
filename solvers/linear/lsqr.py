"""Least squares by Golub-Kahan bidiagonalisation: the iterates of CGLS, less prone to rounding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.solvers.linear.golub_kahan import Basis, GolubKahan, examples
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter


class LSQRState(NamedTuple):
    """x, the direction w, the vectors of the bidiagonalisation; ρ̄, φ̄ = ‖r‖, ‖Bᴴr‖ and that at the start per item."""

    x: Tensor
    w: Tensor
    basis: Basis
    rho: Tensor
    phi: Tensor
    slope: Tensor
    size: Tensor


@dataclass(frozen=True, kw_only=True)
class LSQR(GolubKahan):
    """Minimise ‖A x − y‖² + λσ²‖x‖² (λ = 0 without prior) by LSQR, item by item.

    In exact arithmetic these are the iterates of :class:`CGLS`, by a recursion that suffers less from rounding where A
    is ill-conditioned. The prior may be ``Tikhonov(lam)``, which adds √(λσ²) I below A. From a start of zero the limit
    is the solution of least norm. With noisy data and no prior the number of iterations is the regularisation.

    The measurement ``dual_residual`` is ‖Aᴴ(y − Ax) − λσ²x‖/‖Aᴴy‖, relative to the start where that is farther away;
    ``primal_residual`` is what rounding has changed in ‖y − Ax‖, over ‖y‖.

    Parameters
    ----------
    preconditioner
        ``"none"``, or ``"sart"`` for R^½ A C^½ in place of A, see :class:`CGLS`; without a prior.

    Errors: CapabilityError for a data term that is not quadratic, other priors, and operators that
    :func:`recon.operators.sart_weights` refuses.

    Source: Paige and Saunders, ACM Trans. Math. Softw. 8 (1982) 43.
    """

    def init(self, problem: Problem, initial: Tensor | None = None) -> LSQRState:
        x, basis = self.start(problem, initial)
        size = self.gradient_size(problem, basis, initial)
        return LSQRState(x, basis.v, basis, basis.alpha, basis.beta, basis.alpha * basis.beta, size)

    def step(self, problem: Problem, state: LSQRState) -> LSQRState:
        n = len(problem.shape)
        done = state.slope <= 16 * torch.finfo(state.slope.dtype).eps * state.size
        basis = self.advance(problem, state.basis)
        rho = torch.where(done, 1, (state.rho.square() + basis.beta.square()).sqrt())
        cos, sin = state.rho / rho, basis.beta / rho
        phi = cos * state.phi
        x = state.x + self.scaled(problem, per_item(torch.where(done, 0, phi / rho), state.w, n) * state.w)
        w = basis.v - per_item(sin * basis.alpha / rho, basis.v, n) * state.w
        rest = sin * state.phi
        slope = (rest * basis.alpha * cos).abs()
        return LSQRState(
            x,
            w,
            basis,
            torch.where(done, state.rho, -cos * basis.alpha),
            torch.where(done, state.phi, rest),
            torch.where(done, state.slope, slope),
            state.size,
        )

    def measure(self, problem: Problem, state: LSQRState) -> dict[str, Tensor]:  # type: ignore[override]
        return self.residuals(problem, state.x, state.phi.abs(), state.size, of_gradient=False)

    def image(self, state: LSQRState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        for settings, problem in examples():
            yield cls(stop=MaxIter(10), **settings), problem
