"""Priors learned from incomplete data against those that the data came from."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from recon.operators import GaussianNoise, Mask
from recon.operators.linear import CapabilityError
from recon.priors import EDMDiffusion, GaussianPrior
from recon.solvers import MMPS, DenoisingTraining, DiEM, DPMSolver, KarrasSchedule, Problem, sample_prior
from recon.solvers.learning.diem import matched_gaussian
from tests.solvers.sampling.audit import matrix_operator

D, ROWS, SIGMA = 4, 3, 0.3
MEAN = torch.tensor([0.5, -0.3, 1.0, 0.2], dtype=torch.float64)
ROOT = torch.randn(D, D, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
C = ROOT @ ROOT.mT / D + 0.1 * torch.eye(D)
TRUTH = GaussianPrior(MEAN, covariance=C)
SAMPLER = MMPS(steps=16, integrator=DPMSolver(), noise_schedule=KarrasSchedule(0.02, 20.0), cg_rtol=1e-6)


def observed(items: int, operators: int, seed: int = 1) -> list[Problem]:
    """Each image seen in three random directions of four, ``items`` for each of several pairs."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(operators):
        A = matrix_operator(torch.randn(ROWS, D, generator=generator, dtype=torch.float64))
        x, noise = TRUTH.sample(items, generator), GaussianNoise(SIGMA)
        found.append(Problem(A, noise.sample(A(x), generator), noise))
    return found


def by_exact_expectations(problems: Sequence[Problem], rounds: int) -> tuple[Tensor, Tensor]:
    """EM of the linear Gaussian model with posterior moments in closed form."""
    start = matched_gaussian(problems)
    mean, cov = start.mean, start.covariance.dense()
    for _ in range(rounds):
        means, inner = [], torch.zeros(D, D, dtype=torch.float64)
        for p in problems:
            A = p.operator(torch.eye(D, dtype=torch.float64)).mT
            gain = cov @ A.mT @ torch.linalg.inv(A @ cov @ A.mT + SIGMA**2 * torch.eye(len(A)))
            means.append(mean + (p.data - mean @ A.mT) @ gain.mT)
            inner += len(p.data) * (cov - gain @ A @ cov)
        every = torch.cat(means)
        mean = every.mean(0)
        cov = ((every - mean).mT @ (every - mean) + inner) / len(every)
    return mean, cov


def test_mean_and_covariance_are_recovered_from_random_projections() -> None:
    """As EM with exact expectations finds them, and near the truth; no sample of it ever was complete."""
    problems = observed(300, 4)
    learned = DiEM(sampler=SAMPLER, rounds=8, evidence=True).learn(problems)
    prior, exact = learned.prior, by_exact_expectations(problems, 8)
    assert isinstance(prior, GaussianPrior)
    cov = prior.covariance.dense()
    assert float((prior.mean - exact[0]).norm()) < 0.08
    assert float((cov - exact[1]).norm() / exact[1].norm()) < 0.11
    assert float((prior.mean - MEAN).norm()) < 0.18
    assert float((cov - C).norm() / C.norm()) < 0.16
    evidence = learned.path["evidence"]
    steps = evidence.diff()
    assert bool((steps[:4] > 0).all())
    assert float(steps.min()) > -0.02 * float(evidence[-1] - evidence[0])
    assert float(evidence[-1] - evidence[0]) > 100
    assert abs(float(learned.path["misfit"][-1]) - 1) < 0.1
    assert learned.images.shape == (1200, D)


def test_the_first_gaussian_has_the_mean_and_power_of_the_data() -> None:
    truth = GaussianPrior(0.8, std=0.5, shape=(4, 4))
    generator = torch.Generator().manual_seed(2)
    problems = []
    for k in range(2):
        A = 2.0 * Mask((torch.arange(16).reshape(4, 4) % 3 != k).double())
        x, noise = truth.sample(3000, generator), GaussianNoise(0.4)
        problems.append(Problem(A, noise.sample(A(x), generator), noise))
    found = matched_gaussian(problems)
    torch.testing.assert_close(found.mean, torch.full((4, 4), 0.8, dtype=torch.float64), rtol=0.01, atol=0)
    assert abs(float(found.covariance.eigenvalues.max()) / 0.25 - 1) < 0.25  # ‖A‖_F² is an estimate


