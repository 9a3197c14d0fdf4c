"""Differences without their part along a direction."""

from __future__ import annotations

import pytest
import torch

from recon.operators import AnisotropicGradient, CapabilityError, Gradient


def test_is_the_projected_difference_at_each_pixel() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(4, 5, generator=generator, dtype=torch.complex128)
    xi = torch.rand(2, 4, 5, generator=generator, dtype=torch.float64) - 0.5
    scale = torch.rand(4, 5, generator=generator, dtype=torch.float64)
    found = AnisotropicGradient((4, 5), spacing=(1.0, 0.5), direction=xi, scale=scale)(x)
    D = Gradient((4, 5), spacing=(1.0, 0.5))(x)
    for i in range(4):
        for j in range(5):
            v = xi[:, i, j].to(torch.complex128)
            torch.testing.assert_close(found[:, i, j], scale[i, j] * (D[:, i, j] - v * (v @ D[:, i, j])))


def test_unit_directions_are_taken_away_whole() -> None:
    L = AnisotropicGradient((4, 5), direction=torch.tensor([0.0, 1.0]).reshape(2, 1, 1))
    x = torch.arange(5.0).expand(4, 5)
    assert not bool(L(x).any())
    assert L.least() == 0
    with pytest.raises(CapabilityError, match="AnisotropicGradient"):
        L.preimage(torch.zeros(4, 5))


def test_least_gain_against_plain_differences() -> None:
    """s(1 − |ξ|²) where it is least: 0.5 · (1 − 0.64)."""
    L = AnisotropicGradient((4, 5), direction=torch.tensor([0.0, 0.8]).reshape(2, 1, 1), scale=0.5)
    assert L.least() == pytest.approx(0.18, rel=1e-6)
    x = torch.arange(5.0).expand(4, 5)
    torch.testing.assert_close(L(x), 0.18 * Gradient((4, 5))(x))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"direction": torch.tensor([0.8, 0.8]).reshape(2, 1, 1)}, "a real direction of length at most 1"),
        ({"scale": -1.0}, "a nonnegative scale"),
    ],
)
def test_what_is_refused(settings: dict[str, torch.Tensor], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AnisotropicGradient((4, 5), **settings)
