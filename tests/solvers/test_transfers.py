"""Steps of optimisation solvers do not wait for the device: nothing in them is read back by the host."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from recon.operators import tensors
from recon.solvers import Solver
from recon.testing.host_reads import HostReads
from recon.testing.members import members

INNER = {
    "DouglasRachford": "an inner prox to a tolerance where the prior has none in closed form",
    "FISTA": "the same",
    "GaussNewton": "conjugate gradients or proximal steps to a tolerance",
    "GhadimiLan": "an inner prox to a tolerance where the prior has none in closed form",
    "IRLS": "conjugate gradients to a tolerance",
    "ProximalGradient": "the same as FISTA",
}
"""Solvers with inner loops of more than 16 iterations, which ask once or twice a step."""

STEPS = 12
"""Through iterations 5 and 10, at which steps are rebalanced."""

SOLVERS = [cls for cls in members(Solver) if cls.__module__.startswith("recon.solvers.optimisation.")]


def _reads(solver: Solver, problem: Any) -> int:
    flat = problem.flatten().lifted
    solver.require(flat)
    with torch.no_grad():
        state = solver.step(flat, solver.init(flat))
        with HostReads() as reads:
            for _ in range(STEPS):
                state = solver.step(flat, state)
    return sum(reads.counts.values())


@pytest.mark.parametrize("cls", SOLVERS, ids=lambda cls: cls.__name__)
def test_steps_read_nothing_back(cls: type[Solver], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of inner loops only long ones do: they ask a device at every 16th iteration whether they are done."""
    monkeypatch.setattr(tensors, "waits", lambda device: True)
    counts = [_reads(solver, problem) for solver, problem in cls.examples()]
    if cls.__name__ in INNER:
        assert 0 < max(counts) <= 2 * STEPS, f"{cls.__name__} is named as an exception"
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
