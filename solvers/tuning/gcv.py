"""Generalised cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.tuning.criterion import Criterion, host
from recon.solvers.tuning.freedom import freedom, require_gaussian
from recon.solvers.tuning.trials import Trials


@dataclass(frozen=True, kw_only=True)
class GCV(Criterion):
    """The λ that predicts left-out data best: minimise m‖(A x_λ − y)/σ‖²/(m − df)², df = tr ∂(A x_λ)/∂y.

    A wrong σ only rescales λ: the noise level need not be known. df is exact for Tikhonov regularisation and operators
    with a singular value decomposition, and a Monte-Carlo estimate otherwise. λ‖·‖ with kinks (total variation, ℓ1)
    is not linear in y, where this is the usual approximation of leave-one-out errors.

    Parameters
    ----------
    probes
        Random perturbations for df; each costs one more solve per λ.
    seed
        Of the perturbations.

    Sources: Golub, Heath and Wahba, Technometrics 21 (1979) 215; Girard, Numer. Math. 56 (1989) 1, for random traces.
    """

    name: ClassVar[str] = "gcv"

    probes: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.probes < 1:
            raise ValueError(f"GCV expects probes >= 1, got {self.probes!r}.")

    def require(self, problem: Problem) -> None:
        require_gaussian(problem, "GCV")

    def measure(self, trials: Trials, items: Tensor, lam: Tensor) -> dict[str, Tensor]:
        images, df = freedom(trials, items, lam, self.probes, self.seed)
        misfit = trials.misfit(items, images).double().cpu()
        count = trials.counts[items]
        left = count - df
        value = torch.where(left > 0, count * misfit / torch.where(left > 0, left, 1).square(), torch.inf)
        return {"misfit": misfit, "count": count, "freedom": df, "gcv": value}

    def values(self, measured: dict[str, Tensor], trials: Trials) -> Sequence[Any]:
        return host(measured["gcv"])

    def sentence(self, last: dict[str, float], trials: Trials) -> str:
        df, m = last["freedom"], last["count"]
        return f"the GCV function is least there, {last['gcv']:.5g}, with df = {df:.4g} of {m:.0f}"
