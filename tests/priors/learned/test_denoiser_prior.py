import pytest
import torch
from torch import Tensor, nn

from recon.priors import Denoiser, DenoiserPrior


def wiener(x: Tensor, sigma: float | Tensor) -> Tensor:
    """The denoiser of N(0, I)."""
    return x / (1 + sigma**2)


class Recorder(nn.Module):
    """Subtracts its one weight times σ and keeps what it was called with."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0, dtype=dtype))
        self.calls: list[tuple[tuple[int, ...], torch.dtype, object]] = []

    def forward(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        self.calls.append((tuple(x.shape), x.dtype, sigma))
        level = sigma.reshape(-1, 1, 1, 1) if isinstance(sigma, Tensor) else sigma
        return x - self.weight * level


def test_sigma_is_a_number_the_default_or_one_per_item() -> None:
    prior, x = DenoiserPrior(wiener, 0.5), torch.randn(3, 4, 5, dtype=torch.float64)
    assert isinstance(prior, Denoiser)
    torch.testing.assert_close(prior.denoise(x), x / 1.25)
    torch.testing.assert_close(prior.denoise(x, 2.0), x / 5)
    each = prior.denoise(x, torch.tensor([0.0, 1.0, 2.0]))
    torch.testing.assert_close(each, x / torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)[:, None, None])
    with pytest.raises(ValueError, match=r"one value per item of \(3, 4, 5\), got shape \(2,\)"):
        prior.denoise(x, torch.ones(2))


def test_value_ranges_scale_the_noise_level_too() -> None:
    # images in [10, 14], a denoiser of N(0, I) made for [-1, 1]: it stands for N(12, 2²)
    prior = DenoiserPrior(wiener, value_range=(10, 14), network_range=(-1, 1))
    x = torch.linspace(8, 16, 7, dtype=torch.float64)
    torch.testing.assert_close(prior.denoise(x, 3.0), 12 + 4 / (4 + 9) * (x - 12))


def test_a_network_gets_one_channel_and_one_sigma_per_image() -> None:
    network = Recorder()
    prior = DenoiserPrior(network, channels=1)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    sigma = torch.arange(6.0).reshape(2, 3)
    out = prior.denoise(x, sigma)
    (shape, dtype, seen) = network.calls[-1]
    assert shape == (6, 1, 4, 5)
    assert dtype == torch.float32
    assert torch.equal(seen, torch.arange(6.0))
    assert out.dtype == torch.float64
    torch.testing.assert_close(out, x - 2 * sigma[..., None, None].double(), atol=1e-6, rtol=0)

    prior.denoise(x[0, 0], 0.25)
    assert network.calls[-1] == ((1, 1, 4, 5), torch.float32, 0.25)
    prior.denoise(x, torch.tensor([1.0, 2.0]))
    assert torch.equal(network.calls[-1][2], torch.tensor([1.0, 1, 1, 2, 2, 2]))


def test_colour_networks_take_the_channels_from_the_image() -> None:
    network = Recorder()
    prior = DenoiserPrior(network, channels=3)
    assert prior.denoise(torch.zeros(2, 3, 4, 5)).shape == (2, 3, 4, 5)
    assert network.calls[-1][0] == (2, 3, 4, 5)
    with pytest.raises(ValueError, match=r"expects images of shape \(..., 3, n, n\), got \(2, 4, 5\)"):
        prior.denoise(torch.zeros(2, 4, 5))
    assert prior.denoise(torch.zeros(0, 3, 4, 5)).shape == (0, 3, 4, 5)


def test_half_precision_runs_in_the_precision_of_the_weights() -> None:
    network = Recorder()
    out = DenoiserPrior(network, 0.5, channels=1).denoise(torch.ones(4, 4, dtype=torch.float16))
    assert out.dtype == torch.float16
    assert network.calls[-1][1] == torch.float32
    assert torch.equal(out, torch.zeros(4, 4, dtype=torch.float16))


def test_complex_images_are_refused_or_treated_as_said() -> None:
    x = torch.randn(4, 4, dtype=torch.complex128)

    def soft(v: Tensor, sigma: float) -> Tensor:
        return v.sign() * (v.abs() - sigma).clamp(min=0)

    with pytest.raises(TypeError, match="complex_as='parts'"):
        DenoiserPrior(soft).denoise(x)
    parts = DenoiserPrior(soft, 0.3, complex_as="parts").denoise(x)
    torch.testing.assert_close(parts, torch.complex(soft(x.real, 0.3), soft(x.imag, 0.3)))
    real = DenoiserPrior(soft, 0.3, complex_as="real").denoise(x)
    torch.testing.assert_close(real, torch.complex(soft(x.real, 0.3), torch.zeros(4, 4, dtype=torch.float64)))
    magnitude = DenoiserPrior(soft, 0.3, complex_as="magnitude").denoise(x)
    torch.testing.assert_close(magnitude, x / x.abs() * soft(x.abs(), 0.3))


def test_weights_go_into_a_copy(tmp_path) -> None:
    trained = Recorder()
    trained.weight.data.fill_(7.0)
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    given = Recorder()
    prior = DenoiserPrior(given, 1.0, channels=1, weights=str(tmp_path / "w.pth"))
    assert float(prior.denoise(torch.zeros(2, 2)).detach()[0, 0]) == -7.0
    assert given.weight.item() == 2.0
    with pytest.raises(TypeError, match=r"load weights into an nn.Module only, got function"):
        DenoiserPrior(wiener, weights=str(tmp_path / "w.pth"))


def test_gradients_reach_image_and_weights() -> None:
    network = Recorder(torch.float64)
    x = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    DenoiserPrior(network, 0.5, channels=1).denoise(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))
    assert float(network.weight.grad) == pytest.approx(-0.5 * 18)


def test_networks_whose_batch_items_depend_on_each_other_are_refused() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    with pytest.raises(ValueError, match=r"BatchNorm2d in training mode.*call \.eval\(\)"):
        DenoiserPrior(network, channels=1)
    DenoiserPrior(network.eval(), channels=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"denoiser": 3}, "DenoiserPrior expects a callable D(x, sigma), got int."),
        ({"denoiser": wiener, "sigma": 0.0}, "DenoiserPrior expects a positive number sigma, got 0.0."),
        ({"denoiser": wiener, "value_range": (1.0, 0.0)}, "expects value_range = (low, high) with low < high"),
        ({"denoiser": wiener, "complex_as": "channels"}, "expects channels=2 with complex_as='channels', got None"),
        ({"denoiser": wiener, "complex_as": "phase"}, "expects complex_as among refuse, parts, magnitude, real,"),
    ],
)
def test_errors_say_what_is_wrong(arguments: dict, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        DenoiserPrior(**arguments)
    assert message in str(caught.value)


def test_a_denoiser_that_changes_the_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"returned shape \(3, 4\) for images of shape \(4, 4\).*needs channels=C"):
        DenoiserPrior(lambda x, s: x[1:]).denoise(torch.zeros(4, 4))


def test_a_network_on_both_parts_gets_them_as_channels() -> None:
    """It turns the phase, which no treatment of one part at a time can."""

    def turned(x: torch.Tensor, sigma: object) -> torch.Tensor:
        return torch.stack([-x[:, 1], x[:, 0]], dim=1)

    x = torch.randn(3, 2, 4, 5, dtype=torch.complex128)
    prior = DenoiserPrior(turned, 0.3, channels=2, complex_as="channels")
    torch.testing.assert_close(prior.denoise(x), 1j * x)
    torch.testing.assert_close(prior.denoise(x, torch.full((3, 2), 0.1)), 1j * x)
