"""What all direct reconstructions share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class DirectState(NamedTuple):
    """The image, zero before the step and the reconstruction B y after it; B y."""

    x: Tensor
    answer: Tensor


@dataclass(frozen=True, kw_only=True)
class Direct(Solver):
    """A reconstruction x = B y by a formula: one step, which completes it.

    y are the data as line integrals, spectra and so on: less the background of Poisson counts, and the logarithms of
    counts behind an absorber (:meth:`recon.operators.NoiseModel.most_likely`). Otherwise noise and prior are not used,
    and a problem with a prior is refused. The measurement ``misfit`` is ‖A x − y‖/‖y‖.
    """

    schedule: ClassVar[bool] = True
    measures: ClassVar[frozenset[str]] = frozenset({"change", "misfit"})

    stop: Rule = field(init=False, repr=False, default=MaxIter(1))
    check_every: int = field(init=False, repr=False, default=1)

    @abstractmethod
    def reconstruct(self, problem: Problem) -> Tensor:
        """B y for every item."""

    @staticmethod
    def term(problem: Problem) -> DataTerm | None:
        """How the data are compared with A x, where that is known before there are data."""
        return problem.fidelity if isinstance(problem.fidelity, DataTerm) else problem.noise

    @staticmethod
    def measured(problem: Problem) -> Tensor:
        """y."""
        term = Direct.term(problem)
        return problem.data if term is None else term.most_likely(problem.data)

    def require(self, problem: Problem) -> None:
        if problem.prior is not None:
            raise CapabilityError(f"{self.name} uses no prior, got {problem.prior.name}; leave it out.")
        _ = problem.linear

    def init(self, problem: Problem, initial: Tensor | None = None) -> DirectState:
        answer = self.reconstruct(problem).to(problem.dtype)
        return DirectState(torch.zeros_like(answer) if initial is None else initial, answer)

    def step(self, problem: Problem, state: DirectState) -> DirectState:
        return DirectState(state.answer, state.answer)

    def image(self, state: DirectState) -> Tensor:
        return state.x

    def measure(self, problem: Problem, state: DirectState) -> dict[str, Tensor]:
        m, data = len(problem.operator.range_shape), self.measured(problem)
        size = item_norm(data, m)
        misfit = item_norm(problem.operator(state.x) - data, m)
        return {"misfit": misfit / size.where(size > 0, 1)}
