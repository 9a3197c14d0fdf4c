"""Infimal convolution of first- and second-order total variation: optima of an independent solver, and its parts."""

from __future__ import annotations

from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, Identity
from recon.priors import ICTV, TGV
from recon.solvers import PDHG, Gap, MaxIter, Problem, solve

from .optima import Penalty, blurred, differences, lengths, optimum, reaches


def penalty(
    shape: tuple[int, ...], lam: float, ratio: float, spacing: tuple[float, ...] | None = None, complex_: bool = False
) -> Penalty:
    """λ min_v Σ|D(x − v)| + r h Σ|Hv|, second differences on pixels that have the neighbours."""
    n, index = int(np.prod(shape)), np.indices(shape).reshape(len(shape), -1)
    D = differences(shape, spacing)
    H = []
    for a in range(len(shape)):
        H.append(np.diag((index[a] < shape[a] - 2).astype(float)) @ D[a] @ D[a])
    for a, b in combinations(range(len(shape)), 2):
        both = (index[a] < shape[a] - 1) & (index[b] < shape[b] - 1)
        H.append(np.sqrt(2) * np.diag(both.astype(float)) @ D[a] @ D[b])
    h = min(spacing) if spacing else 1.0

    def cost(z: cp.Variable) -> cp.Expression:
        x, v = z[:n], z[n:]
        first = lengths([d @ (x - v) for d in D], complex_)
        second = lengths([d @ v for d in H], complex_)
        return lam * (cp.sum(first) + ratio * h * cp.sum(second))

    return cost


CASES = {
    "line": ((14,), {}, False),
    "image": ((7, 6), {}, False),
    "complex": ((6, 5), {}, True),
    "other pixels": ((5, 4), {"ratio": 1.2, "spacing": (1.0, 0.5)}, False),
    "volume": ((3, 3, 4), {}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_reaches_the_optimum_of_an_independent_solver(name: str) -> None:
    shape, settings, complex_ = CASES[name]
    problem = blurred(shape, ICTV(4.0, **settings), complex_)
    cost = penalty(shape, 4.0, settings.get("ratio", 2.0), settings.get("spacing"), complex_)
    reaches(problem, optimum(problem, cost, extra=1))


def test_lies_above_total_generalised_variation() -> None:
    """The field of TGV may be any, that of ICTV is a gradient: its minimum is no smaller; on a line they are equal."""
    for shape in ((12,), (5, 6)):
        y = blurred(shape, TGV()).data
        value = {}
        for prior in (TGV(4.0), ICTV(4.0)):
            problem = Problem(Identity(shape), y, GaussianNoise(0.2), prior)
            value[prior.name] = float(solve(problem, stop=MaxIter(20000) | Gap(1e-5)).last("objective"))
        assert value["ICTV"] >= value["TGV"] * (1 - 1e-5)
        if len(shape) == 1:
            assert value["ICTV"] == pytest.approx(value["TGV"], rel=2e-5)


def test_slopes_cost_nothing() -> None:
    y = torch.arange(6, dtype=torch.float64)[:, None] * 0.3 - torch.arange(5, dtype=torch.float64) * 0.1
    problem = Problem(Identity((6, 5)), y, GaussianNoise(0.1), ICTV(30.0))
    result = PDHG(stop=MaxIter(500), check_every=100).solve(problem)
    torch.testing.assert_close(result.image, y, atol=2e-3, rtol=0)


def test_cost_says_what_to_do_instead() -> None:
    with pytest.raises(CapabilityError, match="ICTV is a minimum over further fields"):
        ICTV().cost(torch.zeros(4, 4))
