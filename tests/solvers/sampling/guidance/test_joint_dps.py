"""Image and structured noise drawn together: against the exact posterior of the pair."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, Identity
from recon.priors import GaussianMixturePrior, GaussianPrior, StructuredNoise
from recon.solvers import DPS, MMPS, JointDPS, Problem, sample
from recon.solvers.sampling.guidance.joint_dps import structured_problem
from recon.solvers.sampling.integrators.integrator import Level
from tests.solvers.sampling.audit import Law, propagate, w2


def question() -> Problem:
    """One item; the noise's process runs in other values than the image's."""
    problem = structured_problem().select(torch.tensor([0]))
    noise = problem.noise
    assert isinstance(noise, StructuredNoise)
    noise.prior.scale, noise.prior.shift = 0.5, 0.3
    return problem


def exact(problem: Problem) -> Law:
    """The posterior of (x, n): Gaussian conditioning in dense algebra."""
    noise, prior = problem.noise, problem.prior
    assert isinstance(noise, StructuredNoise)
    assert isinstance(prior, GaussianPrior)
    assert isinstance(noise.prior, GaussianPrior)
    C = torch.block_diag(prior.covariance.dense() * torch.eye(6), noise.prior.covariance.dense())
    m = torch.cat([prior.mean.flatten(), noise.prior.mean.flatten()])
    A = torch.cat([torch.diag(problem.operator.diagonal.flatten()), torch.eye(6)], dim=1)  # type: ignore[union-attr]
    gain = C @ A.mT @ torch.linalg.inv(A @ C @ A.mT + float(noise.sigma) ** 2 * torch.eye(6))
    return Law(m + gain @ (problem.data.flatten() - A @ m), C - gain @ A @ C)


def in_units(law: Law, problem: Problem) -> Law:
    """A law of the pair in units of image and noise."""
    pair = problem.lifted.prior
    d = torch.eye(12, dtype=torch.float64)
    origin = torch.cat([p.flatten() for p in pair.split(torch.zeros(12).double())])  # type: ignore[union-attr]
    T = torch.stack([torch.cat([p.flatten() for p in pair.split(e)]) for e in d]).mT - origin[:, None]  # type: ignore[union-attr]
    return Law(origin + T @ law.mean, T @ law.cov @ T.mT)


def distance(steps: int) -> float:
    problem = question()
    solver = MMPS(steps=steps, cg_rtol=1e-10, cg_max_iter=30, cg_conjugacy=float("inf"))
    posterior = exact(problem)
    law = in_units(propagate(solver, problem.lifted), problem)
    return w2(law, posterior) / float(posterior.cov.trace().sqrt())


def test_moment_matching_on_the_pair_is_exact_for_gaussians_up_to_the_schedule() -> None:
    """Mean and covariance of image and noise, and between them; the error falls as one over the number of steps."""
    errors = [distance(steps) for steps in (40, 160)]
    assert errors[1] < 0.06
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.3)


def test_image_and_noise_are_both_in_the_result() -> None:
    problem = question()
    posterior = exact(problem)
    solver = MMPS(steps=100, cg_rtol=1e-8, cg_max_iter=30)
    many = Problem(problem.operator, problem.data.expand(1500, 2, 3), problem.noise, problem.prior)
    result = solver.solve(many)
    pair = torch.cat([result.image.flatten(1), result.components["noise"].flatten(1)], dim=1)
    error = (pair.mean(0) - posterior.mean) / posterior.cov.diagonal().sqrt()
    assert float(error.abs().max()) < 0.15
    found = torch.cov(pair.mT)
    assert float((found - posterior.cov).norm() / posterior.cov.norm()) < 0.15


def test_noise_of_two_levels_is_told_from_the_image() -> None:
    """n is −1 or 1 everywhere, with a little spread: white noise of its variance would leave the image in the dark."""
    parts = [GaussianPrior(m, std=0.05, shape=(4, 4)) for m in (-1.0, 1.0)]
    noise = StructuredNoise(GaussianMixturePrior((0.5, 0.5), parts), 0.05)
    prior = GaussianPrior(0.0, std=0.3, shape=(4, 4))
    generator = torch.Generator().manual_seed(5)
    truth = prior.sample(4, generator)
    data = noise.sample(truth, generator)
    mean = sample(MMPS(steps=100), Problem(Identity((4, 4)), data, noise, prior), 8).mean
    blind = sample(MMPS(steps=100), Problem(Identity((4, 4)), data, GaussianNoise(1.0), prior), 8).mean
    assert float((mean - truth).square().mean().sqrt()) < 0.12
    assert float((blind - truth).square().mean().sqrt()) > 0.25


def push(solver: DPS, u: Tensor, problem: Problem) -> Tensor:
    level = Level(*(torch.tensor([s], dtype=torch.float64) for s in (0.8, 0.7, 0.9)))
    with torch.no_grad():
        guess = solver.guide(problem, u, level, lambda draw, like=None: torch.zeros(1))
    return guess.pushed(torch.zeros_like(u))


def test_steps_are_down_the_norm_of_the_residual_with_a_size_for_each() -> None:
    problem = structured_problem().select(torch.tensor([0])).lifted
    u = torch.randn(1, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = push(JointDPS(zeta=0.4, kappa=0.1), u, problem)
    level = torch.tensor([0.8], dtype=torch.float64)

    def norm(v: Tensor) -> Tensor:
        return (problem.data - problem.operator(problem.prior(v, level))).norm()  # type: ignore[operator]

    gradient = torch.autograd.functional.jacobian(norm, u)
    widths = ((1 + 0.8**2) * (1 + 0.7**2)) ** 0.5  # x = u/(1 + σ²)^½ at both levels
    sizes = torch.tensor([0.4] * 6 + [0.1] * 6, dtype=torch.float64)
    torch.testing.assert_close(found, -widths * sizes * gradient)
    torch.testing.assert_close(push(JointDPS(zeta=0.4, kappa=0.4), u, problem), push(DPS(zeta=0.4), u, problem))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="kappa >= 0, got -1"):
        JointDPS(kappa=-1)
    plain = Problem(Identity((2,)), torch.zeros(1, 2), GaussianNoise(0.1), GaussianPrior(shape=(2,)))
    with pytest.raises(TypeError, match="JointDPS is made for StructuredNoise"):
        JointDPS(steps=3).solve(plain)
