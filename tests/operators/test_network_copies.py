import pytest
import torch
from torch import nn

from recon.operators.network_copies import Copy, copy_at

META = torch.device("meta")


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.BatchNorm1d(2), nn.Linear(2, 1)).eval()


def train(net: nn.Sequential) -> None:
    optimiser = torch.optim.SGD(net[2].parameters(), lr=0.1)
    net(torch.ones(1, 2)).sum().backward()
    optimiser.step()


def write(net: nn.Sequential) -> None:
    with torch.no_grad():
        net[1].running_mean.add_(1)


@pytest.mark.parametrize("change", [train, write, lambda net: net.load_state_dict(network().state_dict())])
def test_copies_are_made_once_and_anew_when_any_weight_has_changed(change) -> None:
    net, copies = network(), dict[torch.device, Copy]()
    first = copy_at(net, torch.float32, META, copies)
    assert copy_at(net, torch.float32, META, copies) is first
    assert {p.device.type for p in first.parameters()} == {"meta"}
    change(net)
    assert copy_at(net, torch.float32, META, copies) is not first


def test_precision_is_that_asked_for_and_a_network_of_inference_mode_will_do() -> None:
    with torch.inference_mode():
        net = network()
    copies = dict[torch.device, Copy]()
    assert copy_at(net, torch.float32, META, copies)[0].weight.dtype == torch.float32
    assert copy_at(net, torch.float64, META, copies)[0].weight.dtype == torch.float64
