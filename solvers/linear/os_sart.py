"""SART with ordered subsets of views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import get_args

import torch
from torch import Tensor

from recon.operators import LinearOperator, ParallelBeam, RayTransform, Volume
from recon.operators.ct.subset import Order
from recon.operators.linear import CapabilityError
from recon.priors import NonNegative
from recon.solvers.linear.sirt import SIRT
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


@dataclass(frozen=True, kw_only=True)
class OSSART(SIRT):
    """x ← P(x + λ/ρₛ Cₛ Aₛᵀ Rₛ (yₛ − Aₛ x)) for every subset s of the views in turn: one pass is one iteration.

    One pass costs two projections, as one step of :class:`SIRT`, and goes about as far as ``subsets`` of them at first.
    With consistent data the limit fits them; with noisy data the iterates end in a cycle around the least-squares
    solution, the narrower the smaller λ and the fewer the subsets. As with SIRT, to stop early is to regularise.
    One subset is SIRT; as many as views are SART.

    Parameters
    ----------
    subsets
        Number of subsets, of every ``subsets``-th view each.
    order
        The order of the subsets in a pass: ``"golden"``, ``"bit-reversed"`` or ``"sequential"``, see
        :func:`recon.operators.ct.subset.subset_order`.

    Errors: those of :class:`SIRT`; CapabilityError for an operator that is no ray transform, ValueError for more
    subsets than views.

    Sources: Andersen and Kak, Ultrason. Imaging 6 (1984) 81; Wang and Jiang, J. X-Ray Sci. Technol. 12 (2004) 169, for
    subsets.
    """

    names = ("os_sart", "ossart")

    stop: Rule = MaxIter(20)
    check_every: int = 1
    subsets: int = 10
    order: Order = "golden"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.subsets, bool) or not isinstance(self.subsets, int) or self.subsets < 1:
            raise ValueError(f"OSSART expects a number of subsets >= 1, got {self.subsets!r}.")
        if self.order not in get_args(Order):
            raise ValueError(f"OSSART expects an order among {', '.join(get_args(Order))}, got {self.order!r}.")

    def require(self, problem: Problem) -> None:
        if not isinstance(problem.linear, RayTransform):
            raise CapabilityError(
                f"OSSART needs a ray transform, whose views it parts, got {problem.linear.name}; use SIRT instead."
            )
        super().require(problem)

    def blocks(self, problem: Problem) -> tuple[tuple[LinearOperator, Tensor], ...]:
        A = problem.linear
        assert isinstance(A, RayTransform)
        return tuple((part.operator, part.of(problem.data)) for part in A.subsets(self.subsets, self.order))

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        yield cls(stop=MaxIter(10), subsets=4), Problem(A, A(x))
        fast = RayTransform(A.volume, A.geometry)
        stop = MaxIter(10)
        yield cls(stop=stop, subsets=3, order="bit-reversed", relaxation=0.5), Problem(fast, A(x), prior=NonNegative())
