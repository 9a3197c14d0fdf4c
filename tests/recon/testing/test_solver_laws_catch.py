"""Every law of solvers catches one that breaks it."""

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from recon.operators import Diagonal, GaussianNoise
from recon.priors import Tikhonov
from recon.solvers import MaxIter, Problem, Solver
from recon.testing import check_solver


class State(NamedTuple):
    x: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Descent(Solver):
    """A sound solver that the broken ones derive from: gradient descent on ½‖Ax − y‖²."""

    stop: object = MaxIter(40)
    measures = frozenset({"change", "objective"})

    def init(self, problem, initial=None):
        return State(problem.zeros() if initial is None else initial)

    def step(self, problem, state):
        return State(state.x - 0.3 * problem.operator.adjoint(problem.operator(state.x) - problem.data))

    def image(self, state):
        return state.x

    def measure(self, problem, state):
        return {"objective": problem.objective(state.x)}


class BatchStep(Descent):
    def step(self, problem, state):
        gradient = problem.operator.adjoint(problem.operator(state.x) - problem.data)
        return State(state.x - 0.3 * gradient / (1 + 1e-3 * gradient.norm()))


class SharedState(Descent):
    def step(self, problem, state):
        state.x.sub_(0.3 * problem.operator.adjoint(problem.operator(state.x) - problem.data))
        return State(state.x.clone())


class StartInPlace(Descent):
    def init(self, problem, initial=None):
        return State(problem.zeros() if initial is None else initial.mul_(2))


class ScalesData(Descent):
    def init(self, problem, initial=None):
        problem.data.mul_(0.5)
        return super().init(problem, initial)


class GlobalNoise(Descent):
    def init(self, problem, initial=None):
        return State(torch.randn_like(problem.zeros()))


class DoubleOnly(Descent):
    def image(self, state):
        return state.x.double()


class Unmeasured(Descent):
    measures = frozenset({"change", "gap"})


class WholeBatchMeasure(Descent):
    def measure(self, problem, state):
        return {"objective": problem.objective(state.x).sum()}


class Detached(Descent):
    def step(self, problem, state):
        return State(super().step(problem, state).x.detach())


class Explodes(Descent):
    def step(self, problem, state):
        return State(10 * super().step(problem, state).x + 1)


class CrossItemNaN(Descent):
    def step(self, problem, state):
        x = super().step(problem, state).x
        return State(x + 0 * x.sum())


COUNT = itertools.count()


class HiddenCount(Descent):
    def step(self, problem, state):
        return State(super().step(problem, state).x + 1e-9 * next(COUNT))


class WrongState(Descent):
    def init(self, problem, initial=None):
        return State(super().init(problem, initial).x.flatten(0, 1))

    def step(self, problem, state):
        return State(super().step(problem, State(state.x.unflatten(0, (-1, 4)))).x.flatten(0, 1))

    def image(self, state):
        return state.x.unflatten(0, (-1, 4))


def problem():
    generator = torch.Generator().manual_seed(0)
    weights = torch.linspace(0.5, 1.5, 12).reshape(4, 3)
    return Problem(Diagonal(weights), torch.randn((2, 4, 3), generator=generator), GaussianNoise(1.0), Tikhonov(0.1))


def test_the_sound_solver_obeys_all():
    report = check_solver(Descent(), problem())
    assert {result.law: result.outcome for result in report.results}["bad_item_contained"] == "passed"


@pytest.mark.parametrize(
    ("cls", "law"),
    [
        (BatchStep, "items_independent"),
        (BatchStep, "batch_layouts"),
        (SharedState, "states_unchanged"),
        (StartInPlace, "inputs_unchanged"),
        (ScalesData, "inputs_unchanged"),
        (GlobalNoise, "repeatable"),
        (HiddenCount, "states_unchanged"),
        (DoubleOnly, "precision_follows_data"),
        (Unmeasured, "measurements"),
        (WholeBatchMeasure, "measurements"),
        (Detached, "unrolled"),
        (Explodes, "solves"),
        (CrossItemNaN, "bad_item_contained"),
        (WrongState, "states_unchanged"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_broken_solver(cls, law):
    with pytest.raises(AssertionError, match=f"{law}: "):
        check_solver(cls(), problem(), only=(law,))


def test_one_item_becomes_three():
    one = problem().select(torch.tensor([0]))
    assert check_solver(Descent(), one, only=("items_independent",)).passed


def test_other_things_are_refused():
    with pytest.raises(TypeError, match=r"check_solver expects a solver of recon.solvers, got ABCMeta"):
        check_solver(Descent, problem())