class Blend(nn.Module):
    """A small network for four pixels, (N, 1, 1, 4)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(6, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 4))

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        features = torch.cat([x.flatten(1), level[:, None], level[:, None].square()], 1)
        return self.layers(features).reshape(x.shape)


def network_prior() -> EDMDiffusion:
    with torch.random.fork_rng():
        network = Blend()
    return EDMDiffusion(network, (1, 4), value_range=(-6, 6), network_range=(-6, 6), sigma_data=1.0, sigma_max=50.0)


def test_training_finds_the_conditional_mean() -> None:
    prior = network_prior()
    before = [p.clone() for p in prior.network.network.parameters()]
    x = TRUTH.sample(4000, torch.Generator().manual_seed(3)).reshape(-1, 1, 4)
    trained = DenoisingTraining(steps=1500, batch=128, rate=5e-3).run(prior, x)
    assert all(torch.equal(a, b) for a, b in zip(before, prior.network.network.parameters(), strict=True))
    generator = torch.Generator().manual_seed(5)
    for sigma in (0.2, 1.0, 5.0):
        clean = TRUTH.sample(2000, generator)
        u = clean + sigma * torch.randn(2000, 4, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            found = trained.prior(u.reshape(-1, 1, 4).float(), sigma).reshape(-1, 4)
        exact = TRUTH(u, sigma)
        extra = float((found - exact).square().mean() / (exact - clean).square().mean())
        assert extra < 0.05
    assert float(trained.loss[-100:].mean()) < float(trained.loss[:20].mean())


def test_a_network_learns_from_incomplete_data_alone() -> None:
    problems = [Problem(matrix_like(p), p.data.float(), GaussianNoise(SIGMA)) for p in observed(200, 4)]
    training = DenoisingTraining(steps=600, batch=128, rate=5e-3, levels=(0.02, 50.0))
    em = DiEM(sampler=SAMPLER, rounds=1, gaussian_rounds=6, training=training)
    seen = []
    learned = em.learn(problems, network_prior(), callback=lambda number, prior: seen.append(type(prior)))
    assert seen == [EDMDiffusion]
    schedule, cov = KarrasSchedule(0.02, 20.0), learned.gaussian.covariance.dense()
    x = sample_prior(learned.prior, 2000, steps=16, integrator=DPMSolver(), noise_schedule=schedule).flatten(1)
    found = torch.cov(x.double().mT)
    assert float((x.double().mean(0) - MEAN).norm()) < 0.3
    assert float((found - cov).norm() / cov.norm()) < 0.25
    assert float((found - C).norm() / C.norm()) < 0.4
    assert len(learned.path["loss"]) == 1


def matrix_like(problem: Problem):
    """The operator for images (1, 4)."""
    A = problem.operator(torch.eye(D, dtype=torch.float64)).mT.float()
    return matrix_operator(A, (1, 4))


def test_what_it_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="expects a Sampler"):
        DiEM(sampler=None)
    with pytest.raises(ValueError, match="rounds to be a positive"):
        DiEM(rounds=0)
    with pytest.raises(ValueError, match="form 'covariance'"):
        DiEM(form="dense")
    with pytest.raises(ValueError, match="images of one shape"):
        DiEM().learn([])
    with pytest.raises(CapabilityError, match="no network"):
        DenoisingTraining().run(TRUTH, torch.zeros(3, 4))
    with pytest.raises(ValueError, match="0 < low < high"):
        DenoisingTraining(levels=(1.0, 0.5))
