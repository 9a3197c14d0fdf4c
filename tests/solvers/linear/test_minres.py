"""MINRES and preconditioned conjugate gradients against SciPy and dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg as sla
import torch
from torch import Tensor

from recon.solvers import cg, chebyshev, minres

generator = torch.Generator().manual_seed(0)
BASIS = torch.linalg.qr(torch.randn((12, 12), generator=generator, dtype=torch.float64))[0]
B = torch.randn((3, 12), generator=generator, dtype=torch.float64)


def _matrix(eigenvalues: Tensor) -> Tensor:
    return BASIS @ torch.diag(eigenvalues) @ BASIS.T


INDEFINITE = _matrix(torch.linspace(-2, 3, 12, dtype=torch.float64))


@pytest.mark.parametrize("k", [1, 2, 5, 9])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_iterates_are_those_of_scipy(k: int, preconditioned: bool) -> None:
    diagonal = torch.linspace(0.5, 2, 12, dtype=torch.float64)
    P = (lambda r: diagonal * r) if preconditioned else None
    found, info = minres(lambda x: x @ INDEFINITE, B, 1, rtol=0, max_iter=k, preconditioner=P)
    assert info.iterations.tolist() == [k, k, k]
    for item in range(3):
        M = np.diag(diagonal.numpy()) if preconditioned else None
        theirs, _ = sla.minres(INDEFINITE.numpy(), B[item].numpy(), rtol=1e-300, maxiter=k, M=M)
        np.testing.assert_allclose(found[item].numpy(), theirs, rtol=1e-10, atol=1e-10)


def test_solves_indefinite_systems_from_any_start() -> None:
    found, info = minres(lambda x: x @ INDEFINITE, B, 1, torch.ones_like(B), rtol=1e-13, max_iter=40)
    torch.testing.assert_close(found, torch.linalg.solve(INDEFINITE, B.T).T, rtol=1e-9, atol=1e-9)
    assert bool((info.residual < 1e-10).all())


def test_items_stop_by_themselves() -> None:
    """One eigenvector takes one iteration, a zero right-hand side none; what is reported is true."""
    b = torch.stack([BASIS[:, 3], torch.zeros(12, dtype=torch.float64), B[0]])
    found, info = minres(lambda x: x @ INDEFINITE, b, 1, rtol=1e-10, max_iter=50)
    assert info.iterations[:2].tolist() == [1, 0]
    assert 9 <= int(info.iterations[2]) <= 14
    true = (b - found @ INDEFINITE).norm(dim=1) / b.norm(dim=1).clamp(min=1e-300)
    torch.testing.assert_close(info.residual, true, rtol=0, atol=1e-10)
    alone, _ = minres(lambda x: x @ INDEFINITE, b[2], 1, rtol=1e-10, max_iter=50)
    torch.testing.assert_close(alone, found[2], rtol=1e-12, atol=1e-12)


def test_complex_hermitian_systems() -> None:
    Q = torch.linalg.qr(torch.randn((8, 8), generator=generator, dtype=torch.complex128))[0]
    M = Q @ torch.diag(torch.linspace(-1, 2, 8, dtype=torch.float64).to(torch.complex128)) @ Q.conj().T
    b = torch.randn((2, 8), generator=generator, dtype=torch.complex128)
    found, _ = minres(lambda x: x @ M.T, b, 1, rtol=1e-13, max_iter=40)
    torch.testing.assert_close(found, torch.linalg.solve(M, b.T).T, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("degree", [0, 1, 2, 5])
def test_chebyshev_has_the_condition_number_of_its_formula(degree: int) -> None:
    values = torch.linspace(1, 1000, 12, dtype=torch.float64)
    M = _matrix(values)
    p = chebyshev(lambda x: x @ M, 1.0, 1000.0, degree)
    product = p(M)
    found = torch.linalg.eigvals(product).real
    sigma = 1001 / 999
    epsilon = 1 / float(torch.cosh((degree + 1) * torch.acosh(torch.tensor(sigma, dtype=torch.float64))))
    assert float(found.max()) <= 1 + epsilon + 1e-9
    assert float(found.min()) >= 1 - epsilon - 1e-9
    assert float(found.max() / found.min()) <= (1 + epsilon) / (1 - epsilon) * (1 + 1e-9)
    torch.testing.assert_close(p(B) @ M, p(B @ M), rtol=1e-9, atol=1e-9)


def test_preconditioned_conjugate_gradients() -> None:
    """Fewer iterations to the same answer; the iterates are SciPy's."""
    values = torch.logspace(0, 4, 60, dtype=torch.float64)
    b = torch.randn((2, 60), generator=generator, dtype=torch.float64)
    P = chebyshev(lambda x: values * x, 1.0, 1e4, 6)
    plain, slow = cg(lambda x: values * x, b, 1, rtol=1e-10, max_iter=1000)
    found, fast = cg(lambda x: values * x, b, 1, rtol=1e-10, max_iter=1000, preconditioner=P)
    torch.testing.assert_close(found, b / values, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(plain, b / values, rtol=1e-8, atol=1e-10)
    assert int(fast.iterations.max()) < int(slow.iterations.min()) / 2
    diagonal = torch.linspace(0.5, 2, 60, dtype=torch.float64)
    mine, _ = cg(lambda x: values * x, b, 1, rtol=0, max_iter=7, preconditioner=lambda r: diagonal * r)
    theirs, _ = sla.cg(np.diag(values.numpy()), b[0].numpy(), rtol=0, maxiter=7, M=np.diag(diagonal.numpy()))
    np.testing.assert_allclose(mine[0].numpy(), theirs, rtol=1e-10, atol=1e-12)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="0 < low < high, got 2"):
        chebyshev(lambda x: x, 2.0, 1.0, 3)
    with pytest.raises(ValueError, match="degree >= 0, got -1"):
        chebyshev(lambda x: x, 1.0, 2.0, -1)
