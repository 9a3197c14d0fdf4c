"""The discrepancy principle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import Any, ClassVar

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.noise import NoiseModel
from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.freedom import freedom, is_gaussian, require_gaussian
from recon.solvers.tuning.grid import grid_error, has_grid
from recon.solvers.tuning.search import Search, root
from recon.solvers.tuning.trials import Trials


@dataclass(frozen=True, kw_only=True)
class DiscrepancyPrinciple(Criterion):
    """The λ whose residual is as large as the noise may be: ‖(A x_λ − y)/σ‖² = τ²(n + √(2n)), n = m − df + g.

    m counts the real numbers measured (entries whose row of A is zero do not). The residual grows with λ, so that
    there is one such λ at most.

    Morozov's rule takes df = g = 0. But x_λ follows part of the noise: at the true image's own prediction the residual
    is m, and what fits the noise in df directions has m − df left, as in the unbiased estimate of σ² by regression.
    With df = 0 images come out too smooth. √(2n) is the standard deviation of what is left of the noise, of weight in
    small images only: without it noise a little stronger than on average was fitted to no end. And where the data are
    line integrals of an object, its averages over pixels leave a residual g beside the noise, by
    :func:`recon.solvers.tuning.grid.grid_error`. With g = 0 images come out too rough.

    For other noise, twice its negative log-likelihood takes the place of the left side, and that of m what data drawn
    anew around the prediction A x_λ have on average. For Poisson noise of many counts this is the deviance and their
    number; of few, where that number is wrong, it still holds.

    Parameters
    ----------
    factor
        τ > 0.
    freedom
        Whether to count df = tr ∂(A x_λ)/∂y, as :class:`GCV` does, with ``probes`` and ``seed``, which takes a linear
        operator and Gaussian noise and further solves for each λ; by default where those are given. Without it √(2n) is
        left out, too.
    probes
        Random vectors for df; by default as many as make 1024 numbers with the data, 4 at most.
    grid
        Whether to add g; by default for ray transforms and Gaussian noise. With both False this is Morozov's rule.

    Errors: CapabilityError for a fidelity that says nothing of noise; ValueError for parameters that do not fit.

    Sources: Morozov, Methods for Solving Incorrectly Posed Problems (1984); Wahba, SIAM J. Numer. Anal. 14 (1977) 651,
    section 4, for m − df; Bertero et al., Inverse Problems 26 (2010) 105004, for the deviance; Bevilacqua et al., J.
    Imaging 8 (2022) 1, for its expectation at the prediction.
    """

    name: ClassVar[str] = "discrepancy"

    factor: float = 1.0
    freedom: bool | None = None
    grid: bool | None = None
    probes: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.factor < float("inf"):
            raise ValueError(f"DiscrepancyPrinciple expects factor > 0, got {self.factor!r}.")
        if self.probes is not None and self.probes < 1:
            raise ValueError(f"DiscrepancyPrinciple expects probes >= 1, got {self.probes!r}.")

    def require(self, problem: Problem) -> None:
        if self.freedom:
            require_gaussian(problem, "DiscrepancyPrinciple with freedom=True")
        if self.grid:
            require_gaussian(problem, "DiscrepancyPrinciple with grid=True")
        if not isinstance(problem.noise, NoiseModel):
            raise CapabilityError("DiscrepancyPrinciple needs a noise model to compare the residual with; use LCurve.")

    def counts_freedom(self, problem: Problem) -> bool:
        """Whether df is taken off m."""
        return is_gaussian(problem) if self.freedom is None else self.freedom

    def counts_grid(self, problem: Problem) -> bool:
        """Whether g is added to m."""
        return has_grid(problem) and is_gaussian(problem) if self.grid is None else self.grid

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        if self.counts_freedom(trials.problem):
            images, df = freedom(trials, items, lam, self.probes or _enough(trials, items), self.seed)
            found = {"misfit": trials.misfit(items, images), "count": trials.counts[items], "freedom": df}
        else:
            images = trials.solve(items, lam)
            expected = trials.expected_misfit(items, images, self.seed)
            found = {"misfit": trials.misfit(items, images), "count": expected}
        if self.counts_grid(trials.problem):
            found["grid"] = grid_error(trials, items, images)
        return found

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        nothing = torch.zeros_like(measured["misfit"])
        names = ("misfit", "count", "freedom", "grid")
        rows = zip(*(host(measured.get(name, nothing)) for name in names), strict=True)
        slack = "freedom" in measured
        return [self._excess(misfit, m, m - df + g, slack) for misfit, m, df, g in rows]

    def _excess(self, misfit: float, count: float, left: float, slack: bool) -> float:
        square = self.factor**2
        wanted = square * (left + slack * sqrt(2 * left)) if left > 0 else 0.0
        if wanted == 0:  # an estimated df may exceed m where all data are fitted
            return float("inf") if misfit > square * count else -float("inf")
        return log(misfit / wanted) if misfit > 0 else -float("inf")

    def search(self, start: float, tol: float, most: int) -> Search:
        return root(start, tol, most)

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        spent = f" − df = {last['freedom']:.4g}" if "freedom" in last else ""
        spent += f" + g = {last['grid']:.4g}" if "grid" in last else ""
        of = "" if self.factor == 1 else f" and factor {self.factor:g}"
        if not trials.gaussian:
            return f"the deviance is {last['misfit']:.5g}, that expected of the noise {last['count']:.5g}{of}"
        return f"the residual ‖(Ax − y)/σ‖² is {last['misfit']:.5g} for m = {last['count']:.0f}{spent}{of}"


def _enough(trials: Trials, items: Tensor) -> int:
    """Probes that see 1024 numbers together, 4 at most."""
    return min(4, max(1, ceil(1024 / max(1.0, float(trials.counts[items].min())))))
