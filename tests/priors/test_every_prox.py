"""The proximal map of every prior with an explicit cost against a minimiser that shares no code with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cvxpy as cp
import pytest
import torch

import recon.priors  # noqa: F401  (defines the members)
from recon.operators import CapabilityError
from recon.priors import VariationalPrior
from recon.testing import members
from recon.testing.prior_laws import PriorCase
from recon.testing.priors import SHAPES
from recon.testing.samples import normal

from ..operators.functionals.convex_models import assert_minimises, matrix, model

TESTS = Path(__file__).parents[1]

ENUMERATED: dict[str, str] = {
    "DyadicPartition": "priors/test_dyadic_partition.py::test_prox_is_the_best_of_all_partitions",
    "Magnitude": "priors/test_magnitude.py::test_prox_is_the_best_complex_number_on_a_polar_grid",
}
"""Priors that are never convex, and the test that finds the global minimiser of each by enumeration or a grid."""

AUXILIARY = {"ICTV", "LowRankPlusSparse", "TGV"}
"""Priors whose cost is a minimum over further fields: they have no prox and refuse it."""

LONG = {"GraphLaplacianPrior"}
"""Priors of which the inner method takes long to get as far as that."""

PRIORS = [cls for cls in members(VariationalPrior) if cls.__name__ not in ENUMERATED]


def cases(cls: type[VariationalPrior]) -> Iterator[PriorCase]:
    """Those examples of a class that are convex, on images of the first shape that they take."""
    for prior in cls.examples():
        assert isinstance(prior, VariationalPrior)
        for shape in SHAPES:
            try:
                terms = prior.terms(shape)
            except ValueError:
                continue
            if all(term.functional.convex for term in terms):
                yield PriorCase(prior, shape, torch.device("cpu"))
            break


def test_every_prior_is_accounted_for() -> None:
    """A prior without a convex example has to be listed, with a test that knows its global minimisers."""
    names = {cls.__name__ for cls in members(VariationalPrior)}
    assert names >= {*ENUMERATED, *AUXILIARY, *LONG}
    for cls in members(VariationalPrior):
        if cls.__name__ not in ENUMERATED:
            found = list(cases(cls))
            assert found, f"{cls.__name__} shows no convex example."
            lifted = [bool(case.prior.auxiliary(case.shape)) for case in found]
            assert all(lifted) == any(lifted) == (cls.__name__ in AUXILIARY)
            continue
        assert not list(cases(cls)), f"{cls.__name__} is convex: it belongs to the priors tested here."
        file, test = ENUMERATED[cls.__name__].split("::")
        source = (TESTS / file).read_text()
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{file} has no {test}."
        assert cls.__name__ in source


@pytest.mark.parametrize("cls", [cls for cls in PRIORS if cls.__name__ not in LONG], ids=lambda cls: cls.__name__)
def test_prox_is_the_minimiser_of_an_independent_solver(cls: type[VariationalPrior]) -> None:
    """R(z) + ‖z − x‖²/2τ to 1e-8, exactly or by the inner method, whose gap bounds what is left."""
    for case in cases(cls):
        assert_prox_minimises(case, case.dtypes()[0], 0.4)


@pytest.mark.slow
@pytest.mark.parametrize("tau", [0.4, 2.0])
@pytest.mark.parametrize("cls", PRIORS, ids=lambda cls: cls.__name__)
def test_prox_of_real_and_complex_images_is_the_minimiser(cls: type[VariationalPrior], tau: float) -> None:
    for case in cases(cls):
        for dtype in case.dtypes():
            assert_prox_minimises(case, dtype, tau)


def assert_prox_minimises(case: PriorCase, dtype: torch.dtype, tau: float) -> None:
    x = normal((1, *case.shape), dtype, 3, case.device)
    if case.prior.auxiliary(case.shape):
        with pytest.raises(CapabilityError):
            case.prior.prox(x, tau, shape=case.shape)
        return
    found = case.prior.prox(x, tau, shape=case.shape, tol=1e-10, max_iter=40000)
    z = cp.Variable(x.numel(), complex=dtype.is_complex)
    cost, constraints = 0.0, []
    for term in case.terms():
        image = z if term.operator is None else matrix(term.operator, dtype.is_complex) @ z
        part, bounds = model(term.functional, image)
        cost, constraints = cost + part, [*constraints, *bounds]
    assert_minimises(found.x, z, cost, constraints, x, tau)
