"""Choosing λ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from recon.priors.prior import VariationalPrior
from recon.solvers.auto import Auto
from recon.solvers.problem import Problem
from recon.solvers.result import Result
from recon.solvers.solver import Solver
from recon.solvers.tuning.criterion import Criterion
from recon.solvers.tuning.discrepancy_principle import DiscrepancyPrinciple
from recon.solvers.tuning.evidence import Evidence
from recon.solvers.tuning.gcv import GCV
from recon.solvers.tuning.l_curve import LCurve
from recon.solvers.tuning.search import run_all
from recon.solvers.tuning.sure import SURE
from recon.solvers.tuning.trials import Trials
from recon.solvers.tuning.which import chosen

Name = Literal["discrepancy", "evidence", "gcv", "l-curve", "sure"]
CRITERIA: Mapping[str, Callable[[], Criterion]] = {
    cls.name: cls for cls in (DiscrepancyPrinciple, Evidence, GCV, LCurve, SURE)
}
"""Criteria with settings of their own, by the names that ``tune`` and jobs (``lam: auto-gcv``) give them."""


@dataclass(frozen=True)
class Tuned:
    """Weights with the reconstructions they give.

    Attributes
    ----------
    lam
        λ per item, ``batch``, in double precision on the CPU.
    result
        The solver's, for these weights.
    path
        What was tried, ``(evaluations, *batch)`` each: ``"lam"``, ``"misfit"`` (‖(Ax − y)/σ‖²) and what the criterion
        measures; NaN where an item was finished.
    criterion
        Its name.
    met
        Per item whether λ is what the criterion asks for, rather than the end of the range or of the evaluations.
    sentence
        All of this in words.
    """

    lam: Tensor
    result: Result
    path: Mapping[str, Tensor]
    criterion: str
    met: Tensor
    sentence: str

    @property
    def evaluations(self) -> Tensor:
        """How many weights were tried, per item."""
        return (~self.path["lam"].isnan()).sum(0)


def tune(
    problem: Problem,
    criterion: Criterion | Name = "discrepancy",
    solver: Solver | None = None,
    *,
    which: int | None = None,
    start: float | Tensor | None = None,
    tol: float = 0.02,
    max_solves: int = 60,
    initial: Tensor | None = None,
    callback: Any = None,
) -> Tuned:
    """Find λ of the problem's prior, item by item, and solve with it.

    Items search on their own, and those that want a value next are solved together; each solve starts from the last
    solution of its item. The λ that the prior has is not used.

    Parameters
    ----------
    criterion
        A name, or for other settings than the usual ones a :class:`DiscrepancyPrinciple`, :class:`Evidence`,
        :class:`GCV`, :class:`LCurve`, :class:`SURE` or :class:`Oracle`.
    solver
        What solves for one λ; by default what :func:`choose` picks. Its tolerance limits what can be told of λ.
    which
        Which summand of a sum of priors to tune; that with a weight where there is only one.
    start
        The first λ; by default ‖A‖/σ, or what stands for 1/σ in other noise.
    tol
        Relative accuracy of λ (of its logarithm).
    max_solves
        Most weights tried for an item.
    initial
        Starting images, ``(*batch, *shape)``.
    callback
        Of the last solve, as of :func:`recon.solvers.iterate`.

    Errors: TypeError for priors without explicit cost; ValueError where it is open what to tune, or for settings that
    are no positive numbers; what the criterion refuses.
    """
    rule = criterion_of(criterion)
    if not tol > 0 or max_solves < 3:
        raise ValueError(f"tune expects tol > 0 and max_solves >= 3, got {tol!r} and {max_solves!r}.")
    number = chosen(problem.prior, which)
    flat = problem.flatten()
    rule.require(flat)
    loop = Auto().choice(flat).solver if solver is None else solver
    if initial is not None:
        initial = initial.to(dtype=problem.dtype, device=problem.data.device)
        initial = initial.expand(*problem.batch, *problem.shape).reshape(-1, *problem.shape)
    trials = Trials(flat, loop, number, initial)
    begin = trials.first_weight() if start is None else torch.as_tensor(start).double().cpu().expand(problem.batch)
    if not bool((begin > 0).all()):
        raise ValueError(f"tune expects start > 0, got {float(begin.min()):g}.")
    log: list[dict[str, Tensor]] = []

    def evaluate(items: list[int], points: list[float]) -> Sequence[Any]:
        lam = torch.tensor(points, dtype=torch.float64).exp()
        measured = rule.measure(trials, torch.tensor(items), lam)
        row: dict[str, Tensor] = {}
        for key, value in {"lam": lam, **measured}.items():
            row[key] = torch.full((len(flat.data),), torch.nan, dtype=torch.float64)
            row[key][items] = value.detach().to("cpu", torch.float64)
        log.append(row)
        return rule.values(measured, trials)

    searches = [rule.search(t, tol, max_solves) for t in begin.reshape(-1).log().tolist()]
    found = run_all(searches, evaluate)
    lam = torch.tensor([f.t for f in found], dtype=torch.float64).exp()
    met = torch.tensor([f.met for f in found])
    everything = torch.arange(len(flat.data))
    warm = trials.images if loop.warm_start and bool(trials.started.all()) else None
    result = loop.solve(trials.question(everything, lam), warm, callback=callback)
    path = {key: torch.stack([row[key] for row in log]).reshape(-1, *problem.batch) for key in (log[0] if log else {})}
    shaped = Result(
        result.image.reshape(*problem.batch, *problem.shape),
        result.reasons,
        result.iterations.reshape(problem.batch),
        {key: value if value.ndim < 2 else value.reshape(-1, *problem.batch) for key, value in result.history.items()},
        components={name: part.reshape(*problem.batch, *problem.shape) for name, part in result.components.items()},
    )
    sentence = _sentence(rule, trials, lam, met, log)
    return Tuned(lam.reshape(problem.batch), shaped, path, rule.name, met.reshape(problem.batch), sentence)


def criterion_of(criterion: Criterion | str) -> Criterion:
    """The criterion of a name, or the one given; ValueError or TypeError for anything else."""
    if isinstance(criterion, Criterion):
        return criterion
    if isinstance(criterion, str) and criterion in CRITERIA:
        return CRITERIA[criterion]()
    known = ", ".join(repr(name) for name in CRITERIA)
    said = f"tune expects a criterion such as DiscrepancyPrinciple() or one of {known}"
    if isinstance(criterion, str):
        raise ValueError(f"{said}, got {criterion!r}.")
    raise TypeError(f"{said}, got {type(criterion).__name__}.")


def _sentence(rule: Criterion, trials: Trials, lam: Tensor, met: Tensor, log: list[dict[str, Tensor]]) -> str:
    """What was found, of the only item or for the range of all."""
    if not len(lam):
        return "There are no items."
    prior = trials.problem.prior
    assert isinstance(prior, VariationalPrior)
    tried = sum(int((~row["lam"].isnan()).sum()) for row in log)
    missed = int((~met).sum())
    if len(lam) > 1:
        text = f"lam from {float(lam.min()):.4g} to {float(lam.max()):.4g} by {rule.name} for {len(lam)} items"
        text += f", {tried} weights tried"
        return text + (f"; {missed} of them at the end of the search." if missed else ".")
    last = min(log, key=lambda row: abs(float(row["lam"][0].log() - lam[0].log())))
    said = rule.sentence({key: float(value[0]) for key, value in last.items()}, trials)
    text = f"lam = {float(lam[0]):.4g} by {rule.name}: {said}; {tried} weights tried."
    if missed:
        last_one = f"{float(lam[0]):.4g}"
        text = f"no lam found by {rule.name} in {tried} tried; the last, {last_one}, stands in: {said}."
    return text
