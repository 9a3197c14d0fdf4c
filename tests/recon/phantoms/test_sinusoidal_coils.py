"""Sums of complex exponentials for coils."""

import pytest
import torch

from recon.operators import Volume, birdcage_maps
from recon.phantoms import SinusoidalCoils


def test_values_are_the_stated_sum():
    coils = SinusoidalCoils(torch.tensor([[1.0, 2j]]), torch.tensor([[0.0, 0.1], [-0.2, 0.05]]))
    place = torch.tensor([[1.5, -2.0]])
    expected = torch.exp(2j * torch.pi * torch.tensor(-0.2)) + 2j * torch.exp(
        2j * torch.pi * torch.tensor(-0.2 * 1.5 - 0.1)
    )
    torch.testing.assert_close(coils.values(place)[0, 0], expected.to(torch.complex128), rtol=1e-6, atol=0)
    volume = Volume((3, 4), 2.0)
    y, x = volume.centres(0)[1], volume.centres(1)[3]
    torch.testing.assert_close(
        coils.maps(volume, torch.complex128)[:, 1, 3], coils.values(torch.stack([y, x])[None])[:, 0]
    )


@pytest.mark.parametrize("volume", [Volume((40, 51), (1.1, 0.8), (0.5, -1.0)), Volume((3, 40, 40), 1.0)])
def test_birdcage_maps_are_met_within_the_ellipse(volume):
    coils = SinusoidalCoils.birdcage(volume, 6)
    wanted = birdcage_maps(volume.shape, 6, dtype=torch.complex128)
    y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in volume.shape[-2:]], indexing="ij")
    error = (coils.maps(volume, torch.complex128) - wanted).abs()[..., x**2 + y**2 <= 1]
    assert float(error.max()) <= 1.1 * coils.misfit * float(wanted.abs()[..., x**2 + y**2 <= 1].max())
    assert coils.misfit < 3e-3
    assert SinusoidalCoils.birdcage(volume, 6, waves=7).misfit < coils.misfit / 4


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"expects coefficients \(coils, m\) and waves \(m, 2\) or \(m, 3\), got"):
        SinusoidalCoils(torch.zeros(2, 3), torch.zeros(4, 2))
