"""Filtered backprojection as a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import pi
from typing import Literal

import torch
from torch import Tensor

from recon.operators import FanBeam, FilteredBackprojection, LinearOperator, ParallelBeam, RayTransform, Volume
from recon.operators.algebra import Scaled
from recon.operators.ct.ramp import checked_window
from recon.operators.linear import CapabilityError
from recon.solvers.direct.direct import Direct
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class FBP(Direct):
    """x = Σₐ (D/U)² (h ∗ wₐyₐ)(uₐ): :class:`recon.operators.FilteredBackprojection` of the data, for every geometry.

    The inverse of the ray transform for complete, noiseless data; few views leave streaks, the ramp amplifies noise.
    Cones whose source runs on a circle are reconstructed by the method of Feldkamp, Davis and Kress.

    Parameters
    ----------
    filter
        Window on the ramp filter, or its gains at equally spaced frequencies from zero to the highest that passes.
    cutoff
        Highest frequency that passes, as a fraction of the detector's Nyquist frequency, in (0, 1].
    padding
        What a view is thought to go on with past the detector's ends: ``"zero"``, or ``"edge"``, its value there,
        which falls to zero over half the detector's width.

    Errors: CapabilityError for an operator that is no ray transform, and for scans that
    :class:`recon.operators.FilteredBackprojection` refuses.
    """

    names = ("fbp", "filtered_backprojection", "fdk")

    filter: Literal["ram-lak", "shepp-logan", "cosine", "hamming", "hann"] | Tensor | Sequence[float] = "ram-lak"
    cutoff: float = 1.0
    padding: Literal["zero", "edge"] = "zero"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.cutoff <= 1:
            raise ValueError(f"FBP expects a cutoff in (0, 1], got {self.cutoff!r}.")
        if self.padding not in ("zero", "edge"):
            raise ValueError(f"FBP expects padding 'zero' or 'edge', got {self.padding!r}.")
        object.__setattr__(self, "filter", checked_window(self.filter, "FBP"))

    def require(self, problem: Problem) -> None:
        super().require(problem)
        self._formula(problem)

    def reconstruct(self, problem: Problem) -> Tensor:
        formula, factor = self._formula(problem)
        image: Tensor = formula(self.measured(problem))
        return image / factor

    def _formula(self, problem: Problem) -> tuple[FilteredBackprojection, complex]:
        rays, factor = _parts(problem.linear)
        return FilteredBackprojection(rays, self.filter, self.cutoff, self.padding), factor

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13))
        x = torch.zeros(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
        yield cls(), Problem(A, A(x))
        yield cls(filter="hann", cutoff=0.8), Problem(2.0 * A, 2.0 * A(x))
        fan = RayTransform(Volume((8, 8)), FanBeam([2 * pi * a / 9 for a in range(9)], 15, 20.0, 30.0, 1.5))
        yield cls(filter=(1.0, 0.8, 0.2), padding="edge"), Problem(fan, fan(x))


def _parts(operator: LinearOperator) -> tuple[RayTransform, complex]:
    """A ray transform and the factor it is multiplied by."""
    factor: complex = 1.0
    while isinstance(operator, Scaled):
        factor *= operator.factor
        operator = operator.operator
    if not isinstance(operator, RayTransform):
        raise CapabilityError(f"FBP needs a ray transform, got {operator.name}.")
    if factor == 0:
        raise CapabilityError("FBP needs a ray transform, got one multiplied by 0.")
    return operator, factor
