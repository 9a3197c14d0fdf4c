"""Every solver of the room obeys the laws of solvers."""

import pytest

import recon.solvers  # noqa: F401  (defines the members)
from recon.solvers import Solver
from recon.testing import check_solver, members

SOLVERS = members(Solver)


@pytest.mark.parametrize("cls", SOLVERS, ids=lambda cls: cls.__name__)
def test_solver(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for solver, problem in examples:
        assert isinstance(solver, cls)
        check_solver(solver, problem)


@pytest.mark.slow
@pytest.mark.parametrize("cls", SOLVERS, ids=lambda cls: cls.__name__)
def test_compiled_step(cls):
    for solver, problem in cls.examples():
        check_solver(solver, problem, only=("compiled",))
