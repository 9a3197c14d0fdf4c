"""Every solver against every problem that it declares for: optima of an interior-point solver, and gaps that bound."""

from __future__ import annotations

import pytest

from recon.solvers import Solver
from recon.testing import members

from .problem_table import QUESTIONS, SCALES
from .solver_table import LEFT_OUT, MINUTES, Outcome, meet, solvers

HEAVY = {
    "graph Laplacian",
    "infimal convolution",
    "MRI, TGV",
    "MRI, TV",
    "nuclear TV",
    "TGV",
    "tubal low rank",
    "TV, CT",
}
LIGHT = [name for name in QUESTIONS if name not in HEAVY]
STRIDE = 11

OWN_PROBLEMS = {
    "CGLS": "least squares, two blurs",
    "DouglasRachford": "Tikhonov, periodic blur",
    "LSMR": "Tikhonov",
    "LSQR": "least squares, CT",
    "MLEM": "Poisson, x ≥ 0",
    "NonlinearCG": "Tikhonov of slopes",
    "OSEM": "Poisson, CT, x ≥ 0",
    "OSSART": "least squares, CT",
    "PDHG, primal": "TV denoising",
    "SIRT": "x ≥ 0",
    "SPS": "transmission, x ≥ 0",
    "StochasticPDHG": "TV, two blurs",
    "TikhonovInverse": "Tikhonov, periodic blur",
    "Wiener": "Tikhonov, periodic blur",
}
"""For solvers that take few problems, one of them."""


def faults(solver: str, question: str, scale: float) -> list[str]:
    outcome = meet(solver, question, scale)
    if isinstance(outcome, str):
        return []
    return [f"{solver} on {question!r}, ‖K‖ = {scale:g}: {fault}" for fault in outcome.faults]


def test_no_solver_is_missing() -> None:
    names = {cls.__name__ for cls in members(Solver)}
    assert names >= set(LEFT_OUT)
    assert names - set(LEFT_OUT) <= set(solvers())


@pytest.mark.parametrize("question", LIGHT)
def test_some_solvers_reach_the_optimum(question: str) -> None:
    """A few solvers for each problem, other ones and another norm for the next."""
    number = LIGHT.index(question)
    names = list(solvers())[number % STRIDE :: STRIDE]
    found = [fault for name in names for fault in faults(name, question, SCALES[number % 3])]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("solver", OWN_PROBLEMS)
def test_solvers_of_few_problems_reach_the_optimum(solver: str) -> None:
    outcome = meet(solver, OWN_PROBLEMS[solver], 1.0)
    assert isinstance(outcome, Outcome), outcome
    assert not outcome.faults


@pytest.mark.parametrize("solver", ["ADMM", "LBFGS", "PDHG, diagonal"])
def test_gaps_of_counts_without_a_prior_close(solver: str) -> None:
    """They used to be infinite: duals of counts were never feasible but in the limit."""
    outcome = meet(solver, "Poisson, x ≥ 0", 1.0)
    assert isinstance(outcome, Outcome), outcome
    assert outcome.proven is not None
    assert not outcome.faults


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_all_solvers_reach_the_optimum(question: str, scale: float) -> None:
    names = [name for name in solvers() if (name, question) not in MINUTES]
    found = [fault for name in names for fault in faults(name, question, scale)]
    assert not found, "\n".join(found)
