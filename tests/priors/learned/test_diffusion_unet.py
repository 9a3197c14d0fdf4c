import copy
import pickle

import pytest
import torch
from torch import Tensor

from recon.priors import DiffusionUNet, EDMDiffusion


def small(**options) -> DiffusionUNet:
    torch.manual_seed(0)
    network = DiffusionUNet(**{"widths": (8, 16), "embedding": 8, "groups": 4, **options})
    for parameter in network.parameters():  # those that start as zero too
        parameter.data.normal_(0, 0.3)
    return network.double().eval()


@pytest.mark.parametrize(
    ("options", "shape"),
    [({}, (4, 6)), ({"patch": 2}, (8, 4)), ({"widths": (8,), "blocks": 2}, (3, 5)), ({"channels": 3}, (6, 2))],
)
def test_images_of_many_sizes_keep_their_shape(options, shape) -> None:
    network = small(**options)
    x = torch.randn(2, network.channels, *shape, dtype=torch.float64)
    out = network(x, torch.tensor([-1.0, 0.5]))
    assert out.shape == x.shape
    torch.testing.assert_close(network(x[1:], 0.5), out[1:])  # one by one, and with a number for a level


def test_it_starts_as_zero_so_that_the_first_denoiser_is_the_linear_one() -> None:
    torch.manual_seed(0)
    prior = EDMDiffusion(DiffusionUNet(widths=(8, 16), groups=4), (4, 4), network_range=(0, 1), sigma_data=0.5)
    u = torch.randn(4, 4)
    torch.testing.assert_close(prior(u, 0.7), 0.25 / (0.25 + 0.49) * u)


def test_level_and_mean_reach_every_pixel() -> None:
    network = small()
    x = torch.randn(1, 1, 4, 4, dtype=torch.float64)
    assert bool(((network(x, 0.3) - network(x, 0.4)).abs() > 1e-6).all())
    c = torch.tensor([1.0], requires_grad=True)
    assert bool(torch.isfinite(torch.autograd.grad(network(x, c).sum(), c)[0]).all())
    far = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(far, 0.3)[0, 0, 0, 0], far)
    assert bool((gradient.abs() > 1e-9).all())


def constants(count: int) -> Tensor:
    return 0.5 * torch.randn(count, 1, 1, 1).expand(-1, 1, 8, 8)


def test_it_learns_the_mean_of_images_under_much_noise() -> None:
    """Constant images of N(0, ½²) in noise of s = 8 on 64 pixels: the mean square error of E[x|u] is 0.2."""
    torch.manual_seed(0)
    network, s = DiffusionUNet(widths=(8, 16), embedding=16, groups=4, patch=2), torch.tensor(8.0)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    total = (s**2 + 0.25).sqrt()
    for _ in range(150):
        clean = constants(64)
        noisy = clean + s * torch.randn_like(clean)
        target = (clean - 0.25 / total**2 * noisy) * total / (0.5 * s)
        loss = (network(noisy / total, s.log() / 4) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    prior = EDMDiffusion(network.eval().requires_grad_(False), (8, 8), network_range=(0, 1))
    clean = constants(4000)[:, 0]
    error = (prior(clean + s * torch.randn_like(clean), 8.0) - clean).square().mean()
    assert 0.19 < error < 0.21


def test_it_pickles_and_copies_with_its_settings() -> None:
    network, x = small(blocks=2), torch.randn(1, 1, 4, 4, dtype=torch.float64)
    for again in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert torch.equal(again(x, 0.1), network(x, 0.1))
    other = DiffusionUNet(**network.settings)
    assert {k: v.shape for k, v in other.state_dict().items()} == {k: v.shape for k, v in network.state_dict().items()}


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"rows and columns that are multiples of 4, got \(1, 1, 8, 6\)"):
        small(patch=2)(torch.zeros(1, 1, 8, 6), 0.0)
    with pytest.raises(ValueError, match=r"images \(N, 1, rows, columns\).*got \(1, 2, 4, 4\)"):
        small()(torch.zeros(1, 2, 4, 4), 0.0)
    with pytest.raises(ValueError, match="widths that are multiples of groups=8"):
        DiffusionUNet(widths=(12,))
    with pytest.raises(ValueError, match="an even embedding"):
        DiffusionUNet(embedding=7)
    with pytest.raises(ValueError, match="positive channels"):
        DiffusionUNet(blocks=0)
