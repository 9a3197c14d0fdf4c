import pytest
import torch
from torch import Tensor

from recon.priors import GaussianPrior, VPDiffusion

BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
ALPHAS = torch.cumprod(1 - BETAS, 0)
MEAN, STD = 0.4, 0.6  # of the images, in network values


def exact_noise(x: Tensor, t: Tensor) -> Tensor:
    """E[z | x_t] for n ~ N(MEAN, STD² I), with ᾱ interpolated like the prior interpolates t: linear in log σ."""
    levels = ((1 - ALPHAS) / ALPHAS).sqrt().log()
    left = t.double().floor().long().clamp(0, 998)
    s = torch.lerp(levels[left], levels[left + 1], t.double() - left).exp()
    s = s.reshape(-1, *(1,) * (x.ndim - 1)).to(x)
    n = x * (1 + s**2).sqrt()
    return s * (n - MEAN) / (STD**2 + s**2)


@pytest.mark.parametrize("network_range", [(-1.0, 1.0), (-0.5, 0.5), (0.0, 255.0)])
def test_a_wrapped_gaussian_gives_its_own_denoiser(network_range) -> None:
    low, high = network_range
    prior = VPDiffusion(exact_noise, (4, 5), network_range=network_range)
    scale = high - low  # images are in [0, 1]
    wanted = GaussianPrior((MEAN - low) / scale, std=STD / scale)
    sigma = torch.tensor([0.02, 0.1234, 1.0, 17.3, 150.0], dtype=torch.float64) / scale
    u = (MEAN - low) / scale + sigma[:, None, None] * torch.randn(5, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(prior(u, sigma), wanted(u, sigma), rtol=1e-6, atol=1e-7 / scale)
    torch.testing.assert_close(prior(u[3], float(sigma[3])), wanted(u[3], float(sigma[3])), rtol=1e-6, atol=1e-7)


def test_levels_of_training_map_to_their_own_times() -> None:
    prior = VPDiffusion(exact_noise, (4, 5), value_range=(-1, 1), first_time=1e-3, time_step=1e-3)
    torch.testing.assert_close(prior.time(prior.levels), torch.arange(1, 1001, dtype=torch.float64) / 1000)
    torch.testing.assert_close(prior.levels, ((1 - ALPHAS) / ALPHAS).sqrt())
    between = prior.time((prior.levels[10] * prior.levels[11]).sqrt())
    assert float(between) == pytest.approx(0.0115)


def test_the_network_sees_the_variance_preserving_state() -> None:
    seen = []

    def network(x: Tensor, t: Tensor) -> Tensor:
        seen.append((x, t))
        return torch.zeros_like(x)

    prior = VPDiffusion(network, (3, 4, 4), channels=3, alphas_cumprod=ALPHAS, network_range=(-1, 1))
    u = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    sigma = prior.levels[torch.tensor([7, 900])]
    out = prior(u, sigma)
    x, t = seen[0]
    torch.testing.assert_close(t, torch.tensor([7.0, 900.0], dtype=torch.float64))
    torch.testing.assert_close(x, ALPHAS[[7, 900]].sqrt()[:, None, None, None] * (2 * u - 1))
    torch.testing.assert_close(out, u)  # no noise predicted


def test_one_image_alone_has_one_time() -> None:
    seen = []
    prior = VPDiffusion(lambda x, t: seen.append(t) or 0 * x, (4, 5))  # a time without dimensions broke embeddings
    prior(torch.rand(4, 5), 0.7)
    prior(torch.rand(2, 3, 4, 5), 0.7)
    assert [t.shape for t in seen] == [(1,), (6,)]


def test_a_learned_variance_is_left_aside() -> None:
    prior = VPDiffusion(lambda x, t: torch.cat([exact_noise(x, t), 100 + x], 1), (4, 5))
    plain = VPDiffusion(exact_noise, (4, 5))
    u = torch.rand(2, 4, 5)
    assert torch.equal(prior(u, 0.7), plain(u, 0.7))
    with pytest.raises(ValueError, match=r"returned shape \(2, 3, 4, 5\) for images of shape \(2, 1, 4, 5\)"):
        VPDiffusion(lambda x, t: x.repeat(1, 3, 1, 1), (4, 5))(u, 0.7)


def test_complex_images_are_two_independent_ones_where_asked() -> None:
    prior = VPDiffusion(exact_noise, (4, 5), complex_as="parts")
    u = torch.randn(2, 4, 5, dtype=torch.complex128)
    sigma = torch.tensor([0.3, 3.0])
    torch.testing.assert_close(prior(u, sigma), torch.complex(prior(u.real, sigma), prior(u.imag, sigma)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alphas_cumprod": ALPHAS.flip(0)}, "alphas_cumprod to decrease"),
        ({"alphas_cumprod": torch.tensor([0.9, 1.1])}, "numbers between 0 and 1"),
        ({"betas": (0.1, 0.01)}, "0 < first <= last < 1"),
        ({"train_steps": 1}, "at least 2 steps"),
        ({"channels": 3}, r"expects shape \(C, \*pixels\) for 3 channels, got \(4, 5\)"),
        ({"complex_as": "magnitude"}, "'refuse' or 'parts'"),
    ],
)
def test_misuse_gets_one_sentence(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VPDiffusion(exact_noise, (4, 5), **options)
