"""Laws of solvers: whole results, independent items, no side effects."""

from __future__ import annotations

import dataclasses
import pickle
from math import prod

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.solvers.iterate import iterate
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.stopping import MaxIter
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import distance, norm, same
from recon.testing.solver_case import Fragile, SolverCase, fragile, record, tensors, with_item

AGREEMENT = 1e-8
"""Largest relative difference between runs that differ in rounding only."""


def solves(case: SolverCase) -> str:
    """The example's settings solve the example's problem, and the result is whole: images, reasons, history."""
    result = case.given_solver.solve(case.given)
    _whole(result, case.given)
    bad = set(result.reasons) & {Reason.DIVERGED, Reason.INTERRUPTED, Reason.TIME_LIMIT}
    assert not bad, f"an item ended as {min(bad)}: {min(bad).sentence}"
    return f"{result.reason.value} after {int(result.iterations.max())}"


def batch_layouts(case: SolverCase) -> str:
    """Data without a batch dimension, with one and with two, and an empty batch, are solved alike."""
    problem, solver = case.problem, case.short(5)
    if problem.noise is None:
        raise NotApplicable("a fidelity of its own prescribes the batch")
    together = solver.solve(problem)
    if problem.noise.select(torch.tensor([0])) is not problem.noise:
        raise NotApplicable("the noise has values per item")
    for batch in ((), (1,), (1, 1), (0,)):
        chosen, one = case.alone(0, solver)
        if batch == (0,) and hasattr(chosen, "streams"):
            chosen = dataclasses.replace(chosen, streams=())  # type: ignore[call-arg]
        data = one.data[:0] if batch == (0,) else one.data.reshape(*batch, *one.operator.range_shape)
        asked = Problem(one.operator, data, one.noise, one.prior)
        result = chosen.solve(asked)
        _whole(result, asked)
        if batch != (0,):
            error = distance(result.image.reshape(problem.shape), together.image[0]) / max(
                norm(together.image[0]), 1e-300
            )
            at_most(error, AGREEMENT, f"relative difference between batches {batch} and (3,)")
    return "batches (), (0,), (1,), (1, 1)"


def items_independent(case: SolverCase) -> str:
    """An item is solved the same alone and in a batch: image, reason and iterations."""
    together, worst = case.solver.solve(case.problem), 0.0
    for item in range(3):
        solver, problem = case.alone(item)
        alone = solver.solve(problem)
        worst = largest(worst, distance(alone.image[0], together.image[item]) / max(norm(together.image[item]), 1e-300))
        at_most(worst, AGREEMENT, f"relative difference of item {item} between alone and in a batch")
        assert alone.reasons[0] == together.reasons[item], (
            f"item {item} ended as {alone.reasons[0]} alone and as {together.reasons[item]} in a batch."
        )
        counts = int(alone.iterations[0]), int(together.iterations[item])
        assert counts[0] == counts[1], f"item {item} took {counts[0]} iterations alone and {counts[1]} in a batch."
    return at_most(worst, AGREEMENT, "relative difference between alone and in a batch")


def bad_item_contained(case: SolverCase) -> str:
    """An item with data 1e200 times too large, or whose operator answers NaN, does not touch the others."""
    problem = case.problem
    outcomes = []
    for name in ("huge", "NaN"):
        try:
            whole = problem if name == "huge" else fragile(problem)
            asked = with_item(whole, 1, problem.data[1] * (1e200 if name == "huge" else 1e12))
            case.solver.require(asked)
        except (NotApplicable, CapabilityError, TypeError, ValueError):
            continue
        wanted, result = case.solver.solve(whole), case.solver.solve(asked)
        for item in (0, 2):
            error = distance(result.image[item], wanted.image[item]) / max(norm(wanted.image[item]), 1e-300)
            at_most(error, AGREEMENT, f"relative change of item {item} next to one of {name} numbers")
            assert result.reasons[item] == wanted.reasons[item], (
                f"item {item} ended as {result.reasons[item]} next to one of {name} numbers."
            )
        if isinstance(whole.operator, Fragile) and whole.operator.failed:
            assert result.reasons[1] == Reason.DIVERGED, f"an item that met NaN ended as {result.reasons[1]}."
        outcomes.append(f"{name}: {result.reasons[1].value}")
    if not outcomes:
        raise NotApplicable("the solver or the problem refuses bad items")
    return ", ".join(outcomes)


def precision_follows_data(case: SolverCase) -> str:
    """Single-precision data give single-precision images, double-precision data double-precision images."""
    for dtype in (torch.float32, torch.float64):
        problem = case.problem.to(dtype=dtype)
        image = case.short(2).solve(problem).image
        assert image.dtype == problem.dtype, f"data of {problem.data.dtype} gave an image of {image.dtype}."
    return "single and double"


def inputs_unchanged(case: SolverCase) -> str:
    """Neither the data nor the starting images are changed."""
    problem, initial = case.problem, case.initial()
    data, start = problem.data.clone(), initial.clone()
    case.short(3).solve(problem, initial)
    assert same(problem.data, data), "the solver changed the data in place."
    assert same(initial, start), "the solver changed the starting images in place."
    return "as they were"


