import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError
from recon.solvers import MCG, Heun, Problem
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.small_problems import bent_problem
from tests.solvers.sampling.audit import case, operators
from tests.solvers.sampling.guidance.published import ALPHA_BAR, Affine, Question, agrees, ddpm, question


def squared(alpha: float):
    """The DDPM step less α ∇_{x_i} ‖y − H x̂₀‖², then the projection onto the data at the next level."""

    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        x0 = q.denoised(now)
        moved, root = ddpm(q, now, then, x0)
        moved = moved + (2 * alpha * x0.M.T @ q.A.T) * (q.data - q.A * x0)
        pinv = torch.linalg.pinv(q.A, rtol=1e-5)
        seen = pinv @ q.A
        mean = (q.eye - seen) * moved + then.sqrt() * (pinv * q.data)
        return mean, torch.cat([(q.eye - seen) @ root, (1 - then).sqrt() * seen], dim=1)

    return step


@pytest.mark.parametrize("name", ["identity", "mask", "blur", "random"])
def test_the_law_is_that_of_the_paper(name) -> None:
    agrees(MCG(steps=12, alpha=0.05, form="paper", cg_rtol=1e-13, cg_max_iter=200), name, squared(0.05))


def test_every_step_is_that_of_the_code() -> None:
    """Inpainting: the norm's gradient off the mask, noisy data on it."""
    exact, steps = case(operators(4)["mask"]), 20
    data = exact.problem.operator(exact.problem.data)
    problem = Problem(exact.problem.operator, data, exact.problem.noise, exact.problem.prior)
    q = question(exact)._replace(y=data.flatten())
    solver = MCG(steps=steps, alpha=0.4)
    state = solver.init(problem)
    mask = torch.diag(q.A)
    alphas = ALPHA_BAR[torch.linspace(999, 0, steps, dtype=torch.float64).round().long()]
    after = torch.cat([alphas[1:], torch.ones(1, dtype=torch.float64)])

    def white(i: int, draw: int) -> Tensor:
        stream = torch.zeros(1, dtype=torch.long)
        return keyed(0, stream, stream + i, (4, 4), torch.float64, draw).flatten()

    x = white(0, 0)
    for i, (now, then) in enumerate(zip(alphas, after, strict=True)):
        x0 = q.denoised(now)
        denoised = x0.M @ x + x0.b
        mean, root = ddpm(q, now, then, x0)
        sample = mean.M @ x + mean.b + root @ white(i + 1, 0)
        r = mask * (q.y - denoised)
        gradient = -x0.M.T @ r / r.norm() * (1 - mask)
        noisy = then.sqrt() * q.y + (1 - then).sqrt() * white(i + 1, 16)
        x = (sample - 0.4 * gradient) * (1 - mask) + noisy * mask
        with torch.no_grad():
            state = solver.step(problem, state)
        torch.testing.assert_close(state.u.flatten(), x / then.sqrt(), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("integrator", ["ancestral", "heun"])
@pytest.mark.parametrize("name", ["mask", "random", "ct"])
def test_data_without_noise_are_met(name, integrator) -> None:
    problem = case(operators(8)[name], sigma=1e-9).problem
    options = {"integrator": Heun()} if integrator == "heun" else {}
    solver = MCG(steps=15, alpha=0.3, cg_rtol=1e-10, cg_max_iter=300, **options)
    result = solver.solve(problem)
    assert float((problem.operator(result.image) - problem.data).abs().max()) < 1e-6
    assert float(result.history["constraint"][-1]) < 1e-7


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, sentence in (
        ({"form": "norm"}, "form 'paper' or 'code', got 'norm'"),
        ({"alpha": -1.0}, "alpha >= 0, got -1"),
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            MCG(**options)
    with pytest.raises(CapabilityError, match="MCG needs a linear operator; BentMask is nonlinear"):
        MCG().require(bent_problem())
