"""Symmetric polynomial preconditioners against the eigenvalues of their definition."""

from __future__ import annotations

from itertools import combinations
from math import prod

import pytest
import torch
from torch import Tensor

from recon.solvers import cg, power_traces, symmetric_polynomial

VALUES = torch.cat(
    [torch.tensor([1000.0, 420.0, 160.0], dtype=torch.float64), torch.linspace(1, 13, 40, dtype=torch.float64)]
)


def operator(x: Tensor) -> Tensor:
    return VALUES.to(x) * x


def elementary(values: list[float], degree: int) -> float:
    return sum(prod(chosen) for chosen in combinations(values, degree))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_eigenvalues_are_elementary_symmetric_polynomials_of_the_others(degree: int) -> None:
    values = VALUES[:8].tolist()
    M = torch.tensor(values, dtype=torch.float64)
    traces = power_traces(lambda x: M * x, (8,), degree)
    assert traces == pytest.approx([float((M**k).sum()) for k in range(1, degree + 1)])
    P = symmetric_polynomial(lambda x: M * x, traces)(torch.ones(8, dtype=torch.float64))
    expected = torch.tensor([elementary(values[:i] + values[i + 1 :], degree) for i in range(8)], dtype=torch.float64)
    torch.testing.assert_close(P / P[-1], expected / expected[-1], rtol=1e-8, atol=0)


def test_condition_falls_as_large_eigenvalues_are_cut_off() -> None:
    """From 1000 to 388, 120 and 17 for degrees 1 to 3: what is left after the three large ones is 13."""
    values = torch.tensor([1000.0, 450.0, 165.0, 13.0, 5.0, 1.0], dtype=torch.float64)
    for degree, limit in ((1, 389), (2, 120), (3, 17)):
        traces = power_traces(lambda x: values * x, (6,), degree)
        product = values * symmetric_polynomial(lambda x: values * x, traces)(torch.ones_like(values))
        assert float(product.min()) > 0
        assert float(product.max() / product.min()) < limit


def test_conjugate_gradients_take_fewer_iterations() -> None:
    b = torch.randn((2, 43), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    P = symmetric_polynomial(operator, power_traces(operator, (43,), 3))
    found, fast = cg(operator, b, 1, rtol=1e-10, max_iter=200, preconditioner=P)
    _, slow = cg(operator, b, 1, rtol=1e-10, max_iter=200)
    torch.testing.assert_close(found, b / VALUES, rtol=1e-8, atol=1e-10)
    assert int(fast.iterations.max()) < int(slow.iterations.min())


def test_random_signs_estimate_the_traces() -> None:
    Q = torch.linalg.qr(torch.randn((43, 43), generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    M = Q @ torch.diag(VALUES) @ Q.T
    estimate = power_traces(lambda x: x @ M, (43,), 2, probes=400)
    assert estimate == pytest.approx([float(VALUES.sum()), float(VALUES.square().sum())], rel=0.2)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="positive traces, got"):
        symmetric_polynomial(operator, [])
    with pytest.raises(ValueError, match="traces of a positive definite M"):
        symmetric_polynomial(operator, [1.0, 2.0])
    with pytest.raises(ValueError, match="degree >= 1, got 0"):
        power_traces(operator, (43,), 0)
