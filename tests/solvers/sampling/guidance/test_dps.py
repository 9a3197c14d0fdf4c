import pytest
import torch
from torch import Tensor

from recon.operators import Diagonal, GaussianNoise, LinearOperator, Operator
from recon.priors import GaussianPrior, VPDiffusion
from recon.solvers import DPS, Problem
from recon.solvers.sampling.random import normal
from recon.solvers.sampling.small_problems import gaussian_problems, noisy_problems

BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
ALPHA_BAR = torch.cumprod(1 - BETAS, 0)
D = 5


class Quadratic(Operator):
    """x ↦ (x², x₀x₁)."""

    def __init__(self) -> None:
        super().__init__((D,), (D + 1,))

    def apply(self, x: Tensor) -> Tensor:
        return torch.cat([x.square(), x[..., :1] * x[..., 1:2]], dim=-1)


def setting(operator: Operator, items: int = 2) -> Problem:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(D, D, generator=generator, dtype=torch.float64)
    prior = GaussianPrior(0.4, covariance=root @ root.T / D)
    dtype = torch.complex128 if operator.range_field == "complex" else torch.float64
    y = torch.randn(items, *operator.range_shape, generator=generator, dtype=dtype)
    return Problem(operator, y, GaussianNoise(0.1), prior)


def matrix_operator() -> LinearOperator:
    matrix = torch.randn(3, D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return LinearOperator.from_functions(lambda x: x @ matrix.T, lambda y: y @ matrix, (D,), (3,))


def complex_data_operator() -> LinearOperator:
    matrix = torch.randn(3, D, generator=torch.Generator().manual_seed(1), dtype=torch.complex128)
    return LinearOperator.from_functions(
        lambda x: x.to(matrix.dtype) @ matrix.mT,
        lambda y: (y @ matrix.conj()).real,
        (D,),
        (3,),
        domain_field="real",
        range_field="complex",
    )


def by_the_paper(problem: Problem, item: int, steps: int, zeta: float, form: str, seed: int) -> list[Tensor]:
    """Algorithm 1 of the paper for one item, in its own coordinates and with its own β, ᾱ; states x_N, …, x_0."""
    prior, C = problem.prior, problem.prior.covariance.dense()
    index = torch.linspace(999, 0, steps, dtype=torch.float64).round().long()
    alpha_bar = ALPHA_BAR[index]
    stream = torch.tensor([item])
    x = normal(seed, stream, torch.tensor([0]), (D,), torch.float64)[0]
    states = [x]
    for i in range(steps):
        now = alpha_bar[i]
        previous = alpha_bar[i + 1] if i + 1 < steps else torch.tensor(1.0, dtype=torch.float64)
        beta = 1 - now / previous
        x = x.clone().requires_grad_()
        # score of N(√ᾱ m, ᾱ C + (1 − ᾱ) I)
        marginal = now * C + (1 - now) * torch.eye(D, dtype=torch.float64)
        score = -torch.linalg.solve(marginal, x - now.sqrt() * prior.mean)
        x0 = (x + (1 - now) * score) / now.sqrt()
        z = normal(seed, stream, torch.tensor([i + 1]), (D,), torch.float64)[0]
        step = (1 - beta).sqrt() * (1 - previous) / (1 - now) * x + previous.sqrt() * beta / (1 - now) * x0
        step = step + ((1 - previous) / (1 - now) * beta).sqrt() * z
        residual = problem.data[item] - problem.operator(x0)
        norm = torch.linalg.vector_norm(residual)
        if form == "norm":
            (gradient,) = torch.autograd.grad(norm, x)
            x = (step - zeta * gradient).detach()
        else:
            (gradient,) = torch.autograd.grad(residual.abs().square().sum(), x)
            x = (step - zeta / norm * gradient).detach()
        states.append(x)
    return states


@pytest.mark.parametrize("form", ["norm", "squared"])
@pytest.mark.parametrize(
    "operator",
    [matrix_operator(), complex_data_operator(), Quadratic()],
    ids=["linear", "complex data", "nonlinear"],
)
def test_every_step_is_that_of_the_paper(operator, form) -> None:
    problem, steps, seed = setting(operator), 25, 3
    solver = DPS(steps=steps, zeta=0.2, form=form, seed=seed)
    wanted = [by_the_paper(problem, item, steps, 0.2, form, seed) for item in range(2)]
    state = solver.init(problem)
    with torch.no_grad():
        for i in range(steps + 1):
            sigma = solver.level(problem, state).sigma[0] if i < steps else torch.tensor(0.0)
            x = state.u / (1 + sigma**2).sqrt()
            torch.testing.assert_close(x, torch.stack([wanted[0][i], wanted[1][i]]), rtol=1e-8, atol=1e-9)
            if i < steps:
                state = solver.step(problem, state)
    assert torch.equal(solver.solve(problem).image, state.u)


def test_the_squared_form_is_the_norm_form_with_twice_the_step() -> None:
    problem = setting(matrix_operator())
    one = DPS(steps=20, zeta=0.2, form="squared").solve(problem).image
    other = DPS(steps=20, zeta=0.4, form="norm").solve(problem).image
    torch.testing.assert_close(one, other)


def test_coordinates_are_those_of_the_network_whatever_the_range_of_the_images() -> None:
    """The same network with images in [0, 10] in the place of [−1, 1], and an operator that undoes the scaling."""

    def network(x: Tensor, t: Tensor) -> Tensor:
        return torch.tanh(x) * (1 + t.reshape(-1, 1, 1, 1) / 1000)

    gains = torch.tensor([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]], dtype=torch.float64)
    y = gains * torch.randn(2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).tanh()
    plain = VPDiffusion(network, (2, 3), value_range=(-1, 1), network_range=(-1, 1))
    scaled = VPDiffusion(network, (2, 3), value_range=(0, 10), network_range=(-1, 1))
    solver = DPS(steps=20, zeta=0.3)
    x = solver.solve(Problem(Diagonal(gains), y, GaussianNoise(0.1), plain)).image
    # A (5 x + 5)/5 = A x + A 1
    big = solver.solve(Problem(Diagonal(gains / 5), y + gains, GaussianNoise(0.1), scaled)).image
    torch.testing.assert_close(big, 5 * x + 5)


