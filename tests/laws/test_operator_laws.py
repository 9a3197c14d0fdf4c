"""Every operator of the rooms obeys the laws of operators."""

import pytest

import recon.operators
import recon.operators.bridges
from recon.operators import Functional, Operator
from recon.testing import check_functional, check_operator, members

OPERATORS = [cls for cls in members(Operator) if not issubclass(cls, Functional)]
FUNCTIONALS = list(members(Functional))

EXEMPT = {"OdlOperator": ("second_gradients",)}  # ODL's operators have no second derivatives, and say so


@pytest.mark.parametrize("cls", OPERATORS, ids=lambda cls: cls.__name__)
def test_operator(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for op in examples:
        assert isinstance(op, cls)
        check_operator(op, skip=EXEMPT.get(cls.__name__, ()))


@pytest.mark.parametrize("cls", FUNCTIONALS, ids=lambda cls: cls.__name__)
def test_functional(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for f in examples:
        assert isinstance(f, cls)
        check_functional(f)


def test_listed_operators_are_found():
    listed = {getattr(recon.operators, name) for name in recon.operators.__all__}
    components = {cls for cls in listed if isinstance(cls, type) and issubclass(cls, Operator)}
    concrete = {cls for cls in components if not getattr(cls, "__abstractmethods__", None)}
    assert concrete <= {*OPERATORS, *FUNCTIONALS}
