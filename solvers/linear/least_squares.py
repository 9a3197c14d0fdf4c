"""What the iterative least-squares solvers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class LeastSquares(Solver):
    """Iterations towards least squares, which regularise by being stopped early and so start from zero.

    The data term must be quadratic; σ, one number per item, does not change what minimises it and is not used. Where
    σ differs between measurements, take :class:`CGLS`, or ask with A and y divided by it. The measurement ``misfit`` is
    ‖A x − y‖/‖y‖.

    Errors: CapabilityError for a data term that is not quadratic, TypeError for a nonlinear operator.
    """

    warm_start: ClassVar[bool] = False
    weighs: ClassVar[bool] = False
    """Whether weights per measurement are taken into account."""

    measures: ClassVar[frozenset[str]] = frozenset({"change", "misfit"})

    def require(self, problem: Problem) -> None:
        _ = problem.linear
        if not isinstance(problem.likelihood, SquaredL2):
            raise CapabilityError(
                f"{self.name} needs a quadratic data term (Gaussian noise), got {problem.likelihood.name}; "
                "use PDHG instead."
            )
        if problem.likelihood.elements is not None and not self.weighs:
            raise CapabilityError(
                f"{self.name} weighs all measurements of an item alike; with weights per measurement w, ask with the "
                "operator Diagonal(w ** 0.5) @ A and the data w ** 0.5 * y, or use CGLS, ADMM or PDHG."
            )

    def measure(self, problem: Problem, state: object) -> dict[str, Tensor]:
        return {"misfit": relative(problem.operator(self.image(state)) - problem.data, problem)}


def relative(residual: Tensor, problem: Problem) -> Tensor:
    """‖residual‖/‖y‖ per item."""
    m = len(problem.operator.range_shape)
    size = item_norm(problem.data, m)
    return item_norm(residual, m) / size.where(size > 0, 1)
