"""Total variation to a relative suboptimality of 1e-4 beside other libraries: ``python -m benchmarks.optimisation``.

Deblurring, few-view tomography and parallel MRI: one objective for all, evaluated in double precision by one function
whose own time is not counted, up to the minimum that a long run finds (in tomography that of each library's own rays).
recon runs what ``choose`` picks, timed as one call of ``solve``, its certificate included; operator norms and
compilation are counted for nobody. The others get several steps around those that recon has learned, of which the best
counts. ``--check`` fails and names every goal that was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.optimisation_loop import iteration_times, reads_per_step
from benchmarks.optimisation_problems import as_arrays, deblurring, encoder, parallel_imaging, tomography
from benchmarks.optimisation_race import TOLERANCE, Race, fastest, forward, objective, run
from recon.operators import Blur, RayTransform
from recon.solvers import ADMM, PDHG, MaxIter, Problem, choose
from recon.solvers.solver import Solver

GOALS = {"deblurring": 3.0, "tomography": 5.0, "MRI": 3.0}
"""How many times as fast as the best of the others."""
ENOUGH = 1.5
"""Others get this many times the time that would meet the goal."""


def main() -> None:
    """Run everything, print tables or JSON, and compare with the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller images and less time")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (2 by default)")
    parser.add_argument("--json", action="store_true", help="print JSON rather than tables")
    parser.add_argument("--check", action="store_true", help="fail where a goal is missed")
    parser.add_argument("--scico", metavar="PYTHON", help="Python of an environment that has scico")
    parser.add_argument("--limit", type=float, help="most seconds that a run of another library may take")
    parser.add_argument("--only", choices=list(GOALS), help="one problem alone")
    given = parser.parse_args()
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # for every user of torch here, as recon's command line has it
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    limit = given.limit or (15.0 if given.quick else 120.0)
    problems: dict[str, Callable[[], Problem]] = {
        "deblurring": lambda: deblurring(2, 256) if given.quick else deblurring(),
        "tomography": lambda: tomography(128, 40) if given.quick else tomography(),
        "MRI": lambda: parallel_imaging(128 if given.quick else 256),
    }
    results: dict[str, Any] = {"problems": {}, "absent": {}}
    for name, make in problems.items():
        if given.only in (None, name):
            if not given.json:
                print(f"\n{name}, to a relative suboptimality of {TOLERANCE:g}")
                print(f"{'':38s} {'s':>9s} {'iterations':>10s} {'ratio':>7s}", flush=True)
            rows = results["problems"][name] = {}
            for row, found in _compare(make(), given.scico, limit, ENOUGH * GOALS[name], results["absent"]):
                rows[row] = found
                if not given.json:
                    _print(row, found, next(iter(rows.values()))["seconds"])
    results["iteration"] = iteration_times(results["absent"])
    results["reads"] = reads_per_step()
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        _print_loop(results)
    missed = _missed(results)
    for sentence in missed:
        print(f"missed: {sentence}", file=sys.stderr)
    if given.check and missed:
        sys.exit(1)


