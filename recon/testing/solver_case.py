"""Problems for the laws of solvers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from recon.operators.linear import SVD, LinearOperator
from recon.solvers.problem import Problem
from recon.solvers.result import Result
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter
from recon.testing.report import NotApplicable
from recon.testing.samples import norm, normal


@dataclass(frozen=True)
class SolverCase:
    """A solver under test, with a problem that its settings solve; in double precision, the batch in one dimension."""

    given_solver: Solver
    given: Problem

    @cached_property
    def solver(self) -> Solver:
        """The solver, its schedule cut to eight steps where it has one."""
        steps = getattr(self.given_solver, "steps", None)
        if self.given_solver.schedule and isinstance(steps, int) and steps > 8:
            return replace(self.given_solver, steps=8)  # type: ignore[call-arg]
        return self.given_solver

    @cached_property
    def problem(self) -> Problem:
        """The problem with three items."""
        flat = self.given.to(dtype=torch.float64).flatten()
        count = len(flat.data)
        if count >= 3:
            return flat.select(torch.arange(3))
        if flat.noise is None:
            raise NotApplicable("the problem has fewer than three items and a fidelity of its own")
        data = torch.stack([flat.data[i % count] * (1 - 0.1 * (i // count)) for i in range(3)])
        noise = replace_noise(flat, torch.tensor([i % count for i in range(3)]))
        return Problem(flat.operator, data, noise, flat.prior)

    def short(self, iterations: int) -> Solver:
        """The solver stopped after a few iterations, as it is where the iteration count is its own schedule."""
        return self.solver if self.solver.schedule else replace(self.solver, stop=MaxIter(iterations), check_every=1)

    def alone(self, item: int, solver: Solver | None = None) -> tuple[Solver, Problem]:
        """One item of the problem, with a solver that draws for it what it draws for it in the batch."""
        solver = self.solver if solver is None else solver
        if hasattr(solver, "streams"):
            solver = replace(solver, streams=(item,))  # type: ignore[call-arg]
        return solver, self.problem.select(torch.tensor([item]))

    def states(self, count: int, problem: Problem | None = None) -> list[Any]:
        """The first states of a run."""
        problem = self.problem if problem is None else problem
        with torch.no_grad():
            states = [self.solver.init(problem)]
            for _ in range(count):
                states.append(self.solver.step(problem, states[-1]))
        return states

    def initial(self) -> Tensor:
        """Starting images."""
        problem = self.problem
        return 0.1 * normal((3, *problem.shape), problem.dtype, 4, problem.data.device)


def replace_noise(problem: Problem, items: Tensor) -> Any:
    """The problem's noise model for a choice of its items."""
    return None if problem.noise is None else problem.noise.select(items)


def with_item(problem: Problem, item: int, data: Tensor) -> Problem:
    """The problem with the data of one item exchanged."""
    changed = problem.data.clone()
    changed[item] = data
    if problem.noise is None:
        raise NotApplicable("the problem has a fidelity of its own")
    return Problem(problem.operator, changed, problem.noise, problem.prior)


def tensors(state: Any) -> Iterator[Tensor]:
    """All tensors of a state."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, (tuple, list)):
        for part in state:
            yield from tensors(part)
    elif isinstance(state, dict):
        yield from tensors(tuple(state.values()))


def record(result: Result) -> dict[str, Tensor]:
    """What a result holds, apart from times."""
    history = {key: value for key, value in result.history.items() if key != "seconds"}
    return {"image": result.image, "iterations": result.iterations, **history}


class Fragile(LinearOperator):
    """An operator that answers NaN for items beyond ``limit`` in norm: what a numerical accident looks like.

    ``failed`` says whether it has done so: methods whose steps are bounded may never get there.
    """

    def __init__(self, operator: LinearOperator, limit: float) -> None:
        super().__init__(operator.domain_shape, operator.range_shape)
        self.operator, self.limit, self.failed = operator, limit, False
        self.domain_field, self.range_field = operator.domain_field, operator.range_field

    def apply(self, x: Tensor) -> Tensor:
        return self._spoil(x, self.operator.apply(x), len(self.domain_shape), len(self.range_shape))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._spoil(y, self.operator.apply_adjoint(y), len(self.range_shape), len(self.domain_shape))

    def known_norm(self) -> float | None:
        return self.operator.known_norm()

    def norm(self, rtol: float = 1e-2, like: Tensor | None = None) -> float:
        return self.operator.norm(rtol, like)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.operator.capabilities

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        ndim = len(self.domain_shape)
        return self._spoil(b, self.operator.solve_normal(b, rho), ndim, ndim)

    def pinv(self, y: Tensor) -> Tensor:
        return self._spoil(y, self.operator.pinv(y), len(self.range_shape), len(self.domain_shape))

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self._spoil(b, self.operator.normal_pinv(b), len(self.domain_shape), len(self.domain_shape))

    def svd(self) -> SVD:
        U, s, V = self.operator.svd()
        return SVD(Fragile(U, self.limit), s, Fragile(V, self.limit))

    def _spoil(self, x: Tensor, out: Tensor, ndim_in: int, ndim_out: int) -> Tensor:
        batch = x.shape[: x.ndim - ndim_in]
        size = torch.linalg.vector_norm(x.reshape(*batch, -1), dim=-1)
        self.failed = self.failed or bool((size > self.limit).any())
        return torch.where((size > self.limit).reshape(*batch, *(1,) * ndim_out), torch.nan, out)


def fragile(problem: Problem) -> Problem:
    """The problem behind an operator that fails for items a thousand times larger than these."""
    if not isinstance(problem.operator, LinearOperator) or problem.noise is None:
        raise NotApplicable("the operator is not linear or the problem has a fidelity of its own")
    limit = 1e6 * max(norm(problem.data), 1.0)
    return Problem(Fragile(problem.operator, limit), problem.data, problem.noise, problem.prior)
