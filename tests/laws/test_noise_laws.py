"""Every noise model samples what its fidelity says is likely."""

import pytest
import torch

import recon.operators  # noqa: F401  (defines the members)
from recon.operators import BeerLambertNoise, GaussianNoise, NoiseModel, PoissonNoise
from recon.testing import check_noise, members

MOMENTS = {
    BeerLambertNoise: lambda noise: lambda z: (noise.blank * (-z).exp() + noise.background,) * 2,
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
