"""Latent posterior sampling, step by step by matrices for a linear autoencoder."""

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, Diagonal, GaussianNoise
from recon.priors import GaussianPrior, LatentPrior
from recon.solvers import DDIM, PSLD, Ancestral, Problem, sample
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.small_problems import BentMask, bent_problem
from tests.solvers.sampling.guidance.published import ALPHA_BAR

GENERATOR = torch.Generator().manual_seed(0)
W = torch.randn(6, 3, generator=GENERATOR, dtype=torch.float64) / 2
INVERSE = torch.linalg.pinv(W)
GAINS = torch.tensor([1.0, 0.0, 0.5, 2.0, 1.0, 0.0], dtype=torch.float64)
MEAN, STD = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64), torch.tensor([0.9, 0.5, 1.2], dtype=torch.float64)


def decode(z: Tensor) -> Tensor:
    return (z @ W.to(z).T).reshape(-1, 2, 3)


def encode(x: Tensor) -> Tensor:
    return x.reshape(len(x), 6) @ INVERSE.to(x).T


def question(encoder=encode, operator=None, seed: int = 1) -> Problem:
    A = Diagonal(GAINS.reshape(2, 3)) if operator is None else operator
    prior = LatentPrior(GaussianPrior(MEAN, std=STD), decode, encoder)
    z = MEAN + STD * torch.randn(1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Problem(A, A(decode(z)), GaussianNoise(0.05), prior)


@pytest.mark.parametrize("form", ["squared", "norm"])
@pytest.mark.parametrize("integrator", [Ancestral(), DDIM()], ids=["ancestral", "ddim"])
def test_every_step_is_that_of_the_paper_and_of_the_code(form, integrator) -> None:
    steps, eta, gamma = 15, 0.07, 0.04
    problem = question().lifted
    solver = PSLD(steps=steps, eta=eta, gamma=gamma, form=form, integrator=integrator)
    state = solver.init(problem)
    A, pinv = torch.diag(GAINS), torch.diag(torch.where(GAINS > 0, 1 / GAINS, 0))
    y, eye = problem.data.flatten(), torch.eye(6, dtype=torch.float64)
    alphas = ALPHA_BAR[torch.linspace(999, 0, steps, dtype=torch.float64).round().long()]
    after = torch.cat([alphas[1:], torch.ones(1, dtype=torch.float64)])

    def white(i: int) -> Tensor:
        stream = torch.zeros(1, dtype=torch.long)
        return keyed(0, stream, stream + i, (3,), torch.float64, 0).flatten()

    z = white(0)
    for i, (now, then) in enumerate(zip(alphas, after, strict=True)):
        gain = now.sqrt() * STD**2 / (now * STD**2 + 1 - now)  # ∂ẑ₀/∂z_i
        z0 = MEAN + gain * (z - now.sqrt() * MEAN)
        e = (z - now.sqrt() * z0) / (1 - now).sqrt()
        if isinstance(integrator, DDIM):
            moved = then.sqrt() * z0 + (1 - then).sqrt() * e
        else:
            beta = 1 - now / then
            moved = (then.sqrt() * beta * z0 + (1 - beta).sqrt() * (1 - then) * z) / (1 - now)
            moved = moved + ((1 - then) / (1 - now) * beta).sqrt() * white(i + 1)
        r = y - A @ W @ z0
        d = z0 - INVERSE @ (W @ z0 + pinv @ r)
        by_r, by_d = -(A @ W), torch.eye(3, dtype=torch.float64) - INVERSE @ (eye - pinv @ A) @ W
        if form == "squared":
            gradient = 2 * eta * by_r.T @ r + 2 * gamma * by_d.T @ d
        else:
            gradient = eta * by_r.T @ r / r.norm() + gamma * by_d.T @ d / d.norm()
        z = moved - gain * gradient
        with torch.no_grad():
            state = solver.step(problem, state)
        torch.testing.assert_close(state.u.flatten(), z / then.sqrt(), rtol=1e-8, atol=1e-9)


def test_gluing_alone_finds_the_latents_of_exact_data() -> None:
    """Where A⁺ sees all of an image, d is ẑ₀ less the latents of the data."""
    problem = question(operator=Diagonal(torch.ones(2, 3, dtype=torch.float64)))
    drawn = sample(PSLD(steps=100, eta=0.0, gamma=0.1, form="squared"), problem, 4)
    free = sample(PSLD(steps=100, eta=0.0, gamma=0.0), problem, 4)
    errors = [float((found.samples - problem.data).norm()) for found in (drawn, free)]
    assert errors[0] < 0.1 * errors[1]


def test_images_come_out_and_none_depends_on_another() -> None:
    problem = question()
    both = Problem(problem.operator, torch.cat([problem.data, question(seed=2).data]), problem.noise, problem.prior)
    drawn = sample(PSLD(steps=20, eta=0.1), both, 2)
    assert drawn.samples.shape == (2, 2, 2, 3)
    torch.testing.assert_close(drawn.samples[:, :1], sample(PSLD(steps=20, eta=0.1), problem, 2).samples)


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, sentence in (
        ({"form": "paper"}, "form 'squared' or 'norm', got 'paper'"),
        ({"eta": -1.0}, "eta >= 0, got -1"),
        ({"gamma": float("nan")}, "gamma >= 0, got nan"),
        ({"cg_rtol": 1.0}, "0 < cg_rtol < 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            PSLD(**options)
    with pytest.raises(CapabilityError, match="PSLD needs a LatentPrior, got GaussianPrior"):
        PSLD().require(bent_problem())
    with pytest.raises(CapabilityError, match="PSLD needs the encoder of the autoencoder; LatentPrior has none"):
        PSLD().solve(question(encoder=None))
    with pytest.raises(CapabilityError, match="linear in the image; BentMask is nonlinear"):
        PSLD().solve(question(operator=BentMask()))
