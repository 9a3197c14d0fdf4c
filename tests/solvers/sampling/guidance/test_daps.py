import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, Identity
from recon.priors import GaussianPrior
from recon.solvers import DAPS, Heun, KarrasSchedule, Problem
from recon.solvers.sampling.integrators.integrator import Level
from recon.solvers.sampling.small_problems import BentMask
from tests.solvers.sampling.audit import audit, case, operators, propagate
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees


def flow(q: Question, sigma: Tensor, steps: int) -> Affine:
    """Euler's rule for dx/dσ = (x − D(x, σ))/σ on levels as of Karras et al. from σ to 0.01, then to 0."""
    levels = (sigma ** (1 / 7) + torch.linspace(0, 1, steps).double() * (0.01 ** (1 / 7) - sigma ** (1 / 7))) ** 7
    x = q.state
    for now, then in zip(levels, [*levels[1:], torch.tensor(0.0).double()], strict=True):
        gain = q.C @ torch.linalg.inv(q.C + now**2 * q.eye)
        slope = (1 / now) * (q.state - Affine(gain, q.mean - gain @ q.mean))
        x = (q.state + (then - now) * slope)(x)
    return x


def algorithm_1(steps: int, gamma: float, form: str):
    """The flow from x_t, x₀ given data in N(x̂₀, γ²σ²I), noise; levels without √ᾱ."""

    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        sigma = ((1 - now) / now).sqrt()
        x0 = flow(q, sigma, steps)((1 / now.sqrt()) * q.state)
        cov = torch.linalg.inv(q.A.T @ q.A / SIGMA_Y**2 + q.eye / (gamma * sigma) ** 2)
        given = cov * (q.A.T / SIGMA_Y**2 * q.data + (1 / (gamma * sigma) ** 2) * x0)
        if form == "code" and then == 1:
            return x0, 0 * q.eye
        return then.sqrt() * given, torch.cat([then.sqrt() * torch.linalg.cholesky(cov), (1 - then).sqrt() * q.eye], 1)

    return step


@pytest.mark.parametrize(("name", "form"), [("mask", "paper"), ("blur", "code"), ("random", "paper"), ("ct", "paper")])
def test_the_law_is_that_of_algorithm_1(name, form) -> None:
    solver = DAPS(steps=10, flow_steps=4, gamma=0.7, form=form, cg_rtol=1e-14, cg_max_iter=200)
    agrees(solver, name, algorithm_1(4, 0.7, form))


def one_level(problem: Problem, count: int, **options: object) -> Tensor:
    """What is drawn around x̂₀ at one level σ = 1, by as many items."""
    many = problem.select(torch.zeros(count, dtype=torch.long))
    solver = DAPS(steps=2, flow_steps=1, **options)
    state = solver.init(many)
    with torch.no_grad():
        noise = solver.noise(many, state)
        x0 = torch.full((count, *problem.shape), 0.4, dtype=torch.float64)
        r = torch.full((count,), 0.5, dtype=torch.float64)
        return solver._langevin(many, x0, r, noise)[0]


def test_langevin_steps_draw_what_is_drawn_exactly() -> None:
    A, y = Identity((3,)), torch.tensor([[1.0, 0.5, -0.5]], dtype=torch.float64)
    problem = Problem(A, y, GaussianNoise(0.5), GaussianPrior(shape=(3,)))
    x = one_level(problem, 4000, draw="langevin", langevin_steps=60, rate=0.1)
    torch.testing.assert_close(x.mean(0), (0.4 + y[0]) / 2, rtol=0, atol=0.03)
    torch.testing.assert_close(x.std(0), torch.full((3,), 0.125**0.5).double(), rtol=0.08, atol=0)


def test_langevin_steps_follow_a_nonlinear_operator() -> None:
    """Pixels are independent: their densities by quadrature."""
    y = torch.full((1, 2, 3), 1.2, dtype=torch.float64)
    problem = Problem(BentMask(), y, GaussianNoise(0.5), GaussianPrior(shape=(2, 3)))
    x = one_level(problem, 3000, langevin_steps=60, rate=0.1)
    grid = torch.linspace(-4, 4, 4001, dtype=torch.float64)
    for pixel, seen in ((0, True), (1, False)):
        density = torch.exp(-((grid - 0.4) ** 2) / 0.5 - seen * (1.2 - grid - grid**2 / 4) ** 2 / 0.5)
        density = density / density.sum()
        mean = float((density * grid).sum())
        std = float((density * (grid - mean) ** 2).sum().sqrt())
        assert float(x.flatten(1)[:, pixel].mean()) == pytest.approx(mean, abs=0.04)
        assert float(x.flatten(1)[:, pixel].std()) == pytest.approx(std, rel=0.08)


def test_heun_follows_the_flow_closer_than_euler() -> None:
    prior = GaussianPrior(0.3, std=0.5, shape=(4, 4))
    u = torch.randn(2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 20
    exact = 0.3 + (u - 0.3) * 0.5 / (0.25 + 400) ** 0.5
    errors = []
    for solver in (DAPS(flow_steps=40), DAPS(flow_steps=20, flow=Heun())):
        level = Level.shared(20.0, 0.0, torch.inf, 2)
        with torch.no_grad():
            x = solver._flow(prior, u, level, lambda draw, like=None: u)
        errors.append(float((x - exact).norm() / exact.norm()))
    assert errors[1] < 0.5 * errors[0] < 0.1


def test_white_images_are_nearly_sampled() -> None:
    exact = case(operators(4)["mask"], prior=GaussianPrior(0.3, shape=(4, 4)))
    found = audit(propagate(DAPS(steps=100, noise_schedule=KarrasSchedule(0.1, 100)), exact.problem), exact)
    assert found.w2 < 0.5
    assert 0.8 < found.seen < 1.6


def test_misuse_gets_one_sentence() -> None:
    for options, sentence in (
        ({"form": "ode"}, "form 'paper' or 'code', got 'ode'"),
        ({"draw": "hmc"}, "draw 'auto', 'exact' or 'langevin', got 'hmc'"),
        ({"gamma": 0.0}, "0 < gamma, got 0"),
        ({"rate": 1.5}, "0 < rate <= 1, got 1.5"),
        ({"flow_end": -1.0}, "0 < flow_end, got -1"),
        ({"cg_rtol": 1.0}, "0 < cg_rtol < 1, got 1"),
        ({"flow_steps": 0}, "flow_steps to be a positive whole number"),
        ({"flow_steps": 101}, "flow_steps <= 100"),
        ({"langevin_steps": 3000}, "langevin_steps <= 2048"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DAPS(**options)
    with pytest.raises(TypeError, match="an Integrator as flow, got str"):
        DAPS(flow="heun")  # type: ignore[arg-type]
