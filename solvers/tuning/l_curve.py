"""The corner of the L-curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Any, ClassVar

from torch import Tensor

from recon.priors.prior import VariationalPrior
from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.search import Search, corner
from recon.solvers.tuning.trials import Trials
from recon.solvers.tuning.which import part


@dataclass(frozen=True, kw_only=True)
class LCurve(Criterion):
    """The λ at which the curve of log R(x_λ) over log ‖(A x_λ − y)/σ‖² turns most.

    A heuristic that needs no σ: left of the corner the image follows the noise, right of it the data are not fitted.
    There may be no corner, and with ever less noise its λ tends to be too large (it is known not to converge).

    Sources: Hansen, SIAM Review 34 (1992) 561; Hansen and O'Leary, SIAM J. Sci. Comput. 14 (1993) 1487.
    """

    name: ClassVar[str] = "l-curve"

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        images = trials.solve(items, lam)
        prior = trials.problem.prior
        assert isinstance(prior, VariationalPrior)
        cost = part(prior, trials.which).with_lam(1.0).cost(images, trials.problem.shape)
        return {"misfit": trials.misfit(items, images), "cost": cost}

    def require(self, problem: Problem) -> None:
        prior = problem.prior
        if isinstance(prior, VariationalPrior) and prior.auxiliary(problem.shape):
            raise TypeError(f"LCurve needs the cost of the prior, which {prior.name} gives as a minimum only.")

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        pairs = zip(host(measured["misfit"]), host(measured["cost"]), strict=True)
        return [(_log(rho), _log(eta)) for rho, eta in pairs]

    def search(self, start: float, tol: float, most: int) -> Search:
        return corner(start, tol, most)

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        return f"the L-curve turns most there, at residual {last['misfit']:.5g} and cost {last['cost']:.5g}"


def _log(value: float) -> float:
    return log(value) if value > 0 else -inf
