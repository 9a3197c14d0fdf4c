import pytest
import torch

from recon.operators import Dense, Diagonal, Downsample, GaussianNoise, LinearOperator, Operator, RandomSensing
from recon.priors import GaussianPrior
from recon.solvers import Problem
from recon.solvers.sampling.linear_solves import pull
from recon.solvers.sampling.scatter import scatter
from recon.solvers.sampling.small_problems import BentMask
from recon.solvers.sampling.tangent import tangent

GENERATOR = torch.Generator().manual_seed(0)
RHO = torch.tensor([1e-3, 0.7, 40.0], dtype=torch.float64)


def dense(operator: Operator, x: torch.Tensor) -> torch.Tensor:
    """The derivative at x as a matrix."""
    n = x.numel()
    basis = torch.eye(n, dtype=x.dtype).reshape(n, *x.shape)
    return torch.stack([operator.jvp(x, v).flatten() for v in basis], dim=1)


def posed(operator: Operator, noise: GaussianNoise) -> Problem:
    y = torch.randn(3, *operator.range_shape, dtype=torch.float64, generator=GENERATOR)
    return Problem(operator, y, noise, GaussianPrior(shape=operator.domain_shape))


MATRIX = torch.randn(4, 6, dtype=torch.float64, generator=GENERATOR)
OPERATORS = {
    "closed form": Diagonal(torch.tensor([[1.0, 0.0, 2.0], [0.5, 1.0, 3.0]], dtype=torch.float64)),
    "conjugate gradients": LinearOperator.from_functions(
        lambda x: x.flatten(-2) @ MATRIX.T, lambda y: (y @ MATRIX).reshape(*y.shape[:-1], 2, 3), (2, 3), (4,)
    ),
    "tangent": BentMask(),
}


@pytest.mark.parametrize("noise", ["per item", "per measurement"])
@pytest.mark.parametrize("name", OPERATORS)
def test_it_is_the_matrix_it_says(name, noise) -> None:
    A = OPERATORS[name]
    item = torch.linspace(0.1, 1.0, A.range_shape[-1], dtype=torch.float64).expand(A.range_shape)
    problem = posed(A, GaussianNoise(torch.tensor([0.1, 0.3, 0.5]) if noise == "per item" else item))
    x = torch.randn(3, 2, 3, dtype=torch.float64, generator=GENERATOR)
    at = tangent(A, x)
    r = problem.data - at.value
    found, info = pull(A, at, scatter(problem, at.value), r, RHO, rtol=1e-13, max_iter=100)
    variances = scatter(problem, at.value).times(torch.ones_like(r)).flatten(1)
    for i in range(3):
        J = dense(A, x[i])
        system = torch.diag(variances[i]) + RHO[i] * J @ J.T
        wanted = J.T @ torch.linalg.solve(system, r[i].flatten())
        torch.testing.assert_close(found[i].flatten(), wanted, rtol=1e-9, atol=1e-11)
    assert float(info.residual.max()) < 1e-12
    assert bool((info.iterations == 0).all()) == (name == "closed form" and noise == "per item")


@pytest.mark.parametrize(
    "operator",
    [OPERATORS["closed form"], RandomSensing((2, 3), 3), Dense(MATRIX, (2, 3)), Downsample((4, 6), 2)],
    ids=lambda A: A.name,
)
def test_the_prox_does_not_lose_digits_at_high_levels(operator) -> None:
    """With ρ ten billion times σ² rounding noise of single precision would be as large as the result."""
    problem = posed(operator, GaussianNoise(1e-3)).to(dtype=torch.float32)
    at, rho = tangent(operator, problem.zeros()), torch.full((3,), 1e4)
    found, _ = pull(operator, at, scatter(problem, at.value), problem.data, rho)
    assert found.dtype == torch.float32
    M = Dense(operator).matrix
    for i in range(3):
        y = problem.data[i].double().flatten()
        wanted = M.mT @ torch.linalg.solve(1e-6 * torch.eye(len(M)) + 1e4 * M @ M.mT, y)
        size = float(wanted.abs().max())
        torch.testing.assert_close(found[i].double().flatten(), wanted, rtol=0, atol=1e-4 * size)
