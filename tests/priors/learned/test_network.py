import pickle

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
    assert "_copies" not in pickle.loads(pickle.dumps(network)).__dict__
