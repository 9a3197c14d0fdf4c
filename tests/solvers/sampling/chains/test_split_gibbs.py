"""Split Gibbs sampling against its known stationary law."""

import pytest
import torch

from recon.operators import CorrelatedNoise, Diagonal, GaussianNoise, Operator, PoissonNoise
from recon.operators.linear import CapabilityError
from recon.priors import GaussianPrior
from recon.solvers import (
    DDIM,
    Ancestral,
    DPMSolver,
    EulerSDE,
    Heun,
    HeunSDE,
    PredictorCorrector,
    Problem,
    Renoise,
    SplitGibbs,
)
from recon.solvers.sampling.chains.likelihood_step import nonlinear_draw
from recon.solvers.sampling.small_problems import bent_problem, noisy_problems
from tests.solvers.sampling.audit import Case, Law, case, operators, propagate, w2
from tests.solvers.sampling.chains.stationary import parts, stationary

SIGMA, RHO = 0.3, 0.4


def inflated(exact: Case, rho: float, noise: torch.Tensor) -> Law:
    """p(x) N(y; Ax, Σ + ρ²AAᵀ) in closed form."""
    prior, A = exact.problem.prior, exact.A
    C, m, y = prior.covariance.dense(), prior.mean.flatten(), exact.problem.data.flatten()
    gain = C @ A.mT @ torch.linalg.inv(noise + rho**2 * A @ A.mT + A @ C @ A.mT)
    return Law(m + gain @ (y - A @ m), C - gain @ A @ C)


def constant(**options) -> SplitGibbs:
    return SplitGibbs(rho=RHO, rho_start=RHO, decay=1.0, cg_rtol=1e-12, **options)


@pytest.mark.parametrize("name", ["identity", "mask", "blur", "random", "ct"])
def test_the_stationary_law_is_the_posterior_under_inflated_noise(name) -> None:
    """With an error that the reverse diffusion makes, ∝ 1/inner_steps² by Heun's rule."""
    exact = case(operators(4)[name], sigma=SIGMA)
    wanted = inflated(exact, RHO, SIGMA**2 * torch.eye(len(exact.A), dtype=torch.float64))
    size = float(wanted.cov.trace().sqrt())
    errors = [w2(stationary(*parts(constant(inner_steps=n), exact.problem)), wanted) / size for n in (10, 40, 160)]
    assert errors[0] < 0.06
    assert errors[2] < 4e-4
    assert errors[1] / errors[2] > 10
    # and that is not the posterior itself
    assert w2(wanted, exact.posterior) / size > 0.02 or name == "identity"


def test_the_published_integrator_has_an_error_of_first_order() -> None:
    exact = case(operators(4)["random"], sigma=SIGMA)
    wanted = inflated(exact, RHO, SIGMA**2 * torch.eye(len(exact.A), dtype=torch.float64))
    for integrator in (Ancestral(), EulerSDE(), DDIM(1.0)):
        errors = [
            w2(stationary(*parts(constant(inner_steps=n, integrator=integrator), exact.problem)), wanted)
            for n in (20, 80)
        ]
        assert 3 < errors[0] / errors[1] < 5


