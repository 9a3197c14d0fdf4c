"""SKROCK against the law of its discretisation, by Chebyshev polynomials of the curvature."""

import pytest
import torch
from numpy.polynomial import chebyshev
from torch import Tensor

from recon.solvers import SKROCK, ULA
from tests.solvers.sampling.audit import case, operators
from tests.solvers.sampling.chains.stationary import parts, stationary
from tests.solvers.sampling.chains.test_ula import predicted


def of_curvature(H: Tensor, stages: int, damping: float, delta: float) -> tuple[Tensor, Tensor]:
    """A and B of the docstring as matrices, from coefficients of the polynomials."""
    w0 = 1 + damping / stages**2
    T = chebyshev.Chebyshev.basis(stages)
    U = T.deriv() / stages  # U_{s-1}
    w1 = float(T(w0) / T.deriv()(w0))
    h, V = torch.linalg.eigh(H)
    p = -delta * h.numpy()
    A = torch.as_tensor(T(w0 + w1 * p) / T(w0))
    B = torch.as_tensor((1 + w1 * p / 2) * U(w0 + w1 * p) / U(w0))
    return V @ torch.diag(A) @ V.mT, V @ torch.diag(B) @ V.mT


@pytest.mark.parametrize(("name", "stages"), [("mask", 3), ("blur", 10), ("random", 15), ("ct", 2)])
def test_the_stationary_law_is_that_of_the_closed_form(name, stages) -> None:
    exact = case(operators(4)[name], sigma=0.3)
    solver = SKROCK(sigma=0.1, step_size=0.8, stages=stages)
    stable = (stages - 0.5) ** 2 * (2 - 4 / 3 * 0.05) - 1.5
    delta = 0.8 * stable / float(solver.curvature(exact.problem)[0])
    target, H = predicted(exact, 0.1, 0.09 * torch.eye(len(exact.A), dtype=torch.float64), 0.0)
    A, B = of_curvature(H, stages, 0.05, delta)
    T, c, Q = parts(solver, exact.problem)
    torch.testing.assert_close(T, A, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(Q, 2 * delta * B @ B.mT, rtol=1e-8, atol=1e-9)
    law = stationary(T, c, Q)
    assert float(torch.linalg.eigvalsh(A).abs().max()) < 1
    torch.testing.assert_close(law.mean, target.mean, rtol=1e-6, atol=1e-7)


def test_it_needs_far_fewer_calls_than_ula() -> None:
    """The slowest direction decays 5.8 times faster per call, at the same share of the stable step."""
    exact = case(operators(4)["mask"], sigma=0.05)
    rates = []
    for solver, calls in ((SKROCK(sigma=0.05, stages=15, step_size=0.5), 15), (ULA(sigma=0.05, step_size=0.5), 1)):
        T, _, _ = parts(solver, exact.problem)
        rates.append(-float(torch.linalg.eigvalsh((T + T.mT) / 2).abs().max().log()) / calls)
    assert rates[0] > 5 * rates[1]


def test_misuse_gets_one_sentence() -> None:
    with pytest.raises(ValueError, match="stages >= 2"):
        SKROCK(stages=1)
    with pytest.raises(ValueError, match="expects 0 < damping"):
        SKROCK(damping=0.0)
