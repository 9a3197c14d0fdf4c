import pytest
import torch
from torch import Tensor

from recon.operators import Identity
from recon.priors import GaussianPrior
from recon.solvers import DDIM, Ancestral, KarrasSchedule, PiGDM
from tests.solvers.sampling.audit import audit, case, operators, propagate
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees, ddpm, noise_of

NAMES = ("identity", "mask", "blur", "random", "ct")


def guidance(q: Question, now: Tensor) -> tuple[Affine, Affine]:
    """x̂₀ and ∇_{x_t} log p(y | x_t) = (∂x̂₀/∂x_t)ᵀ Hᵀ (r² H Hᵀ + σ_y² I)⁻¹ (y − H x̂₀), r² = 1 − ᾱ."""
    x0 = q.denoised(now)
    S = (1 - now) * q.A @ q.A.T + SIGMA_Y**2 * torch.eye(len(q.y), dtype=torch.float64)
    return x0, (x0.M.T @ q.A.T @ torch.linalg.inv(S)) * (q.data - q.A * x0)


def by_score(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
    x0, score = guidance(q, now)
    return ddpm(q, now, then, x0 + ((1 - now) / now.sqrt()) * score)


def algorithm_1(eta: float, factor):
    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        x0, score = guidance(q, now)
        c1 = eta * ((1 - now / then) * (1 - then) / (1 - now)).sqrt()
        c2 = (1 - then - c1**2).sqrt()
        g = (1 - now) * score
        return then.sqrt() * x0 + c2 * noise_of(q, now, x0) + factor(now, then) * g, c1 * q.eye

    return step


@pytest.mark.parametrize("name", NAMES)
def test_the_law_is_that_of_the_guided_score(name) -> None:
    agrees(PiGDM(steps=12, cg_rtol=1e-13), name, by_score)


@pytest.mark.parametrize("name", ["mask", "random"])
@pytest.mark.parametrize("eta", [1.0, 0.4])
def test_the_law_is_that_of_algorithm_1(name, eta) -> None:
    integrator = Ancestral() if eta == 1 else DDIM(eta)
    step = algorithm_1(eta, lambda now, then: now.sqrt())
    agrees(PiGDM(steps=12, form="paper", integrator=integrator, cg_rtol=1e-13), name, step)


def test_the_law_is_that_of_the_code() -> None:
    step = algorithm_1(0.0, lambda now, then: (now * then).sqrt())
    agrees(PiGDM(steps=12, form="code", integrator=DDIM(), cg_rtol=1e-13), "ct", step)


@pytest.mark.parametrize(("name", "variance", "steps"), [("mask", 1.0, 512), ("random", 0.25, 128)])
def test_white_images_are_sampled_exactly(name, variance, steps) -> None:
    """p(x₀ | u) is N(D, r²I) then, with an error that falls as 1/steps."""
    A = operators(4)[name]
    exact = case(A, prior=GaussianPrior(0.3, std=variance**0.5, shape=A.domain_shape))
    errors = []
    for n in (steps // 4, steps):
        solver = PiGDM(steps=n, variance=variance, noise_schedule=KarrasSchedule(), cg_rtol=1e-12)
        errors.append(audit(propagate(solver, exact.problem), exact).w2)
    assert errors[1] < 15 / steps
    assert 3 < errors[0] / errors[1] < 5


def test_images_that_are_not_white_are_not() -> None:
    exact = case(operators(8)["mask"])
    found = audit(propagate(PiGDM(steps=200), exact.problem), exact)
    assert found.w2 > 0.1


def test_misuse_gets_one_sentence() -> None:
    for options, sentence in (
        ({"form": "exact"}, "form 'score', 'paper' or 'code', got 'exact'"),
        ({"variance": 0.0}, "variance > 0, got 0"),
        ({"cg_rtol": 1.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            PiGDM(**options)


def test_the_solve_is_measured() -> None:
    exact = case(operators(4)["random"])
    rough = PiGDM(steps=8, cg_max_iter=2, cg_rtol=1e-12).solve(exact.problem).history
    assert float(rough["cg_residual"][-1]) > 1e-9
    assert float(rough["cg_iterations"][-1]) == 2
    closed = PiGDM(steps=8).solve(case(Identity((4, 4))).problem).history
    assert float(closed["cg_iterations"][-1]) == 0