@pytest.mark.parametrize("kind", ["per measurement", "correlated"])
def test_noise_of_any_covariance(kind) -> None:
    exact = case(operators(4)["random"])
    root = torch.randn(8, 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    Sigma = root @ root.mT / 8 + 0.1 * torch.eye(8)
    noise = CorrelatedNoise(Sigma)
    if kind == "per measurement":
        Sigma = torch.diag(torch.linspace(0.2, 1.0, 8, dtype=torch.float64) ** 2)
        noise = GaussianNoise(Sigma.diagonal().sqrt())
    problem = Problem(exact.problem.operator, exact.problem.data, noise, exact.problem.prior)
    wanted = inflated(exact, RHO, Sigma)
    found = stationary(*parts(constant(inner_steps=150), problem))
    assert w2(found, wanted) / float(wanted.cov.trace().sqrt()) < 1e-3


@pytest.mark.parametrize("name", ["mask", "blur", "ct"])
def test_annealed_chains_reach_the_law_of_their_last_rho(name) -> None:
    """Default settings: the posterior up to the known inflation, within 8 %."""
    exact = case(operators(4)[name], sigma=0.1)
    solver = SplitGibbs()
    rho = float(solver.level_of(exact.problem, torch.tensor([99]))[0])
    wanted = inflated(exact, rho, 0.01 * torch.eye(len(exact.A), dtype=torch.float64))
    found = propagate(solver, exact.problem)
    assert w2(found, wanted) / float(wanted.cov.trace().sqrt()) < 0.08


def scalar_law(problem: Problem, item: int, rho: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of x for one pixel by quadrature: p(x) ∫ p(y | z) N(z; x, ρ²) dz."""
    z = torch.linspace(-3, 6, 4001, dtype=torch.float64)
    log = torch.stack([-problem.likelihood.select(torch.tensor([item]))(problem.operator(v[None, None]))[0] for v in z])
    prior = problem.prior
    x = torch.linspace(-1, 4, 801, dtype=torch.float64)
    near = (log[None] - (x[:, None] - z[None]) ** 2 / 2 / rho**2).logsumexp(1)
    near = near - (x - prior.mean.item()) ** 2 / 2 / prior.covariance.eigenvalues.item()
    p = torch.softmax(near, 0)
    mean = (p * x).sum()
    return mean, (p * (x - mean) ** 2).sum()


class Bent(Operator):
    """x ↦ x + x²/4 + x³/10 on one pixel."""

    def __init__(self) -> None:
        super().__init__((1,), (1,))

    def apply(self, x):
        return x + x**2 / 4 + x**3 / 10


@pytest.mark.parametrize("kind", ["nonlinear", "counts"])
def test_metropolis_steps_leave_the_law_of_other_likelihoods(kind) -> None:
    """Against quadrature: 2000 chains, four standard errors."""
    prior = GaussianPrior(1.5, std=0.5, shape=(1,))
    if kind == "nonlinear":
        operator, noise, y = Bent(), GaussianNoise(0.3), torch.tensor([[2.2]], dtype=torch.float64)
    else:
        operator, noise, y = Diagonal(torch.ones(1).double()), PoissonNoise(0.8, 0.1), torch.tensor([[2.4]]).double()
    problem = Problem(operator, y, noise, prior)
    mean, variance = scalar_law(problem, 0, 0.3)
    n = 2000
    many = problem.select(torch.zeros(n, dtype=torch.long))
    solver = SplitGibbs(rho=0.3, rho_start=0.3, decay=1.0, steps=25, inner_steps=40)
    result = solver.solve(many)
    x = result.image[:, 0]
    assert 0.3 < float(result.history["acceptance"][-1].mean()) <= 1
    assert abs(float(x.mean() - mean)) < 4 * float((variance / n).sqrt())
    assert abs(float(x.var() / variance) - 1) < 4 * (2 / n) ** 0.5 + 0.01


def test_the_direct_draw_is_the_limit_of_the_metropolis_draw() -> None:
    """For linear A and Gaussian noise every proposal is accepted."""
    uneven, _ = noisy_problems()
    solver = SplitGibbs(rho=0.2)
    state = solver.init(uneven)
    rho = torch.full((2,), 0.2, dtype=torch.float64)
    drawn = nonlinear_draw(uneven, state.u, state.u, rho, solver.noise(uneven, state), 4, 1e-12, 100)
    assert bool((drawn.accepted == 1).all())


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for integrator in (DPMSolver(), Heun(), Heun(churn=0.1), DDIM(0.5), Renoise(), PredictorCorrector()):
        with pytest.raises(CapabilityError, match="needs an integrator of the reverse diffusion"):
            SplitGibbs(integrator=integrator)
    with pytest.raises(CapabilityError, match="needs rho for nonlinear operators"):
        SplitGibbs().solve(bent_problem())
    for options, message in (
        ({"rho": 0.0}, "rho > 0"),
        ({"rho": 0.2, "rho_start": 0.1}, "rho_start >= rho"),
        ({"decay": 1.5}, "0 < decay"),
        ({"inner_steps": 0}, "inner_steps to be a positive whole number"),
        ({"proposals": 17}, "proposals <= 16"),
    ):
        with pytest.raises(ValueError, match=message):
            SplitGibbs(**options)
    assert SplitGibbs().integrator == HeunSDE()
