"""The law suite of solvers."""

from __future__ import annotations

from collections.abc import Collection

from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.testing.report import Law, Report, run_laws
from recon.testing.solver_case import SolverCase
from recon.testing.solver_laws import SOLVER_LAWS
from recon.testing.unroll_laws import SLOW_LAWS, UNROLL_LAWS

SOLVER_SUITE: tuple[Law, ...] = (*SOLVER_LAWS, *UNROLL_LAWS, *SLOW_LAWS)


def check_solver(
    solver: Solver,
    problem: Problem,
    *,
    slow: bool = False,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check every law that a solver obeys, on a small problem that its settings solve.

    The result is whole and the problem solved; an item gives the same image, reason and iterations alone and in a
    batch, and is not touched by a neighbour that diverges; data, starting images and old states stay as they were;
    runs are identical bit for bit; settings and results pickle; an interrupt keeps the iterates; declared measurements
    are taken; precision follows the data; unrolled steps give the same images and right derivatives.

    Parameters
    ----------
    solver, problem
        The settings, and a problem with images of a few dozen pixels. It is run in double precision with three items,
        made of scaled data where it has fewer.
    slow
        Also compare the step under ``torch.compile``, which takes up to a minute.
    only, skip, collect
        As in :func:`recon.testing.check_operator`.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for anything but a solver.
    """
    if not isinstance(solver, Solver):
        raise TypeError(f"check_solver expects a solver of recon.solvers, got {type(solver).__name__}.")
    laws = SOLVER_SUITE if slow or only is not None else (*SOLVER_LAWS, *UNROLL_LAWS)
    name = f"{solver.name} on {problem.operator!r}"
    return run_laws(name, laws, SolverCase(solver, problem), only=only, skip=skip, collect=collect)
