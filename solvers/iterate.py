"""The one loop that runs every solver."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from operator import le
from typing import Any

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.priors.learned.joint import JointPrior
from recon.priors.prior import VariationalPrior
from recon.solvers.discrepancy import discrepancy, reach
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Progress

Callback = Callable[[int, Mapping[str, Tensor]], None]

GROWTH = 1e8
"""An iterate this many times larger than the first one has diverged."""
MOST = sys.float_info.max


def iterate(
    solver: Solver,
    problem: Problem,
    initial: Tensor | None = None,
    *,
    truth: Tensor | None = None,
    callback: Callback | None = None,
    compile: bool = False,
) -> Result:
    """Run ``solver`` on ``problem`` until its rule stops every item.

    Items are independent: one that has converged or diverged leaves the batch, costs nothing more and keeps the iterate
    it stopped at. An iterate that is not finite, or 1e8 times larger than the first, is divergence; the last good
    iterate is kept. On the CPU that is noticed at once, elsewhere when the solver next measures, so that no iteration
    waits for the device. An interrupt (Ctrl-C) ends the loop and keeps the latest iterates.

    Parameters
    ----------
    initial
        Starting images, ``(*batch, *shape)``; each solver has its own default.
    truth
        Images to compare with, which broadcast to ``(*batch, *shape)``: records then have ``mse``, the mean of
        |x − truth|², too. Nothing else depends on them.
    callback
        Called as ``callback(iteration, measurements)`` after every iteration; measurements are empty where none were
        taken and otherwise hold one value per item still running.
    compile
        Run the step through ``torch.compile``.
    """
    if not isinstance(problem, Problem):
        raise TypeError(f"{solver.name} solves a Problem, got {type(problem).__name__}.")
    solver = solver.settled(problem)
    batch, shape = problem.batch, problem.shape
    flat = problem.flatten()
    if "relative_gap" in solver.stop.needs and not flat.convex:
        raise CapabilityError(
            f"the rule {solver.stop!r} needs a duality gap, which only convex problems have; this one is not: stop by "
            "RelChange, Residuals or MaxIter."
        )
    if initial is not None:
        problem.operator.check(initial, shape)
        if initial.is_complex() and not flat.dtype.is_complex:
            raise TypeError(f"the images of this problem are {flat.dtype}, got a complex initial image.")
        if not bool(torch.isfinite(initial.abs()).all()):
            raise ValueError("the initial image must be finite, got NaN or infinity.")
        initial = initial.to(dtype=flat.dtype, device=flat.data.device).expand(*batch, *shape).reshape(-1, *shape)
        initial = flat.lift(initial)
    if truth is not None:
        problem.operator.check(truth, shape)
        truth = truth.to(flat.data.device).expand(*batch, *shape).reshape(-1, *shape)
    question, flat = flat, flat.lifted
    solver.require(flat)
    if problem.dtype in (torch.float16, torch.bfloat16, torch.complex32):
        raise TypeError(
            f"solvers work in single or double precision, got {problem.dtype}; use problem.to(dtype=torch.float32)."
        )
    step = torch.compile(solver.step) if compile else solver.step
    with torch.no_grad():
        run = _Run(solver, flat, solver.init(flat, initial), question, truth)
        try:
            while run.active.numel():
                run.advance(step, callback)
        except KeyboardInterrupt:
            run.finish(torch.ones(run.active.numel(), dtype=torch.bool), Reason.INTERRUPTED)
        return run.result(batch)


class _Run:
    """One run of the loop: the states of the active items and the records of all."""

    def __init__(
        self, solver: Solver, problem: Problem, state: Any, question: Problem, truth: Tensor | None = None
    ) -> None:
        self.solver, self.problem, self.state, self.question = solver, problem, state, question
        self.truth = truth
        self.start = time.perf_counter()
        count = problem.data.shape[0]
        self.images = solver.image(state).clone()
        self.count, self.iteration = count, 0
        self.active = torch.arange(count)
        self.reasons = [Reason.COMPLETED] * count
        self.iterations = torch.zeros(count, dtype=torch.long)
        self.records: list[tuple[int, float, dict[str, Tensor]]] = []
        self.reference: Tensor | None = None
        self.limits: list[float] | None = None
        self.sound = state
        self.reach = reach(problem) if count and "discrepancy" in solver.stop.needs else None
        if count and solver.stop.max_iter == 0:
            self.finish(torch.ones(count, dtype=torch.bool), Reason.MAX_ITER)

    def advance(self, step: Callable[[Problem, Any], Any], callback: Callback | None) -> None:
        """One iteration of all active items."""
        solver, before = self.solver, self.state
        self.state = step(self.problem, before)
        self.iteration += 1
        image = solver.image(self.state)
        ndim = image.ndim - 1
        if self.reference is None:
            self.reference = torch.maximum(item_norm(image, ndim), item_norm(solver.image(before), ndim))
        due = self.iteration % solver.check_every == 0 or self.iteration >= solver.stop.max_iter
        if due or image.device.type == "cpu":
            if self.limits is None:
                firsts = self.reference.tolist()
                self.limits = [GROWTH * first if 0 < first < MOST / GROWTH else MOST for first in firsts]
            norm = item_norm(image, ndim)
            sizes = norm.tolist()  # numbers: cheaper than tensors so small
            if not all(map(le, sizes, self.limits)):
                good = torch.tensor(list(map(le, sizes, self.limits)))
                self._keep(self.sound, ~good)
                self.finish(~good, Reason.DIVERGED, keep=False)
                before = select_state(before, good.nonzero().squeeze(-1))
                if not self.active.numel():
                    return
                image, norm = solver.image(self.state), norm[good.to(norm.device)]
            self.sound = self.state

        measured: dict[str, Tensor] = {}
        if due:
            change = item_norm(image - solver.image(before), ndim) / torch.where(norm == 0, 1, norm)
            measured = {"change": change, **solver.measure(self.problem, self.state)}
            if self.reach is not None:
                measured["discrepancy"] = discrepancy(self.problem, image, self.reach)
            if self.truth is not None:
                found, true = self.question.unlift(image), self.truth[self.active.to(self.truth.device)]
                error = found - true.reshape(len(true), *(1,) * (found.ndim - true.ndim), *true.shape[1:])
                measured["mse"] = item_norm(error, error.ndim - 1).square() / error[0].numel()
        seconds = time.perf_counter() - self.start
        if due:
            self._record(seconds, measured)
        if callback is not None:
            callback(self.iteration, measured)
        if isinstance(solver.stop, MaxIter) and self.iteration < solver.stop.n:
            return  # as it would say
        verdict = solver.stop(Progress(self.iteration, seconds, measured, self.active.numel()))
        if bool(verdict.stop.any()):
            self.finish(verdict.stop & verdict.converged, Reason.CONVERGED)
            self.finish(verdict.stop[~(verdict.stop & verdict.converged)], self._limit())

    def _limit(self) -> Reason:
        if self.iteration < self.solver.stop.max_iter:
            return Reason.TIME_LIMIT
        return Reason.COMPLETED if self.solver.schedule else Reason.MAX_ITER

    def finish(self, done: Tensor, reason: Reason, keep: bool = True) -> None:
        """Take the active items marked in ``done`` out of the run."""
        if not bool(done.any()):
            return
        if keep:
            self._keep(self.state, done)
        for item in self.active[done].tolist():
            self.reasons[item], self.iterations[item] = reason, self.iteration
        rest = (~done).nonzero().squeeze(-1)
        self.active = self.active[rest]
        if rest.numel():
            self.problem = self.problem.select(rest)
            self.state = select_state(self.state, rest)
            self.sound = select_state(self.sound, rest)
            if self.reference is not None:
                self.reference, self.limits = self.reference[rest.to(self.reference.device)], None

    def _keep(self, state: Any, items: Tensor) -> None:
        chosen = items.nonzero().squeeze(-1)
        image = self.solver.image(state)
        self.images[self.active[chosen].to(image.device)] = image[chosen.to(image.device)]

    def _record(self, seconds: float, measured: Mapping[str, Tensor]) -> None:
        full = {}
        for key, value in measured.items():
            row = torch.full((self.count,), torch.nan, dtype=torch.float64)
            row[self.active] = value.detach().to("cpu", torch.float64)
            full[key] = row
        self.records.append((self.iteration, seconds, full))

    def result(self, batch: tuple[int, ...]) -> Result:
        """Everything, in the caller's batch layout."""
        keys = sorted({key for *_, measured in self.records for key in measured})
        missing = torch.full((self.count,), torch.nan, dtype=torch.float64)
        history = {
            key: torch.stack([measured.get(key, missing) for *_, measured in self.records]).reshape(-1, *batch)
            for key in keys
        }
        history["iteration"] = torch.tensor([i for i, *_ in self.records], dtype=torch.long)
        history["seconds"] = torch.tensor([s for _, s, _ in self.records], dtype=torch.float64)
        image = self.question.unlift(self.images)
        return Result(
            image=image.reshape(*batch, *image.shape[1:]),
            reasons=tuple(self.reasons),
            iterations=self.iterations.reshape(batch),
            history=history,
            components={
                name: part.reshape(*batch, *part.shape[1:])
                for name, part in _components(self.question, self.images).items()
            },
        )


def _components(question: Problem, stacks: Tensor) -> Mapping[str, Tensor]:
    """The parts of the images sought that the prior tells apart, or the noise that was drawn; none for most."""
    if question.lifted is not question and isinstance(question.lifted.prior, JointPrior):
        return {"noise": question.lifted.prior.split(stacks)[1]}
    if not isinstance(question.prior, VariationalPrior) or question.lifted is question:
        return {}
    return question.prior.components(question.unlift(stacks), stacks[:, 1:], question.shape)


def select_state(state: Any, items: Tensor) -> Any:
    """The part of a state that belongs to the chosen items."""
    if isinstance(state, Tensor):
        return state[items.to(state.device)]
    if isinstance(state, tuple):
        parts = [select_state(part, items) for part in state]
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    return state