def _compare(
    problem: Problem, scico: str | None, limit: float, share: float, absent: dict[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Seconds and iterations of recon and then of every other library on one problem.

    Those may take ``limit`` seconds, and no more than ``share`` times what recon took.
    """
    arrays = as_arrays(problem)
    solver = choose(problem).solver
    value = objective(arrays, encoder(problem, arrays))
    best = _optimum(problem, value)
    ours = _ours(problem, solver, value, best)
    yield f"recon, {solver.name}", ours
    limit = min(limit, share * (ours["seconds"] or limit))
    learned = PDHG()
    state = learned.init(problem)
    for _ in range(50):
        state = learned.step(problem, state)
    tau, (sigma, other) = float(state.steps.tau[0]), (float(s[0]) for s in state.steps.sigmas)
    own = isinstance(problem.operator, RayTransform)
    for name, race in (
        ("deepinv", lambda: _deepinv(problem, arrays, None if own else best, tau, limit)),
        ("ODL", lambda: _odl(problem, arrays, None if own else best, (tau, sigma, other), limit)),
        ("scico", lambda: _scico(scico, problem, arrays, None if own else best, (tau, sigma, other), limit)),
    ):
        try:
            yield name, race()
        except ImportError as reason:
            absent[name] = str(reason)


def _optimum(problem: Problem, value: Callable[[Any], Any]) -> Any:
    """The least objective per item that long runs reach."""
    long: Solver = ADMM(stop=MaxIter(400), inner_iter=20)
    if isinstance(problem.operator, RayTransform):
        long = PDHG(stop=MaxIter(3000))
    return value(replace(long, check_every=10**6).solve(problem).image.numpy())


def _ours(problem: Problem, solver: Solver, value: Callable[[Any], Any], best: Any) -> dict[str, Any]:
    """Iterations from a run that is watched, seconds as the median of runs of that length that are not."""

    def loop(race: Race) -> None:
        state = solver.init(problem)
        while True:
            state = solver.step(problem, state)
            race(solver.image(state).numpy)

    race = run(Race(value, best, 300.0), loop)
    arrived = race.arrival(best)
    if arrived is None:
        return {"setting": "", "iterations": None, "seconds": None, "limit": 300.0}
    timed: Solver = replace(solver, stop=MaxIter(arrived[0]), check_every=arrived[0])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        timed.solve(problem)
        seconds.append(time.perf_counter() - start)
    return {"setting": "", "iterations": arrived[0], "seconds": statistics.median(seconds), "limit": 300.0}


def _deepinv(problem: Problem, arrays: dict[str, Any], best: Any, tau: float, limit: float) -> dict[str, Any]:
    from benchmarks.optimisation_deepinv import Adapter

    adapter = Adapter(problem)
    if best is None:
        arrays = arrays | {"data": adapter.data.double().numpy()}
    encode = adapter.forward if best is None else forward(arrays)
    return fastest(dict(adapter.runs(_primal_step(problem, tau))), objective(arrays, encode), best, limit)


def _primal_step(problem: Problem, tau: float) -> float:
    """τ of Chambolle-Pock with the prox of the data term, where recon has it."""
    solver = PDHG(data_term="primal")
    if not isinstance(problem.operator, Blur):
        return tau
    state = solver.init(problem)
    for _ in range(50):
        state = solver.step(problem, state)
    return float(state.steps.tau[0])


def _odl(problem: Problem, arrays: dict[str, Any], best: Any, steps: tuple[float, ...], limit: float) -> dict[str, Any]:
    from benchmarks.optimisation_odl import Adapter

    adapter = Adapter(problem)
    encode = adapter.forward if best is None else forward(arrays)
    return fastest(dict(adapter.runs(*steps)), objective(arrays, encode), best, limit)


def _scico(
    python: str | None, problem: Problem, arrays: dict[str, Any], best: Any, steps: tuple[float, ...], limit: float
) -> dict[str, Any]:
    if python is None:
        raise ImportError("no Python given by --scico")
    extra = {"steps": steps, "primal": _primal_step(problem, steps[0]), "limit": limit}
    extra["shape"] = (len(problem.data), *problem.shape)
    if best is None:
        assert isinstance(problem.operator, RayTransform)
        extra["angles"] = problem.operator.geometry.angles  # type: ignore[union-attr]
    else:
        extra["best"] = best
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "problem.npz"
        np.savez(path, **arrays, **extra)
        root = str(Path(__file__).parent.parent)
        command = [python, "-m", "benchmarks.optimisation_scico", str(path)]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}, check=False
        )
    if done.returncode:
        raise ImportError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "scico did not run")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(row: str, found: dict[str, Any], ours: float | None) -> None:
    label = f"{row}, {found['setting']}" if found["setting"] else row
    if found["seconds"] is None:
        ratio = "" if ours is None else f"{found['limit'] / ours:6.1f}+"
        print(f"{label:38s} > {found['limit']:7.1f} {'':10s} {ratio:>7s}", flush=True)
    else:
        ratio = "" if ours is None else f"{found['seconds'] / ours:7.2f}"
        print(f"{label:38s} {found['seconds']:9.3f} {found['iterations']:10d} {ratio:>7s}", flush=True)


def _print_loop(results: dict[str, Any]) -> None:
    print(f"\none iteration of proximal gradient at 64²\n{'':38s} {'µs':>9s}")
    for name, seconds in results["iteration"].items():
        print(f"{name:38s} {1e6 * seconds:9.1f}")
    print("\nreads by the host per step: " + ", ".join(f"{name} {n:g}" for name, n in results["reads"].items()))
    for name, reason in results["absent"].items():
        print(f"absent: {name} ({reason})")


def _missed(results: dict[str, Any]) -> list[str]:
    """A sentence for every goal that was not reached."""
    found = []
    for name, rows in results["problems"].items():
        ours, *others = rows.values()
        if ours["seconds"] is None:
            found.append(f"{name}: recon did not reach {TOLERANCE:g}")
        elif not others:
            found.append(f"{name}: nobody else ran")
        else:
            ratio = min(row["seconds"] or row["limit"] for row in others) / ours["seconds"]
            if ratio < GOALS[name]:
                found.append(f"{name}: {ratio:.2f} times as fast as the best of the others, goal {GOALS[name]:g}")
    times = results["iteration"]
    if "deepinv PGD" not in times:
        found.append("an iteration: deepinv did not run")
    elif times["recon PnPPGD"] > times["deepinv PGD"]:
        ratio = times["recon PnPPGD"] / times["deepinv PGD"]
        found.append(f"an iteration of PnPPGD takes {ratio:.2f} times that of deepinv's PGD, goal 1")
    for name, reads in results["reads"].items():
        if reads:
            found.append(f"{name}: the host reads {reads:g} numbers per step, goal 0")
    return found


if __name__ == "__main__":
    main()
