import pytest
import torch

from recon.operators import Diagonal, Identity
from recon.priors import GaussianMixturePrior, GaussianPrior

WEIGHTS, MEANS, STDS = (0.2, 0.5, 0.3), (-2.0, 0.1, 1.5), (0.3, 1.0, 0.1)
GRID = torch.linspace(-12, 12, 48_001, dtype=torch.float64)


def normal_density(x, mean, std):
    return torch.exp(-0.5 * ((x - mean) / std) ** 2) / std


@pytest.fixture
def prior() -> GaussianMixturePrior:
    return GaussianMixturePrior(
        WEIGHTS, [GaussianPrior(m, std=s, shape=(1,)) for m, s in zip(MEANS, STDS, strict=True)]
    )


def density() -> torch.Tensor:
    return sum(w * normal_density(GRID, m, s) for w, m, s in zip(WEIGHTS, MEANS, STDS, strict=True))


@pytest.mark.parametrize("sigma", [0.05, 0.7, 5.0])
def test_denoiser_by_numerical_integration(prior, sigma) -> None:
    u = torch.tensor([-2.5, -0.8, 0.0, 0.9, 3.0], dtype=torch.float64)
    joint = density() * normal_density(u[:, None], GRID, sigma)
    wanted = (joint * GRID).sum(1) / joint.sum(1)
    torch.testing.assert_close(prior(u[:, None], sigma)[:, 0], wanted, rtol=1e-8, atol=1e-8)


def test_posterior_by_numerical_integration(prior) -> None:
    y, sigma, gain = torch.tensor([0.9], dtype=torch.float64), 0.6, 2.0
    post = prior.posterior(Diagonal(torch.tensor([gain])), y, sigma)
    joint = density() * normal_density(y, gain * GRID, sigma)
    joint = joint / joint.sum()
    found = sum(
        w * normal_density(GRID, float(c.mean), float(c.covariance.dense().sqrt()))
        for w, c in zip(post.weights, post.components, strict=True)
    )
    torch.testing.assert_close(found / found.sum(), joint, rtol=1e-7, atol=1e-12)


def test_responsibilities_and_denoiser_in_several_dimensions() -> None:
    root = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    first = GaussianPrior(-1.0, covariance=root @ root.T, shape=(2, 2))
    second = GaussianPrior(1.0, std=0.5, shape=(2, 2))
    mixture = GaussianMixturePrior((1.0, 3.0), (first, second))
    u, sigma = torch.randn(3, 2, 2, dtype=torch.float64), torch.tensor([0.2, 1.0, 4.0], dtype=torch.float64)
    for i, s in enumerate(sigma):
        logs = [
            torch.distributions.MultivariateNormal(
                c.mean.reshape(4), c.covariance.dense() + s**2 * torch.eye(4, dtype=torch.float64)
            ).log_prob(u[i].reshape(4))
            for c in (first, second)
        ]
        r = torch.softmax(torch.stack(logs) + torch.tensor([0.25, 0.75], dtype=torch.float64).log(), 0)
        wanted = r[0] * first(u[i], s) + r[1] * second(u[i], s)
        torch.testing.assert_close(mixture(u, sigma)[i], wanted)


def test_samples_fall_on_the_modes_in_proportion(prior) -> None:
    n = 20_000
    x = prior.sample(n, torch.Generator().manual_seed(0))[:, 0]
    cdf = torch.cumsum(density(), 0)
    grid_cdf = cdf / cdf[-1]
    sorted_x = x.sort().values
    at = grid_cdf[torch.searchsorted(GRID, sorted_x)]
    empirical = torch.arange(1, n + 1, dtype=torch.float64) / n
    assert float((at - empirical).abs().max()) < 1.95 / n**0.5  # Kolmogorov-Smirnov at 0.1 %
    assert prior.sample(0).shape == (0, 1)


def test_misuse_gets_one_sentence(prior) -> None:
    one = GaussianPrior(0.0, shape=(2,))
    with pytest.raises(ValueError, match="expects 1 nonnegative weights"):
        GaussianMixturePrior((0.5, 0.5), [one])
    with pytest.raises(ValueError, match="one given shape and field"):
        GaussianMixturePrior((0.5, 0.5), [one, GaussianPrior(0.0)])
    with pytest.raises(TypeError, match="at least one GaussianPrior"):
        GaussianMixturePrior((1.0,), [3])
    assert GaussianMixturePrior((2.0,), [one]).posterior(Identity((2,)), torch.zeros(2), 1.0).weights.tolist() == [1.0]