def states_unchanged(case: SolverCase) -> str:
    """A step leaves the old state as it was, and from one state follows one next state."""
    old = case.states(2)
    for start in (old[0], old[-1]):
        before = [t.clone() for t in tensors(start)]
        with torch.no_grad():
            first, second = (case.solver.step(case.problem, start) for _ in range(2))
        assert all(same(a, b) for a, b in zip(before, tensors(start), strict=True)), (
            "a step changed the old state in place."
        )
        assert all(same(a, b) for a, b in zip(tensors(first), tensors(second), strict=True)), (
            "two steps from one state differ."
        )
    for tensor in tensors(old[0]):
        assert tensor.shape[:1] == (3,), f"a state holds a tensor {tuple(tensor.shape)}, expected 3 items first."
    return "old states as they were"


def repeatable(case: SolverCase) -> str:
    """Two runs are identical, bit for bit, and draw nothing from torch's global generator."""
    state = torch.random.get_rng_state()
    first, second = (record(case.solver.solve(case.problem)) for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state()), "the solver drew from torch's global generator."
    for key, value in first.items():
        assert same(value, second[key]), f"two runs differ in {key}."
    return "bit for bit"


def pickling(case: SolverCase) -> str:
    """Settings are frozen and equal after pickling; so are the results they give."""
    solver = case.short(3)
    copied = pickle.loads(pickle.dumps(solver))
    assert copied == solver, f"the settings {solver!r} became {copied!r} by pickling."
    result = solver.solve(case.problem)
    for other in (copied.solve(case.problem), pickle.loads(pickle.dumps(result))):
        assert other.reasons == result.reasons, "reasons differ after pickling."
        assert all(same(value, record(other)[key]) for key, value in record(result).items()), (
            "results differ after pickling."
        )
    for field in dataclasses.fields(solver):
        assert not isinstance(getattr(solver, field.name), Tensor), f"the setting {field.name} is a tensor."
    try:
        solver.check_every = 3  # type: ignore[misc]
    except dataclasses.FrozenInstanceError:
        return "settings and results"
    raise AssertionError("settings can be changed after construction.")


def interruption(case: SolverCase) -> str:
    """An interrupt keeps the latest iterates and says so."""

    def interrupt(iteration: int, _: object) -> None:
        if iteration == 2:
            raise KeyboardInterrupt

    result = iterate(case.solver, case.problem, callback=interrupt)
    if int(result.iterations.max()) < 2:
        raise NotApplicable("the solver takes fewer than two iterations")
    wanted = case.solver.image(case.states(2)[-1])
    running = [i for i, reason in enumerate(result.reasons) if reason == Reason.INTERRUPTED]
    assert running, "no item is marked as interrupted."
    for item in running:
        at_most(distance(result.image[item], wanted[item]), 0.0, f"distance of item {item} from its second iterate")
    return f"{len(running)} of 3 items at iteration 2"


def measurements(case: SolverCase) -> str:
    """What the solver says it measures it measures, one number per item; and it stops where it is told to."""
    solver, problem = case.solver, case.problem
    with torch.no_grad():
        measured = solver.measure(problem, case.states(1)[-1])
    missing = sorted(solver.measures - measured.keys() - {"change"})
    assert not missing, f"{missing[0]} is declared in measures but not measured."
    for key, value in measured.items():
        assert tuple(value.shape) == (3,), f"{key} has shape {tuple(value.shape)}, expected one number per item, (3,)."
    if not solver.schedule:
        none = dataclasses.replace(solver, stop=MaxIter(0)).solve(problem)
        assert none.iterations.tolist() == [0, 0, 0], f"MaxIter(0) ran {none.iterations.tolist()} iterations."
        some = case.short(3).solve(problem)
        assert some.iterations.tolist() == [3, 3, 3], f"MaxIter(3) ran {some.iterations.tolist()} iterations."
    return ", ".join(sorted(measured)) or "change only"


def _whole(result: Result, problem: Problem) -> None:
    batch, count = problem.batch, prod(problem.batch)
    assert tuple(result.image.shape) == (*batch, *problem.shape), (
        f"the image has shape {tuple(result.image.shape)}, expected {(*batch, *problem.shape)}."
    )
    assert result.image.dtype == problem.dtype, f"the image is {result.image.dtype}, expected {problem.dtype}."
    assert len(result.reasons) == count, f"there are {len(result.reasons)} reasons for {count} items."
    assert tuple(result.iterations.shape) == batch, f"iterations have shape {tuple(result.iterations.shape)}."
    assert bool(torch.isfinite(result.image.abs()).all()), "an image is not finite."
    records = len(result.history["iteration"])
    for key, value in result.history.items():
        wanted = (records,) if key in ("iteration", "seconds") else (records, *batch)
        assert tuple(value.shape) == wanted, f"history {key!r} has shape {tuple(value.shape)}, expected {wanted}."


SOLVER_LAWS: tuple[Law, ...] = (
    solves,
    batch_layouts,
    items_independent,
    bad_item_contained,
    precision_follows_data,
    inputs_unchanged,
    states_unchanged,
    repeatable,
    pickling,
    interruption,
    measurements,
)
