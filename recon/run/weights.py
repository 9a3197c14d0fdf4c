"""Weights found from the data, in runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from recon.config.errors import ConfigError, Mark
from recon.config.values import ComponentSpec, Value
from recon.config.weights import AUTO
from recon.run.imports import Imported
from recon.solvers import Problem, Solver, Tuned, tune
from recon.solvers.tuning.criterion import Criterion
from recon.solvers.tuning.tune import criterion_of


@dataclass(frozen=True)
class Sought:
    """A λ to be found: by what criterion, of which of several priors (None where there is one), and where it stands."""

    criterion: Criterion
    which: int | None
    mark: Mark

    def require(self, problem: Problem) -> None:
        """Raise a ConfigError where the criterion does not apply."""
        try:
            self.criterion.require(problem.flatten())
        except (TypeError, ValueError) as error:
            raise ConfigError(self.mark, " ".join(str(error).split())) from error

    def tune(self, problem: Problem, solver: Solver, initial: Tensor | None, callback: Any) -> Tuned:
        """Find it, item by item."""
        return tune(problem, self.criterion, solver, which=self.which, initial=initial, callback=callback)


def take_out(priors: Sequence[Value]) -> tuple[list[Value], Sought | None]:
    """The descriptions with λ = 1 in place of the one to be found, and which that is."""
    sought: Sought | None = None
    plain: list[Value] = []
    for number, prior in enumerate(priors):
        if isinstance(prior, ComponentSpec | Imported) and prior.params.get("lam") in AUTO:
            criterion = criterion_of(prior.params["lam"].removeprefix("auto-"))
            mark = prior.at("lam") if isinstance(prior, ComponentSpec) else prior.spec.mark
            if sought is not None:
                raise ConfigError(mark, "only one lam can be found; give the other priors a number.")
            sought = Sought(criterion, number if len(priors) > 1 else None, mark)
            prior = replace(prior, params={**prior.params, "lam": 1.0})
        plain.append(prior)
    return plain, sought


def record(tuned: Tuned, rows: slice) -> dict[str, Any]:
    """What the sidecar of an item says of its λ: one, or one per colour."""
    lam, met = tuned.lam[rows].tolist(), tuned.met[rows].tolist()
    tried = tuned.evaluations[rows].tolist()
    single = len(lam) == 1
    return {
        "lam": lam[0] if single else lam,
        "criterion": tuned.criterion,
        "met": all(met),
        "evaluations": sum(tried),
    }
