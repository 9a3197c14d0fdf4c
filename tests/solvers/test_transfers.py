"""Steps of optimisation solvers do not wait for the device: nothing in them is read back by the host."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recon.solvers import Solver
from recon.testing.host_reads import HostReads
from recon.testing.members import members

INNER = {
    "ADMM": "conjugate gradients to a tolerance where subproblems have no closed form",
    "DouglasRachford": "an inner prox to a tolerance where the prior has none in closed form",
    "FISTA": "the same",
    "GaussNewton": "conjugate gradients or proximal steps to a tolerance",
    "GhadimiLan": "an inner prox to a tolerance where the prior has none in closed form",
    "IRLS": "conjugate gradients to a tolerance",
    "ProximalGradient": "the same",
}
"""Solvers with inner loops, which do ask whether they are done."""

ALWAYS = frozenset({"GaussNewton", "IRLS"})
"""Those of them that have an inner loop in every step; the others have examples without."""

SOLVERS = [cls for cls in members(Solver) if cls.__module__.startswith("recon.solvers.optimisation.")]


def _reads(solver: Solver, problem: Any) -> int:
    flat = problem.flatten().lifted
    solver.require(flat)
    with torch.no_grad():
        state = solver.step(flat, solver.init(flat))
        with HostReads() as reads:
            for _ in range(12):  # through iterations 5 and 10, at which steps are rebalanced
                state = solver.step(flat, state)
    return sum(reads.counts.values())


@pytest.mark.parametrize("cls", SOLVERS, ids=lambda cls: cls.__name__)
def test_steps_read_nothing_back(cls: type[Solver]) -> None:
    counts = [_reads(solver, problem) for solver, problem in cls.examples()]
    if cls.__name__ in INNER:
        assert max(counts) > 0, f"{cls.__name__} is named as an exception and is none"
        assert cls.__name__ in ALWAYS or min(counts) == 0
    else:
        assert counts == [0] * len(counts)


def test_the_counter_sees_what_it_is_for() -> None:
    x = torch.ones(3)
    for read in (lambda: float(x[0]), lambda: bool((x > 0).any()), lambda: x[x > 0], lambda: x.nonzero()):
        with HostReads() as reads:
            read()
        assert sum(reads.counts.values()) > 0
    with HostReads() as reads:
        (x * 2).sum()
    assert not reads.counts
