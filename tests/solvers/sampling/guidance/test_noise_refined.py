import pytest
import torch
from torch import Tensor

from recon.solvers import DDIM, Ancestral, DiffPIR, NoiseRefined
from tests.solvers.sampling.audit import case, operators
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees, noise_of


def score(q: Question, now: Tensor, center: Affine) -> Affine:
    """(1/√ᾱ) Hᵀ (σ_y² I + (1 − ᾱ)/ᾱ H Hᵀ)⁻¹ (y − H c), the score of y given x_t = √ᾱ u."""
    S = SIGMA_Y**2 * torch.eye(len(q.y), dtype=torch.float64) + (1 - now) / now * q.A @ q.A.T
    return (q.A.T @ torch.linalg.inv(S) / now.sqrt()) * (q.data - q.A * center)


def refined(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
    """ε̂ less (1 − ᾱ)^½ times the score, then DDIM without noise."""
    x0 = q.denoised(now)
    noise = noise_of(q, now, x0) - (1 - now).sqrt() * score(q, now, x0)
    x0 = (1 / now.sqrt()) * (q.state - (1 - now).sqrt() * noise)
    return then.sqrt() * x0 + (1 - then).sqrt() * noise, 0 * q.eye


def dmps(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
    """The DDPM step, and 1.75 (1 − α_t)/√α_t times the score that a flat prior gives, α_t = ᾱ_t/ᾱ_{t−1}."""
    alpha = now / then
    x0 = q.denoised(now)
    prior_score = (-1 / (1 - now).sqrt()) * noise_of(q, now, x0)
    mean = (1 / alpha.sqrt()) * (q.state + (1 - alpha) * prior_score)
    guided = mean + (1.75 * (1 - alpha) / alpha.sqrt()) * score(q, now, (1 / now.sqrt()) * q.state)
    return guided, ((1 - then) / (1 - now) * (1 - alpha)).sqrt() * q.eye


@pytest.mark.parametrize("name", ["identity", "mask", "blur", "random", "ct"])
def test_the_law_is_that_of_ddim_with_refined_noise(name) -> None:
    agrees(NoiseRefined(steps=12, cg_rtol=1e-13), name, refined)


@pytest.mark.parametrize("name", ["mask", "random"])
def test_around_the_state_it_is_dmps(name) -> None:
    solver = NoiseRefined(steps=12, center="state", weight=1.75, integrator=Ancestral(), cg_rtol=1e-13)
    agrees(solver, name, dmps)


def test_around_the_estimate_it_is_the_proximal_step_of_diffpir() -> None:
    problem = case(operators(4)["random"]).problem
    x = NoiseRefined(steps=20, cg_rtol=1e-12).solve(problem).image
    torch.testing.assert_close(x, DiffPIR(steps=20, integrator=DDIM(), cg_rtol=1e-12).solve(problem).image)


def test_misuse_gets_one_sentence() -> None:
    for options, sentence in (
        ({"center": "mean"}, "center 'estimate' or 'state', got 'mean'"),
        ({"weight": -1.0}, "weight > 0, got -1"),
        ({"cg_rtol": 2.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            NoiseRefined(**options)
