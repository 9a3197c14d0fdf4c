"""What makes a weight the right one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.tuning.search import Search, minimum
from recon.solvers.tuning.trials import Trials


@dataclass(frozen=True, kw_only=True)
class Criterion(ABC):
    """A rule for λ; :func:`recon.solvers.tune` solves the problem for the weights it asks for."""

    name: ClassVar[str]

    def require(self, problem: Problem) -> None:  # noqa: B027  (optional)
        """Raise, in one sentence, where the rule does not apply to a problem with its batch in one dimension."""

    @abstractmethod
    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        """Solve for some items and weights; what the path records, one value per item."""

    @abstractmethod
    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        """What the search wants to know, one entry per item."""

    @abstractmethod
    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        """What holds at the weight found, from the record of one item."""

    def search(self, start: float, tol: float, most: int) -> Search:
        """The search for one item, on log λ."""
        return minimum(start, tol, most)


def host(value: Tensor) -> list[float]:
    """Values per item as numbers."""
    return [float(v) for v in value.detach().to("cpu", torch.float64)]
