"""The stationary law of a chain whose steps are affine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recon.solvers import Problem
from tests.solvers.sampling.audit import Affine, Law, contents, noise_by_hand


def parts(solver: Any, problem: Problem, number: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """T, c and Q with u⁺ = T u + c + N(0, Q) for step ``number`` (the last by default) and one real item."""
    d = problem.zeros().numel()
    state = solver.init(problem)
    state = state._replace(step=torch.tensor([solver.steps - 1 if number is None else number]))
    size = 2 * d + sum(m[0].numel() for m in state.memory)

    def step(points: Tensor) -> Any:
        many = problem.select(torch.zeros(len(points), dtype=torch.long))
        first = points[:, :d].reshape(-1, *problem.shape)
        memory = tuple(first for _ in state.memory)
        here = state._replace(
            u=first,
            estimate=first,
            memory=memory,
            step=state.step.expand(len(points)),
            stream=state.stream.expand(len(points)),
            records=tuple(r.expand(len(points)) for r in state.records),
        )
        with torch.no_grad():
            return solver.step(many, here)

    points = torch.zeros(d + 1, size, dtype=torch.float64)
    points[1:, :d] = torch.eye(d, dtype=torch.float64)
    with noise_by_hand(lambda rows, step, shape, dtype, draw: torch.zeros(rows, *shape, dtype=dtype)):
        values = contents(step(points))[:, :d]
    none = torch.zeros(size, dtype=torch.float64)
    _, _, Q = Affine(step, None).law(none, torch.diag(none))
    return (values[1:] - values[0]).mT, values[0], Q[:d, :d]


def stationary(T: Tensor, c: Tensor, Q: Tensor) -> Law:
    """The law with mean = T mean + c and cov = T cov Tᵀ + Q, by doubling."""
    mean, cov, power = c, Q, T
    for _ in range(60):
        mean, cov, power = mean + power @ mean, cov + power @ cov @ power.mT, power @ power
    return Law(mean, cov)
