"""Maps of rods around the image."""

import math

import pytest
import torch

from recon.operators import birdcage_maps


def test_maps_are_those_of_the_formula():
    maps = birdcage_maps((9, 12), 5, 1.7, torch.complex128)
    for i, j in [(0, 0), (4, 6), (7, 11)]:
        z = complex((j - 6) / 6, (i - 4) / 4.5)
        field = [1 / (1.7 - z * complex(math.cos(a), -math.sin(a))) for a in (2 * math.pi * c / 5 for c in range(5))]
        size = math.sqrt(sum(abs(f) ** 2 for f in field))
        for c in range(5):
            assert complex(maps[c, i, j]) == pytest.approx(field[c] / size)


def test_each_is_the_one_before_turned():
    centred = birdcage_maps((21, 21), 4, dtype=torch.complex128)
    for c in range(4):
        turned = torch.rot90(centred[c], -1, (0, 1))  # x towards y, which grows downwards
        torch.testing.assert_close(turned, centred[(c + 1) % 4])


def test_volumes_and_sizes():
    volume = birdcage_maps((3, 8, 9), 6)
    assert volume.dtype == torch.complex64
    torch.testing.assert_close(volume, birdcage_maps((8, 9), 6)[:, None].expand(6, 3, 8, 9))
    torch.testing.assert_close(volume.abs().square().sum(0), torch.ones(3, 8, 9))


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"a radius above √2, got 1\.2"):
        birdcage_maps((8, 8), radius=1.2)
    with pytest.raises(ValueError, match=r"birdcage_maps expects coils to be a positive whole number, got 1\.5"):
        birdcage_maps((8, 8), 1.5)
    with pytest.raises(ValueError, match=r"birdcage_maps expects the shape"):
        birdcage_maps((8,))
