"""The Moore-Penrose inverse as a reconstruction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators import CapabilityError, Diagonal
from recon.solvers.direct.direct import Direct
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


@dataclass(frozen=True, kw_only=True)
class PseudoInverse(Direct):
    """x = A⁺y: of the images that fit the data best, the one of least norm. Noise grows by 1/σ_min(A).

    Errors: CapabilityError where the operator declares no closed-form ``pinv``.
    """

    names = ("pseudo_inverse", "pinv")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if "pinv" not in problem.linear.capabilities:
            raise CapabilityError(f"{self.name} needs a closed-form pinv, which {problem.linear.name} does not have.")

    def reconstruct(self, problem: Problem) -> Tensor:
        return problem.linear.pinv(self.measured(problem))

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        y = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]], dtype=torch.float64)
        yield cls(), Problem(Diagonal(torch.tensor([2.0, 0.0, -1.0])), y)
