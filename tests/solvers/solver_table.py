"""Every solver on every problem of :mod:`problem_table` that it takes, against the optimum.

``python -m tests.solvers.solver_table`` measures the whole table and writes it to docs/solver_table.md.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import recon.solvers  # noqa: F401  (defines the members)
from recon.operators import CapabilityError
from recon.solvers import IRLS, PDHG, Auto, Problem, Sampler, Solver
from recon.solvers.optimisation.saddle import split
from recon.testing import members

from .problem_table import QUESTIONS, SCALES, known
from .questions import Known

TOL = 1e-6
ROUNDING = 1e-9
REFERENCE = 3e-8
BUDGET = 20000
PATIENCE = 20.0

DENOISING = "needs a denoiser, whose cost is not known"
LEFT_OUT: dict[str, str] = {
    **dict.fromkeys((cls.__name__ for cls in members(Sampler)), "draws samples"),
    "FBP": "a formula that minimises no objective",
    "ZeroFilled": "a formula that minimises no objective",
    "PseudoInverse": "a formula that takes no account of the noise",
    **dict.fromkeys(("PnPADMM", "PnPDRS", "PnPFISTA", "PnPHQS", "PnPPDHG", "PnPPGD", "RED"), DENOISING),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "GaussNewton": {"inner_tol": 1e-5, "inner_iter": 300},
    "IRLS": {"smoothing": 1e-4, "inner_tol": 1e-4, "inner_iter": 500},
    "OSEM": {"subsets": 1},
    "OSSART": {"subsets": 1},
}
VARIANTS: dict[str, Solver] = {
    "PDHG, diagonal": PDHG(preconditioner="diagonal"),
    "PDHG, primal": PDHG(data_term="primal"),
    "PDHG, accelerated": PDHG(steps="accelerated"),
}
MINUTES = {("GaussNewton", question) for question in ("infimal convolution", "TGV", "MRI, TGV")}
"""Pairs that take minutes: proximal steps inside the steps, on stacks of images, by an inner method."""

BY_ROWS = {"OSSART", "SIRT"}
"""Solvers whose squares count by inverse row sums."""


def solvers() -> dict[str, Solver]:
    """All solvers of the room that minimise an objective, in alphabetical order, and some of their variants."""
    classes = [cls for cls in members(Solver) if cls.__name__ not in LEFT_OUT]
    found = {cls.__name__: cls(**SETTINGS.get(cls.__name__, {})) for cls in classes}
    return dict(sorted({**found, **VARIANTS}.items()))


def refusal(solver: Solver, problem: Problem) -> str | None:
    """The sentence with which a solver refuses a problem, None if it takes it."""
    asked = problem.flatten().lifted
    try:
        solver.require(asked)
    except CapabilityError as error:
        return str(error)
    if isinstance(solver, Auto) and (chosen := solver.settled(asked).name) in LEFT_OUT:
        return f"Auto takes {chosen}, {LEFT_OUT[chosen]}."
    return None


@dataclass(frozen=True)
class Outcome:
    """What one solver made of one problem.

    Attributes
    ----------
    reached
        The record from which on all items are within ``TOL`` of their optima; None if none.
    proven
        The first record at which all items' gaps prove that; None if none does.
    certified
        Whether a gap was measured at all.
    excess
        The last (objective − optimum)/optimum of the worst item.
    below
        The least of that at any record and item.
    breach
        By how much the gap lay below the true suboptimality at worst, over the optimum; below 0 where it never did.
    iterations, seconds
        How many there were, and processor time.
    """

    reached: int | None
    proven: int | None
    certified: bool
    excess: float
    below: float
    breach: float
    iterations: int
    seconds: float

    @property
    def faults(self) -> list[str]:
        """What is wrong with it, in words."""
        found = []
        if self.reached is None:
            found.append(f"{self.excess:.1e} above the optimum after {self.iterations} iterations")
        if self.breach > ROUNDING:
            found.append(f"a gap {self.breach:.1e} below the suboptimality")
        if self.below < -REFERENCE:
            found.append(f"an objective {-self.below:.1e} below the optimum")
        return found

    @property
    def cell(self) -> str:
        """For the table."""
        if self.reached is None:
            return f"> {self.iterations}"
        return f"{self.reached} / {self.proven or '∞'}" if self.certified else str(self.reached)


def allowance(solver: Solver, problem: Problem) -> Tensor | float:
    """By how much an objective may stay above the optimum by a solver's own account: IRLS smooths what has a kink."""
    if not isinstance(solver, IRLS):
        return 0.0
    total = torch.zeros(len(problem.data), dtype=torch.float64)
    for block in split(problem).blocks:
        f = block.functional
        if f.lipschitz() is None:
            centre = getattr(f, "data", None)
            ones = torch.ones(len(total), *f.domain_shape, dtype=total.dtype)
            total = total + f(solver.smoothing * ones + (0 if centre is None else centre))
    return total