def test_without_a_step_size_the_prior_is_sampled() -> None:
    problem = setting(matrix_operator())
    free = DPS(steps=15, zeta=0.0).solve(problem).image
    other = Problem(problem.operator, problem.data + 5, problem.noise, problem.prior)
    assert torch.equal(free, DPS(steps=15, zeta=0.0).solve(other).image)


def test_a_residual_of_zero_gives_no_step_and_no_nan() -> None:
    _, complex_problem = gaussian_problems()
    nothing = Problem(
        0 * complex_problem.operator, 0 * complex_problem.data, complex_problem.noise, complex_problem.prior
    )
    guided, free = DPS(steps=10).solve(nothing), DPS(steps=10, zeta=0.0).solve(nothing)
    assert torch.equal(guided.image, free.image)


def test_noise_that_is_not_white_weights_the_norm() -> None:
    """Half as noisy a measurement counts four times as much; units are those of the data, and counts weigh 1/y."""
    uneven, counts = noisy_problems()
    variance = uneven.noise.sigma.square()
    for problem, weights in ((uneven, variance.mean() / variance), (counts, None)):
        if weights is None:
            variances = 0.1 * problem.data.clamp(min=0.1)
            weights = variances.flatten(1).mean(1).reshape(2, 1, 1) / variances
            r0 = problem.data - 0.2  # the background
        else:
            r0 = problem.data
        solver, prior = DPS(steps=20, zeta=0.3), problem.prior
        state = solver.init(problem)
        level = solver.level(problem, state)
        with torch.no_grad():
            guess = solver.guide(problem, state.u, level, solver.noise(problem, state))
        push = guess.pushed(torch.zeros_like(state.u))
        x = state.u / (1 + level.sigma[0] ** 2).sqrt()
        x = x.requires_grad_()
        r = r0 - problem.operator(prior(x * (1 + level.sigma[0] ** 2).sqrt(), level.sigma))
        norms = (weights * r.square()).flatten(1).sum(1).sqrt()
        (gradient,) = torch.autograd.grad(norms.sum(), x)
        torch.testing.assert_close(push, -0.3 * gradient * (1 + level.lower[0] ** 2).sqrt())


def test_misuse_gets_one_sentence() -> None:
    with pytest.raises(ValueError, match="form 'norm' or 'squared', got 'l2'"):
        DPS(form="l2")
    with pytest.raises(ValueError, match="zeta >= 0, got -1"):
        DPS(zeta=-1.0)
    assert DPS.kind == "heuristic"
