import pytest
import torch
from torch import Tensor

from recon.operators import BeerLambertNoise, Diagonal, GaussianNoise, Identity, NoiseModel, PoissonNoise
from recon.priors import GaussianPrior
from recon.solvers import Problem
from recon.solvers.sampling.scatter import misfit, residual, scatter

SHAPE, ITEMS = (2, 3), 3
GENERATOR = torch.Generator().manual_seed(0)
CLEAN = 2 + torch.rand(ITEMS, *SHAPE, dtype=torch.float64, generator=GENERATOR)


def posed(noise: NoiseModel, clean: Tensor = CLEAN) -> Problem:
    return Problem(Identity(SHAPE), noise.sample(clean, GENERATOR), noise, GaussianPrior(shape=SHAPE))


NOISES = {
    "one": GaussianNoise(0.3),
    "per item": GaussianNoise(torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)),
    "per measurement": GaussianNoise(torch.linspace(0.1, 0.6, 6, dtype=torch.float64).reshape(SHAPE)),
    "both": GaussianNoise(torch.linspace(0.1, 0.6, 18, dtype=torch.float64).reshape(ITEMS, *SHAPE)),
    "counts": PoissonNoise(0.01, background=0.5),
    "logarithms": BeerLambertNoise(1e5, background=20.0),
}
each = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


@each
def test_it_is_the_covariance_of_what_the_noise_draws(noise) -> None:
    problem = posed(noise)
    variance = scatter(problem, CLEAN).times(torch.ones_like(CLEAN))
    draws = torch.stack([posed(noise).data for _ in range(4000)])
    repeated = [residual(Problem(problem.operator, y, noise, problem.prior), CLEAN) for y in draws[:4000]]
    r = torch.stack(repeated)
    assert float((r.var(0) / variance - 1).abs().max()) < 0.12
    assert float((r.mean(0) / (variance / 4000).sqrt()).abs().max()) < 4.5


@each
def test_its_parts_fit_together(noise) -> None:
    problem = posed(noise)
    S = scatter(problem, CLEAN)
    v = torch.randn(ITEMS, *SHAPE, dtype=torch.float64, generator=GENERATOR)
    torch.testing.assert_close(S.inverse(S.times(v)), v)
    torch.testing.assert_close(S.root(S.root(v)), S.times(v))
    torch.testing.assert_close(S.whiten(S.root(v)), v)
    torch.testing.assert_close(S.variance, S.times(torch.ones_like(v)).mean((-1, -2)))
    assert (S.white is None) == (noise not in (NOISES["one"], NOISES["per item"]))
    if S.white is not None:
        torch.testing.assert_close(S.white[:, None, None] * v, S.times(v))
    one = torch.tensor([2])
    torch.testing.assert_close(scatter(problem.select(one), CLEAN[2:]).times(v[2:]), S.times(v)[2:])


@each
def test_the_misfit_of_the_truth_is_about_one(noise) -> None:
    clean = 2 + torch.rand(4, *SHAPE, dtype=torch.float64, generator=GENERATOR)
    found = [misfit(posed(noise), CLEAN) for _ in range(400)]
    assert float((torch.stack(found).mean(0) - 1).abs().max()) < 0.15
    assert misfit(posed(NOISES["one"], clean), clean).shape == (4,)


def test_counts_that_the_image_cannot_explain_have_the_scatter_of_one_count() -> None:
    problem = posed(PoissonNoise(0.5))
    dark = scatter(problem, -CLEAN).times(torch.ones_like(CLEAN))
    assert torch.equal(dark, torch.full_like(CLEAN, 0.25))


def test_complex_data_count_both_parts() -> None:
    phases = torch.exp(1j * torch.arange(6, dtype=torch.float64)).reshape(SHAPE)
    A, noise = Diagonal(phases), GaussianNoise(0.3)
    x = torch.randn(200, *SHAPE, dtype=torch.complex128, generator=GENERATOR)
    problem = Problem(A, noise.sample(A(x), GENERATOR), noise, GaussianPrior(shape=SHAPE))
    assert float(misfit(problem, x).mean()) == pytest.approx(1, abs=0.1)
