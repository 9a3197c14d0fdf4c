"""Expectation maximisation with ordered subsets of views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import get_args

import torch

from recon.operators import ParallelBeam, PoissonNoise, RayTransform, Volume
from recon.operators.ct.subset import Order
from recon.operators.linear import CapabilityError
from recon.solvers.optimisation.mlem import MLEM, Part, background_of
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


@dataclass(frozen=True, kw_only=True)
class OSEM(MLEM):
    """x ← x/(Aₛᵀ1) · Aₛᵀ(yₛ/(Aₛx + bₛ)) for every subset s of the views in turn: one pass is one iteration.

    One pass costs what a step of :class:`MLEM` does, and goes about as far as ``subsets`` of them at first. With
    consistent data the limit is the same; with noisy data the passes end in a cycle around it, the wider the more
    subsets. Only with one subset is it monotone.

    Parameters
    ----------
    subsets
        Number of subsets, of every ``subsets``-th view each.
    order
        The order of the subsets in a pass: ``"golden"``, ``"bit-reversed"`` or ``"sequential"``, see
        :func:`recon.operators.ct.subset.subset_order`.

    Errors: those of :class:`MLEM`; CapabilityError for an operator that is no ray transform, ValueError for more
    subsets than views.

    Source: Hudson and Larkin, IEEE Trans. Med. Imaging 13 (1994) 601.
    """

    names = ("osem", "os_em")

    stop: Rule = MaxIter(10)
    check_every: int = 1
    subsets: int = 10
    order: Order = "golden"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_subsets(self.name, self.subsets, self.order)

    def require(self, problem: Problem) -> None:
        require_views(problem, self.name, "MLEM", self.subsets)
        super().require(problem)

    def parts(self, problem: Problem) -> tuple[Part, ...]:
        A = problem.linear
        assert isinstance(A, RayTransform)
        background = background_of(problem)
        return tuple(
            Part(part.operator, part.of(problem.data), part.of(background))
            for part in A.subsets(self.subsets, self.order)
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.ones(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 6.0, 9.0
        yield cls(stop=MaxIter(10), subsets=4), Problem(A, A(x) + 0.5, PoissonNoise(background=0.3))


def check_subsets(solver: str, subsets: int, order: str) -> None:
    """Refuse numbers and orders of subsets that are none."""
    if isinstance(subsets, bool) or not isinstance(subsets, int) or subsets < 1:
        raise ValueError(f"{solver} expects a number of subsets >= 1, got {subsets!r}.")
    if order not in get_args(Order):
        raise ValueError(f"{solver} expects an order among {', '.join(get_args(Order))}, got {order!r}.")


def require_views(problem: Problem, solver: str, instead: str, subsets: int) -> None:
    """Refuse operators whose data have no views to part, or fewer than subsets."""
    A = problem.linear
    if not isinstance(A, RayTransform):
        raise CapabilityError(
            f"{solver} needs a ray transform, whose views it parts, got {A.name}; use {instead} instead."
        )
    if subsets > A.range_shape[0]:
        raise ValueError(f"{solver} expects no more subsets than views, {A.range_shape[0]}, got {subsets}.")
