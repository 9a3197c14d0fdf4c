"""The best weight there is, for those who know the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from recon.operators.tensors import item_norm
from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.trials import Trials


@dataclass(frozen=True, kw_only=True)
class Oracle(Criterion):
    """The λ of least squared error ‖x_λ − x‖²: what no rule without the truth can beat, to measure them by.

    Parameters
    ----------
    truth
        x, ``(*batch, *shape)``.
    """

    name: ClassVar[str] = "oracle"

    truth: Tensor

    def require(self, problem: Problem) -> None:
        wanted = (*problem.batch, *problem.shape)
        if self.truth.reshape(-1, *problem.shape).shape != wanted:
            raise ValueError(f"Oracle expects the truth of {wanted}, got {tuple(self.truth.shape)}.")

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        images = trials.solve(items, lam)
        truth = self.truth.reshape(-1, *trials.problem.shape)[items].to(images.device)
        square = item_norm(images - truth, len(trials.problem.shape)).square()
        return {"misfit": trials.misfit(items, images), "error": square}

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        return host(measured["error"])

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        return f"the squared error is least there, {last['error']:.5g}"
