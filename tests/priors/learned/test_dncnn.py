import pytest
import torch
from torch.nn import functional as F

from recon.priors import DenoiserPrior, DnCNN


def random_network(**options) -> DnCNN:
    torch.manual_seed(0)
    return DnCNN(layers=4, features=6, **options).double().requires_grad_(False)


def test_architecture_is_a_chain_of_convolutions_that_predicts_the_noise() -> None:
    network, x = random_network(), torch.randn(2, 1, 9, 7, dtype=torch.float64)
    state = network.state_dict()
    assert list(state) == [f"model.{2 * i}.{part}" for i in range(4) for part in ("weight", "bias")]
    noise = x
    for i in range(4):
        noise = F.conv2d(noise, state[f"model.{2 * i}.weight"], state[f"model.{2 * i}.bias"], padding=1)
        noise = noise.relu() if i < 3 else noise
    torch.testing.assert_close(network(x), x - noise)
    assert sum(p.numel() for p in DnCNN().parameters()) == 555_137  # 17 layers of 64 channels, no normalisation


def test_other_noise_levels_are_reached_by_scaling() -> None:
    network, x = random_network(trained_sigma=0.1), torch.randn(2, 1, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(network(x, 0.1), network(x))
    torch.testing.assert_close(network(x, 0.4), 4 * network(x / 4))
    each = network(x, torch.tensor([0.1, 0.4]))
    torch.testing.assert_close(each, torch.cat([network(x[:1]), 4 * network(x[1:] / 4)]))
    blind = random_network()
    assert torch.equal(blind(x, 0.4), blind(x))


def test_weights_from_a_file(tmp_path) -> None:
    network, file = random_network().float(), tmp_path / "dncnn.pth"
    torch.save(network.state_dict(), file)
    loaded = DnCNN(str(file), layers=4, features=6)
    x = torch.randn(3, 8, 8)
    torch.testing.assert_close(DenoiserPrior(loaded, channels=1).denoise(x), network(x[:, None])[:, 0])
    assert not any(p.requires_grad for p in loaded.parameters())
    with pytest.raises(
        ValueError, match=r"do not fit DnCNN: model.0.weight is \(6, 1, 3, 3\), expected \(8, 1, 3, 3\)"
    ):
        DnCNN(str(file), layers=4, features=8)
    with pytest.raises(ValueError, match=r"do not fit DnCNN: model.8.weight is missing; model.8.bias is missing;"):
        DnCNN(str(file), layers=5, features=6)
    with pytest.raises(ValueError, match="layers >= 2"):
        DnCNN(layers=1)
    with pytest.raises(ValueError, match="positive trained_sigma"):
        DnCNN(trained_sigma=0.0)
