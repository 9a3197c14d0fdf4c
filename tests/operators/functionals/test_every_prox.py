"""The proximal map of every functional of the room against a minimiser that shares no code with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cvxpy as cp
import pytest
import torch

import recon.priors
import recon.solvers  # noqa: F401  (defines the members)
from recon.operators import Functional
from recon.testing import members
from recon.testing.functional_case import FunctionalCase
from recon.testing.samples import normal

from .convex_models import MODELS, assert_minimises, model

TESTS = Path(__file__).parents[2]

ENUMERATED: dict[str, str] = {
    "DyadicPieces": "priors/test_dyadic_partition.py::test_prox_is_the_best_of_all_partitions",
    "KSparse": "operators/functionals/test_sparse_penalties.py::test_l0_and_k_sparse_find_the_best_of_all_supports",
    "L0": "operators/functionals/test_sparse_penalties.py::test_l0_and_k_sparse_find_the_best_of_all_supports",
    "LiftedMagnitude": "priors/test_magnitude.py::test_prox_is_the_best_complex_number_on_a_polar_grid",
    "MCP": "operators/functionals/test_sparse_penalties.py::test_folded_concave_proximal_maps_are_global_minimisers",
    "SCAD": "operators/functionals/test_sparse_penalties.py::test_folded_concave_proximal_maps_are_global_minimisers",
    "StudentT": "operators/functionals/test_prox_minimisers.py::test_prox_of_sums_over_elements",
}
"""Classes that are not convex, and the test that finds the global minimiser of each by enumeration or a grid."""

NO_PROX = {"ConcavePart", "Correntropy"}
"""Classes that declare no prox."""

PROXIMABLE = [cls for cls in members(Functional) if cls.__name__ not in {*ENUMERATED, *NO_PROX}]


def one_item(cls: type[Functional]) -> Iterator[Functional]:
    """The examples of a class that are convex and have a prox, one item at a time."""
    for f in cls.examples():
        assert isinstance(f, Functional)
        if "prox" not in f.capabilities or not f.convex:
            continue
        batch = FunctionalCase(f, torch.device("cpu")).batch
        assert len(batch) <= 1
        for item in range(batch[0] if batch else 1):
            yield f.select(torch.tensor([item])) if batch else f


def test_every_class_is_accounted_for() -> None:
    """A class without a model of its own, or listed where it does not belong, fails here."""
    for cls in members(Functional):
        examples = list(cls.examples())
        proximable = any("prox" in f.capabilities for f in examples)
        assert proximable == (cls.__name__ not in NO_PROX), f"{cls.__name__} is not rightly listed in NO_PROX."
        if cls.__name__ in ENUMERATED:
            assert not any(f.convex for f in examples), f"{cls.__name__} is convex: give it a model."
            file, test = ENUMERATED[cls.__name__].split("::")
            source = (TESTS / file).read_text()
            assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{file} has no {test}."
            assert cls.__name__ in source or cls.__name__.removeprefix("Lifted") in source
        elif proximable:
            assert cls in MODELS, f"{cls.__name__} has a prox and no model in convex_models.py."
            assert list(one_item(cls)), f"{cls.__name__} shows no convex example with a prox."
    names = {cls.__name__ for cls in members(Functional)}
    assert names >= {*ENUMERATED, *NO_PROX}


@pytest.mark.parametrize("cls", PROXIMABLE, ids=lambda cls: cls.__name__)
def test_prox_is_the_minimiser_of_an_independent_solver(cls: type[Functional]) -> None:
    """p has the least value of f(z) + ‖z − x‖²/2τ to 1e-8, and lies near the other solver's, less exact, point."""
    for f in one_item(cls):
        for dtype in FunctionalCase(f, torch.device("cpu")).dtypes():
            for tau, scale in ((0.4, 1.0), (2.5, 2.0)):
                x = scale * normal((1, *f.domain_shape), dtype, 3, torch.device("cpu"))
                z = cp.Variable(x.numel(), complex=dtype.is_complex)
                assert_minimises(f.prox(x, tau), z, *model(f, z), x, tau)
