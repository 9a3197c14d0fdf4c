"""The weight under which the data are most probable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Any, ClassVar, Literal

from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.freedom import freedom, require_gaussian
from recon.solvers.tuning.search import Search, root
from recon.solvers.tuning.trials import Trials


@dataclass(frozen=True, kw_only=True)
class Evidence(Criterion):
    """Empirical Bayes: the λ of largest p(y | λ), for Gaussian noise and the Gaussian prior p(x | λ) ∝ e^{−λ‖Lx−c‖²/2}.

    Where the derivative vanishes, with x_λ the posterior mean,

        λ‖L x_λ − c‖² = df − dim ker L,   df = tr ∂(A x_λ)/∂y,

    with df as in :class:`GCV`. An ``emphasis`` κ ≠ 1 maximises κ E_q log p(y | x) − KL(q ‖ p(x | λ)) over λ and
    Gaussian q instead, the data-emphasised evidence lower bound. Its q has the mean x_{λ/κ}, and its optimum is where

        κ λ'‖L x_λ' − c‖² = df − dim ker L,   λ' = λ/κ.

    What is found is λ', the weight with which the problem has that mean as its solution.

    Parameters
    ----------
    emphasis
        κ > 0, or ``"data"`` for unknowns over data, n/m.
    probes, seed
        As of :class:`GCV`.

    Errors: CapabilityError for other noise, nonlinear operators and other priors than :class:`Tikhonov`.

    Sources: MacKay, Neural Comput. 4 (1992) 415, eq. 4.8; Harvey, Petrov and Hughes, arXiv:2502.01861, for κ = n/m.
    """

    name: ClassVar[str] = "evidence"

    emphasis: float | Literal["data"] = 1.0
    probes: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.emphasis != "data" and not (isinstance(self.emphasis, int | float) and 0 < self.emphasis < inf):
            raise ValueError(f"Evidence expects emphasis > 0 or 'data', got {self.emphasis!r}.")
        if self.probes < 1:
            raise ValueError(f"Evidence expects probes >= 1, got {self.probes!r}.")

    def require(self, problem: Problem) -> None:
        require_gaussian(problem, "Evidence")
        if not isinstance(problem.prior, Tikhonov):
            name = "none" if problem.prior is None else problem.prior.name
            raise CapabilityError(f"Evidence needs the prior Tikhonov alone, got {name}; use SURE or GCV.")

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        images, df = freedom(trials, items, lam, self.probes, self.seed)
        prior = trials.problem.prior
        assert isinstance(prior, Tikhonov)
        shape = trials.problem.shape
        (term,) = prior.unit_terms(shape)
        kernel = 0 if term.null is None else term.null.domain_shape[0]
        parts = 2 if trials.problem.dtype.is_complex else 1
        square = 2 * term(images).double().cpu()
        count = trials.counts[items]
        kappa = parts * images[0].numel() / count if self.emphasis == "data" else self.emphasis
        return {
            "misfit": trials.misfit(items, images),
            "count": count,
            "freedom": df,
            "size": kappa * lam * square,
            "shaped": df - parts * kernel,
        }

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        return [
            log(size / shaped) if size > 0 and shaped > 0 else inf if size > 0 else -inf
            for size, shaped in zip(host(measured["size"]), host(measured["shaped"]), strict=True)
        ]

    def search(self, start: float, tol: float, most: int) -> Search:
        return root(start, tol, most)

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        kappa = "" if self.emphasis == 1 else "κ"
        return f"{kappa}λ‖Lx − c‖² is {last['size']:.5g}, and the data determine {last['shaped']:.5g} parameters"
