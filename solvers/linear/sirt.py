"""The simultaneous iterative reconstruction technique."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, pi
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators import Diagonal, LinearOperator, ParallelBeam, RayTransform, Volume, sart_bound, sart_weights
from recon.operators.functionals import BoxIndicator
from recon.operators.functionals.scaled import ScaledFunctional
from recon.operators.linear import CapabilityError
from recon.priors import NonNegative, VariationalPrior
from recon.solvers.linear.least_squares import LeastSquares
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class SIRTState(NamedTuple):
    """x."""

    x: Tensor


@dataclass(frozen=True, kw_only=True)
class SIRT(LeastSquares):
    """x⁺ = P(x + λ/ρ C Aᵀ R (y − A x)), projected gradient descent on the weighted least squares

        ½ Σᵢ Rᵢ |(A x − y)ᵢ|²

    with the inverse row and column sums R and C of :func:`recon.operators.sart_weights` and ρ ≥ ‖R^½ A C^½‖², which is
    1 for operators without negative entries. P projects on the bounds that a prior of the problem sets (Box,
    NonNegative). The weighted misfit falls at every step for 0 < λ < 2.

    Coarse structures come first and fine ones, with the noise, later: with noisy data the error of the image falls and
    then rises again (semiconvergence), and the number of iterations is the regularisation.

    Parameters
    ----------
    relaxation
        λ in (0, 2).

    Errors: CapabilityError for an operator that :func:`recon.operators.sart_weights` refuses, a prior other than
    bounds, and a data term that is not quadratic.

    Source: Gilbert, J. Theor. Biol. 36 (1972) 105; Gregor and Benson, IEEE Trans. Med. Imaging 27 (2008) 918.
    """

    stop: Rule = MaxIter(200)
    relaxation: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.relaxation < 2:
            raise ValueError(f"{self.name} expects a relaxation in (0, 2), got {self.relaxation!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        self.bounds(problem)
        for operator, _ in self.blocks(problem):
            sart_weights(operator, problem.data)

    def bounds(self, problem: Problem) -> tuple[float, float]:
        """The bounds that the prior sets, infinite where it sets none; refuses other priors."""
        lower, upper = -inf, inf
        if problem.prior is None:
            return lower, upper
        bounds = []
        for term in problem.terms if isinstance(problem.prior, VariationalPrior) else (None,):
            f = None if term is None or term.operator is not None else term.functional
            f = f.functional if isinstance(f, ScaledFunctional) else f
            if not isinstance(f, BoxIndicator):
                raise CapabilityError(
                    f"{self.name} takes bounds (Box, NonNegative) as prior and nothing else, "
                    f"got {problem.prior.name}; use PDHG or FISTA instead."
                )
            bounds.append((f.lower, f.upper))
        lower, upper = max(low for low, _ in bounds), min(high for _, high in bounds)
        if lower > upper:
            raise ValueError(f"{self.name} got bounds that no image meets: above {lower:g} and below {upper:g}.")
        return lower, upper

    def blocks(self, problem: Problem) -> tuple[tuple[LinearOperator, Tensor], ...]:
        """The parts of A and y that one iteration goes through."""
        return ((problem.linear, problem.data),)

    def init(self, problem: Problem, initial: Tensor | None = None) -> SIRTState:
        return SIRTState(_clip(problem.zeros() if initial is None else initial, self.bounds(problem)))

    def step(self, problem: Problem, state: SIRTState) -> SIRTState:
        x, bounds = state.x, self.bounds(problem)
        for A, y in self.blocks(problem):
            rows, columns = sart_weights(A, x)
            step = self.relaxation / sart_bound(A, x)
            x = _clip(x + step * columns * A.adjoint(rows * (y - A(x))), bounds)
        return SIRTState(x)

    def image(self, state: SIRTState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        yield cls(stop=MaxIter(30)), Problem(A, A(x))
        fast = RayTransform(A.volume, A.geometry)
        yield cls(stop=MaxIter(30), relaxation=1.9), Problem(fast, A(x) - 0.1, prior=NonNegative())
        weights = torch.tensor([0.5, 0.0, 2.0], dtype=torch.float64)
        yield (
            cls(stop=MaxIter(10)),
            Problem(Diagonal(weights), torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, -1.0]]).double()),
        )


def _clip(x: Tensor, bounds: tuple[float, float]) -> Tensor:
    return x if bounds == (-inf, inf) else x.clamp(*bounds)
