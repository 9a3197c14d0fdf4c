import pytest
import torch
from torch import Tensor

from recon.priors import EDMDiffusion, GaussianPrior
from recon.solvers.sampling.schedule import noise_levels

MEAN, STD, D = 0.4, 0.6, 0.7  # of the images in network values, and sigma_data


def exact(x: Tensor, c: Tensor) -> Tensor:
    """F of images N(MEAN, STD² I): solved from m = c_skip n + c_out F."""
    s = (4 * c).exp().reshape(-1, *(1,) * (x.ndim - 1))
    root = (s**2 + D**2).sqrt()
    n = x * root
    clean = MEAN + STD**2 / (STD**2 + s**2) * (n - MEAN)
    return (clean - D**2 / root**2 * n) * root / (s * D)


def preconditioned(n: Tensor, s: Tensor) -> Tensor:
    s = s.reshape(-1, *(1,) * (n.ndim - 1))
    return MEAN + STD**2 / (STD**2 + s**2) * (n - MEAN)


@pytest.mark.parametrize("network_range", [(-1.0, 1.0), (-0.5, 0.5), (0.0, 255.0)])
@pytest.mark.parametrize("given", [False, True])
def test_a_wrapped_gaussian_gives_its_own_denoiser(network_range, given: bool) -> None:
    low, high = network_range
    network = preconditioned if given else exact
    prior = EDMDiffusion(network, (4, 5), sigma_data=D, preconditioned=given, network_range=network_range)
    scale = high - low  # images are in [0, 1]
    wanted = GaussianPrior((MEAN - low) / scale, std=STD / scale)
    sigma = torch.tensor([0.002, 0.1234, 1.0, 17.3, 80.0], dtype=torch.float64) / scale
    u = (MEAN - low) / scale + sigma[:, None, None] * torch.randn(5, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(prior(u, sigma), wanted(u, sigma), rtol=1e-9, atol=1e-10 / scale)
    torch.testing.assert_close(prior(u[3], float(sigma[3])), wanted(u[3], float(sigma[3])), rtol=1e-9, atol=1e-10)


def test_the_network_sees_scaled_images_and_a_quarter_of_the_logarithm() -> None:
    seen = []

    def network(x: Tensor, c: Tensor) -> Tensor:
        seen.append((x, c))
        return torch.ones_like(x)

    prior = EDMDiffusion(network, (4, 4), value_range=(-1, 1))
    u, s = torch.randn(2, 4, 4, dtype=torch.float64), torch.tensor([0.3, 40.0], dtype=torch.float64)
    out, wide = prior(u, s), s[:, None, None]
    x, c = seen[0]
    torch.testing.assert_close(x[:, 0], u / (0.25 + wide**2).sqrt())
    torch.testing.assert_close(c, s.log() / 4)
    torch.testing.assert_close(out, (0.25 * u) / (0.25 + wide**2) + 0.5 * wide / (0.25 + wide**2).sqrt())


@pytest.mark.parametrize("steps", [18, 3000])
def test_samplers_stop_at_the_levels_of_the_paper(steps: int) -> None:
    prior = EDMDiffusion(exact, (4, 5))  # images in [0, 1], trained on [-1, 1]
    i = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    published = (80 ** (1 / 7) + i * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    torch.testing.assert_close(prior.stops(steps), published / 2)
    torch.testing.assert_close(noise_levels(prior, None, steps)[:-1], published / 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma_data": 0.0}, "sigma_data > 0, got 0.0"),
        ({"sigma_min": 80.0}, "0 < sigma_min < sigma_max, got 80.0 and 80.0"),
        ({"channels": 3}, r"expects shape \(C, \*pixels\) for 3 channels, got \(4, 5\)"),
        ({"complex_as": "magnitude"}, "'refuse' or 'parts', got 'magnitude'"),
        ({"precision": "half"}, "precision among 'weights', 'bfloat16', 'float16', got 'half'"),
    ],
)
def test_misuse_gets_one_sentence(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EDMDiffusion(exact, (4, 5), **options)
