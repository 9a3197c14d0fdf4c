"""The number of iterations that a progress bar is told of beforehand."""

from types import SimpleNamespace

import pytest
import torch

from recon.config.errors import Mark
from recon.run.solve import Bench, Posed
from recon.solvers import MaskShift, PiGDM


@pytest.mark.parametrize("cls", [MaskShift, PiGDM])
def test_it_is_that_of_the_last_iteration(cls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a solver that learns from the problem how long it runs, too, and of all chunks of the samples."""
    solver, problem = next(cls.examples())
    problem = problem.flatten()
    case = SimpleNamespace(item=SimpleNamespace(id="one"), data=problem.data, sought=None)
    monkeypatch.setattr(Bench, "pose", lambda self, cases: Posed(cases, problem, solver, "", None))
    monkeypatch.setattr(Bench, "collect", lambda self, posed, answer, seconds: [])
    told: list[tuple[int, float]] = []
    bench = Bench(solver, torch.device("cpu"), 2, Mark("job.yaml"), chunk=len(problem.data))
    bench.solve((case,), lambda number, limit: told.append((number, limit)))  # type: ignore[arg-type]
    assert len({limit for _, limit in told}) == 1
    assert told[-1][0] == told[-1][1] == 2 * solver.settled(problem).stop.max_iter
