"""Spokes on a grid."""

import math

import pytest
import torch

from recon.operators import RadialSampling


def nearest(shape, angles):
    """Spokes point by point, each finely sampled."""
    mask = torch.zeros(shape, dtype=torch.bool)
    fine = 20 * max(shape)
    for angle in angles:
        for step in range(-fine, fine + 1):
            t = step / (2 * fine)
            i = math.floor(t * math.sin(angle) * shape[0] + shape[0] // 2 + 0.5 + 1e-9)
            j = math.floor(t * math.cos(angle) * shape[1] + shape[1] // 2 + 0.5 + 1e-9)
            if i < shape[0] and j < shape[1]:
                mask[i, j] = True
    return mask


@pytest.mark.parametrize("golden", [False, True])
def test_spokes_lie_where_stated(golden):
    m = 5
    angles = [j * math.radians(111.24611797498108) if golden else math.pi * j / m for j in range(m)]
    for shape in [(32, 32), (33, 28)]:
        mask = RadialSampling(spokes=m, golden=golden)(shape)
        exact = nearest(shape, angles)
        assert bool((mask <= exact).all())
        assert int(mask.sum()) >= 0.9 * int(exact.sum())  # without most pixels of which a spoke just cuts the corner


def test_two_spokes_are_the_axes():
    mask = RadialSampling(spokes=2)((20, 21))
    expected = torch.zeros(20, 21, dtype=torch.bool)
    expected[10], expected[:, 10] = True, True
    assert torch.equal(mask, expected)


@pytest.mark.parametrize("pattern", [RadialSampling(5.0), RadialSampling(5.0, golden=True, calib_width=6)])
def test_one_spoke_fewer_would_not_reach_the_acceleration(pattern):
    shape = (64, 60)
    mask = pattern(shape)
    count = int(64 * 60 / 5 + 0.5)
    assert int(mask.sum()) >= count
    more = [
        RadialSampling(spokes=m, golden=pattern.golden, calib_width=pattern.calib_width)(shape) for m in range(1, 60)
    ]
    number = next(m for m, other in enumerate(more) if torch.equal(other, mask))
    assert int(more[number - 1].sum()) < count


def test_golden_frames_go_on_where_the_last_one_ended():
    frames = RadialSampling(spokes=5, golden=True, per_frame=True)((40, 40), (3,))
    assert torch.equal(frames.any(0), RadialSampling(spokes=15, golden=True)((40, 40)))


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="RadialSampling expects at least one of spokes, got 0"):
        RadialSampling(spokes=0)
    with pytest.raises(ValueError, match=r"RadialSampling cannot take 900 of 900 samples for acceleration 1"):
        RadialSampling(1.0)((30, 30))