def run(
    solver: Solver, asked: Known, judged: Known | None = None, budget: int = BUDGET, seconds: float = PATIENCE
) -> Outcome:
    """Iterate until the optimum is reached and proven, or for four times as long as it took to reach it.

    ``judged`` is the problem whose objective counts, if it is not the one that the solver was given.
    """
    problem, start = asked.problem.flatten().lifted, time.process_time()
    judge = problem if judged is None else judged.problem.flatten().lifted
    optima = (asked if judged is None else judged).optima.reshape(-1)
    tolerance = TOL * optima + allowance(solver, problem)
    breach, below = -float("inf"), float("inf")
    reached: int | None = None
    proven: int | None = None
    due, excess, certified = 1, torch.full_like(optima, torch.inf), False
    with torch.no_grad():
        state = solver.init(problem)
        for k in range(1, budget + 1):
            state = solver.step(problem, state)
            if k < due and k < budget:
                continue
            due = max(k + 1, int(1.25 * k))
            measured = solver.measure(problem, state)
            excess = (judge.objective(solver.image(state)) - optima) / optima
            below = min(below, float(excess.min()))
            gap = measured.get("gap")
            if gap is not None and not bool(gap.isnan().all()):
                certified = True
                finite = torch.isfinite(gap)
                breach = max(breach, float(torch.where(finite, excess - gap / optima, -torch.inf).max()))
                if proven is None and bool((gap <= TOL * optima).all()):
                    proven = k
            near = bool((excess * optima <= tolerance).all())
            reached = (reached or k) if near else None
            if reached is not None and (proven is not None or not certified or k >= 4 * reached + 20):
                break
            if time.process_time() - start > seconds:
                break
    spent = time.process_time() - start
    return Outcome(reached, proven, certified, float(excess.max()), below, breach, k, spent)


def meet(solver: str, question: str, scale: float) -> Outcome | str:
    """What a solver makes of a problem, or the sentence with which it refuses it."""
    asked, method = known(question, scale), solvers()[solver]
    refused = refusal(method, asked.problem)
    if refused is not None:
        return refused
    return run(method, asked, known(question, scale, True) if solver in BY_ROWS else None)


HEAD = """# Solvers against optima

Iterations to a relative objective error of 1e-6, measured against Clarabel's optimum of problems of about 64 unknowns
(tests/solvers/problem_table.py), and after the stroke those at which the duality gap proved it; ∞ where no bound is
known or none proved it in four times as many iterations. A single number belongs to a solver that measures no gap, "–"
to one that refuses the problem. "…" was left out because a step takes minutes, and "> n" ran {patience:g} s of
processor time without getting there. Records were taken at iterations that grow by a quarter; at none of them was the
gap smaller than the true suboptimality.

An iteration of ADMM, GaussNewton and IRLS holds inner iterations, and so does one of FISTA, GhadimiLan and
ProximalGradient where the prior's prox has no closed form. IRLS counts to within what its smoothing allows, SIRT and
OSSART in squares weighed by inverse row sums, OSSART and OSEM with one subset.
"""


def markdown(scale: float) -> str:
    """The table at one ‖K‖, general solvers as columns, special ones in a list."""
    columns = list(solvers())
    cells: dict[tuple[str, str], str] = {}
    for question in QUESTIONS:
        for name in columns:
            outcome = "" if (name, question) in MINUTES else meet(name, question, scale)
            cells[question, name] = ("–" if outcome else "…") if isinstance(outcome, str) else outcome.cell
            print(question, name, cells[question, name], file=sys.stderr, flush=True)
    return layout(columns, cells)


def layout(columns: list[str], cells: dict[tuple[str, str], str]) -> str:
    """Cells as Markdown."""
    taken = {name: [q for q in QUESTIONS if cells[q, name] != "–"] for name in columns}
    general = [name for name in columns if len(taken[name]) >= 10]
    rows = [f"| problem | {' | '.join(general)} |", f"|---|{'---|' * len(general)}"]
    rows += [f"| {q} | {' | '.join(cells[q, name] for name in general)} |" for q in QUESTIONS]
    special = ["", "| solver | problems that it takes |", "|---|---|"]
    for name in columns:
        if name not in general:
            found = "; ".join(f"{q}: {cells[q, name]}" for q in taken[name])
            special.append(f"| {name} | {found} |")
    left = ["", "Left out: " + "; ".join(f"`{name}` ({why})" for name, why in LEFT_OUT.items()) + "."]
    return "\n".join([*rows, *special, *left]) + "\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    text = HEAD.format(patience=PATIENCE)
    for norm in SCALES:
        text += f"\n## ‖K‖ ≈ {norm:g}\n\n{markdown(norm)}"
    text += f"\nMeasured on {date.today()} by `python -m tests.solvers.solver_table`.\n"
    Path("docs/solver_table.md").write_text(text)
