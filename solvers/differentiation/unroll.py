"""Differentiation through the steps of a solver."""

from __future__ import annotations

from math import ceil, isqrt
from typing import Any, Literal

from torch import Tensor, is_grad_enabled
from torch.utils.checkpoint import checkpoint

from recon.solvers.problem import Problem
from recon.solvers.solver import Solver

Segments = int | Literal["auto"]


def unroll(
    solver: Solver, problem: Problem, iterations: int, initial: Tensor | None = None, *, segments: Segments = 1
) -> Tensor:
    """The image after a fixed number of steps, with gradients: for training through the solver.

    The same ``init`` and ``step`` as in :func:`recon.solvers.iterate`, without stopping or measuring; derivatives reach
    the data, the starting image and every tensor that the operator, the noise or the prior differentiate.

    Parameters
    ----------
    iterations
        K, how many steps.
    initial
        Starting images, ``(*batch, *shape)``.
    segments
        S, into how many parts the steps are divided. Between parts only the state is kept, and what a part needs for
        its derivative is computed again when its turn comes: memory for S states and K/S steps instead of K, for at
        most one more evaluation of each step. ``"auto"`` is ⌈√K⌉, where the sum of both is least. Gradients are the
        same.

    Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 12, for checkpoints.
    """
    question, flat, start = prepared(solver, problem, initial)
    state = run(solver, flat, solver.init(flat, start), iterations, segments)
    return question.unlift(solver.image(state)).reshape(*problem.batch, *problem.shape)


def prepared(solver: Solver, problem: Problem, initial: Tensor | None) -> tuple[Problem, Problem, Tensor | None]:
    """The flat question, the one solved, and the start."""
    question = problem.flatten()
    if initial is not None:
        initial = question.lift(initial.expand(*problem.batch, *problem.shape).reshape(-1, *problem.shape))
    flat = question.lifted
    solver.require(flat)
    return question, flat, initial


def run(solver: Solver, problem: Problem, state: Any, iterations: int, segments: Segments) -> Any:
    """The state after ``iterations`` more steps."""
    if isinstance(iterations, bool) or not isinstance(iterations, int) or iterations < 0:
        raise ValueError(f"unroll expects a number of iterations >= 0, got {iterations!r}.")
    if segments == "auto":
        segments = ceil_root(iterations)
    if isinstance(segments, bool) or not isinstance(segments, int) or segments < 1:
        raise ValueError(f"unroll expects segments >= 1 or 'auto', got {segments!r}.")

    def steps(state: Any, count: int) -> Any:
        for _ in range(count):
            state = solver.step(problem, state)
        return state

    length = ceil(iterations / segments)
    while iterations > length and is_grad_enabled():
        state = checkpoint(steps, state, length, use_reentrant=False)
        iterations -= length
    return steps(state, iterations)  # the last part is differentiated at once


def ceil_root(n: int) -> int:
    """⌈√n⌉, at least 1."""
    return max(isqrt(max(n - 1, 0)) + 1, 1)
