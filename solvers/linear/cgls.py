"""Conjugate gradients for least squares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators import CartesianMRI, Gradient, ParallelBeam, RayTransform, SARTWeights, Volume, sart_weights
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, per_item
from recon.solvers.linear.least_squares import LeastSquares, relative
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Preconditioner = Literal["none", "sart"]


class CGLSState(NamedTuple):
    """x, r = y − A x, the direction p; γ = ‖s‖² now, and the larger of those at the start and for x = 0, per item."""

    x: Tensor
    r: Tensor
    p: Tensor
    gamma: Tensor
    size: Tensor


@dataclass(frozen=True, kw_only=True)
class CGLS(LeastSquares):
    """Minimise ‖A x − y‖ by conjugate gradients on AᴴA x = Aᴴy, without forming AᴴA:

        q = A p,   α = γ/‖q‖²,   x⁺ = x + α p,   r⁺ = r − α q,
        s = Aᴴ r⁺,   γ⁺ = ‖s‖²,   p⁺ = s + (γ⁺/γ) p

    with step lengths per item. The residual r is carried along, which is the stable form. From a start of zero the
    limit is the least-squares solution of least norm. With noisy data the image is best long before (semiconvergence):
    the number of iterations is the regularisation, and a few dozen are usual.

    Where measurements have weights w, as by noise of different levels or
    :class:`~recon.operators.DensityWeightedFidelity`, they enter as in W^½ A and W^½ y: γ and s are those of AᴴW r, and
    the curvature is ⟨q, W q⟩.

    The measurement ``dual_residual`` is ‖Aᴴ(y − A x)‖/‖Aᴴy‖, relative to the start where that is farther away, and
    vanishes at the solution; ``primal_residual`` is
    ‖(y − A x) − r‖/‖y‖, what rounding has added up to.

    Parameters
    ----------
    preconditioner
        ``"none"``, or ``"sart"`` for R^½ A C^½ in place of A, with the weights of :func:`recon.operators.sart_weights`:
        the weighted least squares Σᵢ Rᵢ|(A x − y)ᵢ|² of SIRT, in far fewer iterations. Norms of images are then those
        of C^½ Aᴴ R (y − A x), and the limit is the solution with the least ‖C^−½ x‖.

    Errors: CapabilityError for a problem with a prior, for a data term that is not quadratic and, with
    ``"sart"``, for an operator that :func:`recon.operators.sart_weights` refuses.

    Source: Björck, Numerical Methods for Least Squares Problems (1996), algorithm 7.4.1.
    """

    measures: ClassVar[frozenset[str]] = frozenset({"change", "misfit", "primal_residual", "dual_residual"})
    weighs: ClassVar[bool] = True

    stop: Rule = MaxIter(30)
    check_every: int = 1
    preconditioner: Preconditioner = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.preconditioner not in get_args(Preconditioner):
            raise ValueError(f"CGLS expects the preconditioner 'none' or 'sart', got {self.preconditioner!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if problem.prior is not None:
            raise CapabilityError(
                f"{self.name} uses no prior, got {problem.prior.name}; leave it out, or use FISTA or PDHG."
            )
        self._weights(problem)

    def init(self, problem: Problem, initial: Tensor | None = None) -> CGLSState:
        x = problem.zeros() if initial is None else initial
        r = problem.data if initial is None else problem.data - problem.linear(x)
        _, size = self._gradient(problem, problem.data)
        p, gamma = self._gradient(problem, r)
        return CGLSState(x, r, p, gamma, torch.maximum(size, gamma))

    def step(self, problem: Problem, state: CGLSState) -> CGLSState:
        x, r, p, gamma, size = state
        A, n, m = problem.linear, len(problem.shape), len(problem.operator.range_shape)
        weights = self._weights(problem)
        q = A(p)
        curvature = item_dot(q, q if weights is None else weights.rows * q, m)
        done = (gamma <= (16 * torch.finfo(gamma.dtype).eps) ** 2 * size) & torch.isfinite(gamma)
        alpha = torch.where(done, 0, gamma / torch.where(done, 1, curvature))
        x = x + per_item(alpha, p, n) * p
        r = r - per_item(alpha, q, m) * q
        s, square = self._gradient(problem, r)
        beta = torch.where(done, 0, square / torch.where(done, 1, gamma))
        return CGLSState(x, r, s + per_item(beta, p, n) * p, square, size)

    def measure(self, problem: Problem, state: CGLSState) -> dict[str, Tensor]:  # type: ignore[override]
        residual = problem.data - problem.linear(state.x)
        _, square = self._gradient(problem, residual)
        return {
            "misfit": relative(residual, problem),
            "primal_residual": relative(residual - state.r, problem),
            "dual_residual": (square / torch.where(state.size > 0, state.size, 1)).sqrt(),
        }

    def image(self, state: CGLSState) -> Tensor:
        return state.x

    def _weights(self, problem: Problem) -> SARTWeights | None:
        elements = getattr(problem.likelihood, "elements", None)
        if self.preconditioner == "sart":
            if elements is not None:
                raise CapabilityError("CGLS with 'sart' weighs measurements itself, and takes no weights beside that.")
            return sart_weights(problem.linear, problem.data)
        if elements is None:
            return None
        rows = problem.likelihood.constant("elements", problem.data)
        return SARTWeights(rows, torch.ones((), dtype=rows.dtype, device=rows.device))

    def _gradient(self, problem: Problem, r: Tensor) -> tuple[Tensor, Tensor]:
        """s = Aᴴr and ‖s‖²; with weights s = C g for g = AᴴRr, and ⟨g, s⟩."""
        weights = self._weights(problem)
        if weights is None:
            s = problem.linear.adjoint(r)
            return s, item_dot(s, s, len(problem.shape))
        g = problem.linear.adjoint(weights.rows * r)
        s = weights.columns * g
        return s, item_dot(g, s, len(problem.shape))

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        for preconditioner in get_args(Preconditioner):
            yield cls(stop=MaxIter(12), preconditioner=preconditioner), Problem(A, A(x) + 0.1)
        yield cls(stop=MaxIter(12)), Problem(Gradient((8, 8)), Gradient((8, 8))(x))
        mask = torch.ones(8, 8)
        mask[::3] = 0
        place = torch.linspace(0.2, 1.4, 2 * 64, dtype=torch.float64).reshape(2, 8, 8)
        maps = place * torch.exp(9j * place)
        F = CartesianMRI(mask, maps)
        yield cls(stop=MaxIter(12)), Problem(F, F((1 + 0.5j) * x))
