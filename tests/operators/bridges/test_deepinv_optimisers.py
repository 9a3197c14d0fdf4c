"""deepinv's optimisers on our operators and our solvers on deepinv's physics reach one and the same optimum."""

import pytest
import torch

from recon.operators import L1, GaussianBlur, GaussianNoise, from_deepinv, to_deepinv
from recon.priors import Term, Tikhonov, VariationalPrior
from recon.solvers import ADMM, FISTA, PDHG, MaxIter, Problem

optim = pytest.importorskip("deepinv.optim")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

LAM = 0.05


class Lasso(VariationalPrior):
    """R(x) = λ Σ|x|."""

    def unit_terms(self, shape):
        return (Term(L1(shape)),)


@pytest.fixture
def problem():
    generator = torch.Generator().manual_seed(0)
    op = GaussianBlur(0.6, (8, 9))
    clean = torch.relu(torch.randn((2, 8, 9), generator=generator, dtype=torch.float64))
    return op, GaussianNoise(0.05).sample(op(clean), generator)


def _deepinv(cls, physics, y, prior, **options):
    step = 0.9 / float(physics.compute_sqnorm(y))
    model = cls(
        data_fidelity=optim.L2(), prior=prior, lambda_reg=LAM, stepsize=step, max_iter=3000, early_stop=True,
        thres_conv=1e-12, crit_conv="residual", **options,
    )  # fmt: skip
    return model(y, physics)[:, 0]


@pytest.mark.parametrize("name", ["PGD", "FISTA"])
def test_tikhonov(problem, name):
    op, data = problem
    exact = op.solve_normal(op.adjoint(data), LAM)
    theirs = _deepinv(getattr(optim, name), to_deepinv(op), data[:, None], optim.prior.Tikhonov())
    assert float((theirs - exact).norm() / exact.norm()) < 1e-6
    bridged = from_deepinv(to_deepinv(op), op.domain_shape)
    result = FISTA(stop=MaxIter(500)).solve(Problem(bridged, data, prior=Tikhonov(LAM)))
    assert float((result.image - exact).norm() / exact.norm()) < 1e-6


@pytest.mark.parametrize("name", ["PGD", "FISTA"])
def test_lasso(problem, name):
    op, data = problem
    theirs = _deepinv(getattr(optim, name), to_deepinv(op), data[:, None], optim.L1Prior())
    for solver in (FISTA(stop=MaxIter(600)), PDHG(stop=MaxIter(1000))):
        ours = solver.solve(Problem(op, data, prior=Lasso(LAM))).image
        assert float((theirs - ours).norm() / ours.norm()) < 1e-5


def test_splitting_with_our_closed_form(problem):
    """deepinv's ADMM and HQS call prox_l2, which is our solve_normal."""
    op, data = problem
    physics = to_deepinv(op)
    assert "solve_normal" in op.capabilities
    model = optim.ADMM(data_fidelity=optim.L2(), prior=optim.L1Prior(), lambda_reg=LAM, stepsize=1.0, max_iter=800)
    theirs = model(data[:, None], physics)[:, 0]
    ours = ADMM(stop=MaxIter(800)).solve(Problem(op, data, prior=Lasso(LAM))).image
    assert float((theirs - ours).norm() / ours.norm()) < 1e-5


def test_our_solvers_on_their_physics():
    """The physics is deepinv's own; the optimum is known from the normal equations."""
    physics = pytest.importorskip("deepinv.physics")
    kernel = torch.rand((1, 1, 3, 3), generator=torch.Generator().manual_seed(0))
    blur = physics.Blur(filter=kernel / kernel.sum(), padding="reflect")
    op = from_deepinv(blur, (6, 7))
    data = torch.randn((6, 7), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix = op(torch.eye(42, dtype=torch.float64).reshape(42, 6, 7)).reshape(42, 42).T
    exact = torch.linalg.solve(matrix.T @ matrix + LAM * torch.eye(42), matrix.T @ data.flatten()).reshape(6, 7)
    for solver in (FISTA(stop=MaxIter(800)), PDHG(stop=MaxIter(2000))):
        found = solver.solve(Problem(op, data, prior=Tikhonov(LAM))).image
        assert float((found - exact).norm() / exact.norm()) < 1e-6
