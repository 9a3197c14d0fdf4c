"""Hard consistency and resampling, step by step by matrices for a linear autoencoder."""

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError
from recon.solvers import Problem, ReSample, sample
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.small_problems import bent_problem, latent_problems
from tests.solvers.sampling.guidance.published import ALPHA_BAR
from tests.solvers.sampling.guidance.test_psld import GAINS, INVERSE, MEAN, STD, W, question


@pytest.mark.parametrize("form", ["paper", "code"])
@pytest.mark.parametrize("zeta", [0.0, 0.5])
def test_every_step_is_that_of_the_algorithm(form: str, zeta: float) -> None:
    steps, gamma, every = 15, 3.0, 2
    problem = question().lifted
    solver = ReSample(steps=steps, gamma=gamma, every=every, zeta=zeta, form=form, cg_rtol=1e-12)
    state = solver.init(problem)
    A, y = torch.diag(GAINS), problem.data.flatten()
    through, seen = torch.linalg.pinv(A @ W), torch.linalg.pinv(A)
    alphas = ALPHA_BAR[torch.linspace(999, 0, steps, dtype=torch.float64).round().long()]
    after = torch.cat([alphas[1:], torch.ones(1, dtype=torch.float64)])

    def white(i: int, draw: int) -> Tensor:
        stream = torch.zeros(1, dtype=torch.long)
        return keyed(0, stream, stream + i, (3,), torch.float64, draw).flatten()

    z, exchanged = white(0, 0), {"pixels": 0, "latents": 0}
    for i, (now, then) in enumerate(zip(alphas, after, strict=True)):
        index = steps - 1 - i
        gain = now.sqrt() * STD**2 / (now * STD**2 + 1 - now)  # ∂ẑ₀/∂z_i
        z0 = MEAN + gain * (z - now.sqrt() * MEAN)
        e = (z - now.sqrt() * z0) / (1 - now).sqrt()
        r = y - A @ W @ z0
        z = then.sqrt() * z0 + (1 - then).sqrt() * e + zeta * now * gain * (W.T @ A.T @ r) / r.norm()
        if index > 0 and index % every == 0 and index <= steps - steps // 3:
            if index >= steps // 3:
                best = INVERSE @ (W @ z0 + seen @ r)
                exchanged["pixels"] += 1
            else:
                best = z0 + through @ r
                exchanged["latents"] += 1
            tau = gamma * (1 - then) / (now if form == "paper" else 1 - now) * (1 - now / then)
            mean = (tau * then.sqrt() * best + (1 - then) * z) / (tau + 1 - then)
            z = mean + (tau * (1 - then) / (tau + 1 - then)).sqrt() * white(i + 1, 16)
        if index == 0:
            z = z + through @ (y - A @ W @ z)
        with torch.no_grad():
            state = solver.step(problem, state)
        torch.testing.assert_close(state.u.flatten(), z / then.sqrt(), rtol=1e-7, atol=1e-8)
    assert exchanged == {"pixels": 3, "latents": 2}
    torch.testing.assert_close(solver.image(state).flatten(), z, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("bent", [False, True])
def test_data_are_met_as_far_as_the_decoder_can(bent: bool) -> None:
    problem = list(latent_problems())[bent]
    result = ReSample(steps=20, every=4, newton_steps=20, cg_rtol=1e-10).solve(problem)
    z = result.image.clone().requires_grad_()
    misfit = (problem.data - problem.operator(z)).square().sum()
    (slope,) = torch.autograd.grad(misfit, z)
    assert float(slope.norm()) < 1e-4 * float(problem.data.norm())


def test_images_come_out_and_none_depends_on_another() -> None:
    problem = question()
    both = Problem(problem.operator, torch.cat([problem.data, question(seed=2).data]), problem.noise, problem.prior)
    solver = ReSample(steps=20, every=3)
    drawn = sample(solver, both, 2)
    assert drawn.samples.shape == (2, 2, 2, 3)
    torch.testing.assert_close(drawn.samples[:, :1], sample(solver, problem, 2).samples)


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, sentence in (
        ({"form": "norm"}, "form 'paper' or 'code', got 'norm'"),
        ({"zeta": -1.0}, "zeta >= 0, got -1"),
        ({"gamma": 0.0}, "gamma > 0, got 0"),
        ({"every": 0}, "every to be a positive whole number"),
        ({"cg_rtol": 1.0}, "0 < cg_rtol < 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            ReSample(**options)
    with pytest.raises(CapabilityError, match="ReSample needs a LatentPrior, got GaussianPrior"):
        ReSample().require(bent_problem())
    with pytest.raises(CapabilityError, match="ReSample needs the encoder of the autoencoder"):
        ReSample().solve(question(encoder=None))
