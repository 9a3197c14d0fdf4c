"""First reconstructions that priors refer to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recon.config.errors import ConfigError
from recon.config.values import ArraySpec, Value, arrays
from recon.files import Item
from recon.operators.data_term import DataTerm
from recon.operators.noise import NoiseModel
from recon.operators.operator import Operator, Shape
from recon.priors.sum import SumPrior
from recon.run.arrays import reference_key
from recon.run.build import Surroundings, build
from recon.run.errors import ItemError
from recon.run.guess import problem_guess
from recon.run.imports import import_foreign
from recon.solvers import Problem, Reason, solve


@dataclass(frozen=True)
class Measured:
    """What is known of an item before its prior: rows of data, how they came about, and the device to compute on."""

    operator: Operator
    rows: Tensor
    lead: Shape
    noise: NoiseModel | None
    fidelity: DataTerm | None
    device: torch.device

    def problem(self, prior: Any = None) -> Problem:
        """The question that the rows pose with a prior."""
        return Problem(self.operator, self.rows.to(self.device), self.noise, prior, self.fidelity)


def with_references(item: Item, priors: Sequence[Value], measured: Measured) -> Item:
    """The item with every first reconstruction that its priors refer to, among its other arrays.

    ``first-guess`` is that of :func:`recon.run.guess.first_guess`; a prior and a solver in the place of an array are
    solved for, from the same data.

    Raises
    ------
    ConfigError
        If there is no first guess for the operator, or the prior or the solver cannot be used.
    ItemError
        If the first reconstruction fails.
    """
    made: dict[str, Tensor] = {}
    for spec in arrays(list(priors)):
        if spec.source in ("guess", "solve") and reference_key(spec) not in made:
            image = _guess(spec, measured) if spec.source == "guess" else _solution(spec, item, measured)
            made[reference_key(spec)] = image.reshape(*measured.lead, *measured.operator.domain_shape).cpu()
    return item.changed(aux=made) if made else item


def _guess(spec: ArraySpec, measured: Measured) -> Tensor:
    problem = measured.problem()
    guess = problem_guess(problem)
    if guess is None:
        raise ConfigError(spec.mark, f"there is no first guess for {problem.operator.name}; name a file or a prior.")
    return guess[0]


def _solution(spec: ArraySpec, item: Item, measured: Measured) -> Tensor:
    around = Surroundings(item, measured.operator.range_shape, measured.operator.domain_shape)
    parts = {key: import_foreign(value) for key, value in spec.value.items()}
    given = parts.get("prior")
    priors = [build(value, around) for value in given] if isinstance(given, list) else [build(given, around)]
    solver = build(parts["solver"], around) if parts.get("solver") is not None else None
    try:
        problem = measured.problem(SumPrior(*priors) if len(priors) > 1 else priors[0])
        result = solve(problem) if solver is None else solver.solve(problem)
    except (TypeError, ValueError) as error:
        raise ConfigError(spec.mark, " ".join(str(error).split())) from error
    if result.reason in (Reason.DIVERGED, Reason.INTERRUPTED):
        raise ItemError(f"the first reconstruction of {item.source} ended as {result.reason.value}.")
    return result.image
