"""Every noise model samples what its fidelity says is likely."""

import pytest
import torch

import recon.operators
import recon.priors  # noqa: F401  (so does this)
from recon.operators import BeerLambertNoise, CorrelatedNoise, GaussianNoise, NoiseModel, PoissonNoise
from recon.testing import check_noise, members


def diagonal(noise: CorrelatedNoise):
    return noise.sigma**2 * noise.covariance.dense().diagonal().real


MOMENTS = {
    BeerLambertNoise: lambda noise: lambda z: (noise.blank * (-z).exp() + noise.background,) * 2,
    CorrelatedNoise: lambda noise: lambda z: (z, diagonal(noise) * (2 if z.is_complex() else 1)),
    GaussianNoise: lambda noise: lambda z: (z, noise.sigma**2 * (2 if z.is_complex() else 1) * torch.ones_like(z.real)),
    PoissonNoise: lambda noise: lambda z: (z + noise.background, noise.gain * (z + noise.background)),
}


@pytest.mark.parametrize("cls", members(NoiseModel), ids=lambda cls: cls.__name__)
def test_noise(cls):
    examples = list(cls.examples())
    assert examples, f"{cls.__name__} gives no examples."
    for noise in examples:
        check_noise(noise, moments=MOMENTS[cls](noise) if cls in MOMENTS else None)


def test_complex_gaussian_noise():
    noise = GaussianNoise(0.3)
    clean = torch.tensor([1 + 1j, 2.0, -1j], dtype=torch.complex128)
    check_noise(noise, clean=clean, moments=MOMENTS[GaussianNoise](noise))


@pytest.mark.parametrize(
    "matrix", [[[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 0.7]], [[2, 0.5j, 0], [-0.5j, 1, 0], [0, 0, 0.7]]]
)
def test_complex_correlated_noise(matrix):
    noise = CorrelatedNoise(torch.tensor(matrix), sigma=0.3)
    clean = torch.tensor([1 + 1j, 2.0, -1j], dtype=torch.complex128)
    check_noise(noise, clean=clean, moments=MOMENTS[CorrelatedNoise](noise))
