"""The adjoint as a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators import Diagonal
from recon.solvers.direct.direct import Direct
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class ZeroFilled(Direct):
    """x = Aᴴy: the zero-filled image of MRI, the backprojection of tomography, the matched filter of deconvolution.

    The right scale where A Aᴴ = I, as for masked unitary transforms; of the scale of AᴴA otherwise. With the data term
    :class:`~recon.operators.DensityWeightedFidelity` it is AᴴWy, the gridding of non-Cartesian MRI.
    """

    names = ("zero_filled", "adjoint")

    def reconstruct(self, problem: Problem) -> Tensor:
        data = self.measured(problem)
        term = self.term(problem)
        return problem.linear.adjoint(data if term is None else term.weighed(data, problem.operator.range_shape))

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        y = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]], dtype=torch.float64)
        yield cls(), Problem(Diagonal(torch.tensor([2.0, 0.0, -1.0])), y)
