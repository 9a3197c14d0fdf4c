"""Filtered backprojection as a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import Literal, get_args

import torch
from torch import Tensor

from recon.operators import FilteredBackprojection, LinearOperator, ParallelBeam, RayTransform, Volume
from recon.operators.algebra import Scaled
from recon.operators.linear import CapabilityError
from recon.solvers.direct.direct import Direct
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver

Filter = Literal["ram-lak", "shepp-logan", "cosine", "hamming", "hann"]


@dataclass(frozen=True, kw_only=True)
class FBP(Direct):
    """x = Σₐ wₐ (τ h ∗ yₐ)(x cos θₐ + y sin θₐ): :class:`recon.operators.FilteredBackprojection` of the data.

    The inverse of the ray transform for complete, noiseless data; few views leave streaks, the ramp amplifies noise.

    Parameters
    ----------
    filter
        Window on the ramp filter.
    cutoff
        Highest frequency that passes, as a fraction of the detector's Nyquist frequency, in (0, 1].

    Errors: CapabilityError for an operator that is no ray transform.
    """

    names = ("fbp", "filtered_backprojection")

    filter: Filter = "ram-lak"
    cutoff: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.cutoff <= 1:
            raise ValueError(f"FBP expects a cutoff in (0, 1], got {self.cutoff!r}.")
        if self.filter not in get_args(Filter):
            raise ValueError(f"FBP expects a filter among {', '.join(get_args(Filter))}, got {self.filter!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        _parts(problem.linear)

    def reconstruct(self, problem: Problem) -> Tensor:
        rays, factor = _parts(problem.linear)
        image: Tensor = FilteredBackprojection(rays, self.filter, self.cutoff)(problem.data)
        return image / factor

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13))
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        yield cls(), Problem(A, A(x))
        yield cls(filter="hann", cutoff=0.8), Problem(2.0 * A, 2.0 * A(x))


def _parts(operator: LinearOperator) -> tuple[RayTransform, complex]:
    """A ray transform and the factor it is multiplied by."""
    factor: complex = 1.0
    while isinstance(operator, Scaled):
        factor *= operator.factor
        operator = operator.operator
    if not isinstance(operator, RayTransform):
        raise CapabilityError(f"FBP needs a ray transform, got {operator.name}.")
    return operator, factor
