"""Every data term makes functionals that obey their laws."""

import pytest
import torch

import recon.operators  # noqa: F401  (defines the members)
from recon.operators import DataTerm, GaussianNoise, LaplaceNoise, NoiseModel
from recon.testing import check_data_term, members

TERMS = [cls for cls in members(DataTerm) if not issubclass(cls, NoiseModel)]


@pytest.mark.parametrize("cls", TERMS, ids=lambda cls: cls.__name__)
def test_data_term(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for term in examples:
        check_data_term(term)
        check_data_term(term, data=torch.tensor([0.6 + 1j, 1.0, 1.7j], dtype=torch.complex128), skip=("pickling",))


@pytest.mark.parametrize("noise", [GaussianNoise, LaplaceNoise])
@pytest.mark.parametrize(
    "sigma",
    [
        torch.tensor(0.4),
        torch.tensor([[0.2, 0.3, 0.4], [0.5, 0.6, 0.7]]),
        torch.tensor([[[0.2, 0.3, 0.4]]]),
        torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0)) + 0.1,
    ],
    ids=["number", "per item", "per measurement", "both"],
)
def test_noise_levels_follow_the_batch(noise, sigma):
    check_data_term(noise(sigma.double()), only=("batches",))
