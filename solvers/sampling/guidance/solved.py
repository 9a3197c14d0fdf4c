"""What guidance with a linear system in every step shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recon.operators.tensors import checked_count
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guided
from recon.solvers.sampling.linear_solves import pull
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.tangent import Tangent


@dataclass(frozen=True, kw_only=True)
class SolvedGuidance(Guided):
    """Guidance by Aᴴ(Σ_y + ρ A Aᴴ)⁻¹ r, in closed form where the operator has one.

    Parameters
    ----------
    cg_rtol, cg_max_iter
        Where conjugate gradients stop, in systems without closed form; measured as ``cg_residual``, ``cg_iterations``.
    """

    measures: ClassVar[frozenset[str]] = Sampler.measures | {"cg_residual", "cg_iterations"}
    recorded: ClassVar[tuple[str, ...]] = ("cg_residual", "cg_iterations")

    cg_rtol: float = 1e-4
    cg_max_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"{self.name} expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, self.name, "cg_max_iter")

    def pulled(
        self, problem: Problem, A: Tangent, rho: float | Tensor, r: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Aᴴ(Σ_y + ρ A Aᴴ)⁻¹ r, by default of r = y − A(x) where the tangent is taken, and the records of the solve."""
        misfit = residual(problem, A.value) if r is None else r
        around = scatter(problem, A.value)
        v, solve = pull(problem.operator, A, around, misfit, rho, self.cg_rtol, self.cg_max_iter)
        return v, (solve.residual, solve.iterations)
