import pickle

import pytest
import torch
from torch import Tensor, nn

from recon.priors.learned.network import Network


class Blind(nn.Module):
    """A convolution that takes a noise level and makes nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(1, 1, 1)

    def forward(self, x: Tensor, level: object) -> Tensor:
        return self.inner(x)


def test_copies_for_other_devices_are_made_once_and_not_pickled() -> None:
    module, meta = Blind(), torch.device("meta")
    network = Network(module, 1, 2, "test")
    assert network(torch.zeros(3, 4, 4, device=meta), 1.0).device == meta
    assert module.inner.weight.device.type == "cpu"
    assert network._at(meta) is network._at(meta)
    assert network._at(torch.device("cpu")) is module
    before = network._at(meta)
    with torch.no_grad():
        module.inner.weight.mul_(2)
    assert network._at(meta) is not before
    assert network._at(meta) is network._at(meta)
    assert "_copies" not in pickle.loads(pickle.dumps(network)).__dict__


class Wide(nn.Module):
    """Convolutions and an embedding of the level, as in a U-Net."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 1, 3, padding=1)
        self.norm, self.time = nn.GroupNorm(4, 16), nn.Linear(1, 16)
        self.seen: list[torch.dtype] = []

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        h = self.first(x)
        self.seen[:] = [h.dtype, level.dtype]
        h = self.norm(h + self.time(level.sin()[:, None])[:, :, None, None]).relu()
        return x + self.last(h)


@pytest.mark.parametrize(("precision", "digits"), [("bfloat16", 2**-8), ("float16", 2**-11)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_half_precision_stays_inside_the_network(precision, digits: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = Wide().requires_grad_(False)
    x, level = torch.randn(3, 8, 8, dtype=dtype), torch.tensor([0.1, 0.5, 0.9], dtype=dtype)
    exact = Network(module, 1, 2, "test")(x, level)
    half = Network(module, 1, 2, "test", precision)
    found = half(x, level)
    assert found.dtype == dtype
    assert module.seen == [getattr(torch, precision), torch.float32]
    error = float((found - exact).norm() / exact.norm())
    assert digits / 50 < error < 2 * digits


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_gradients_pass_through_half_precision(precision) -> None:
    torch.manual_seed(0)
    module = Wide().requires_grad_(False)
    x, w = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    level = torch.tensor([0.1, 0.5, 0.9])
    slopes = []
    for chosen in ("weights", precision):
        u = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(Network(module, 1, 2, "test", chosen)(u, level), u, w)
        slopes.append(slope)
    assert slopes[1].dtype == torch.float64
    assert float((slopes[1] - slopes[0]).norm() / slopes[0].norm()) < 0.02


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float64])
def test_weights_of_other_precisions_are_brought_to_single_to_autocast(stored: torch.dtype) -> None:
    torch.manual_seed(0)
    module = Wide().requires_grad_(False).to(stored)
    network = Network(module, 1, 2, "test", "weights" if stored == torch.bfloat16 else "bfloat16")
    level = torch.tensor([998.0, 999.0])
    out = network(torch.zeros(2, 8, 8), level)
    assert out.dtype == torch.float32
    assert not torch.equal(out[0], out[1])
    assert module.first.weight.dtype == stored
    with pytest.raises(ValueError, match="precision among 'weights', 'bfloat16', 'float16', got 'int8'"):
        Network(module, 1, 2, "test", "int8")
