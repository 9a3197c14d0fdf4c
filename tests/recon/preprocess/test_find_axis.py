"""The axis found on projections whose axis is known."""

from math import pi

import pytest
import torch

from recon.preprocess.find_axis import find_axis


def noisy(p, sigma, seed=0):
    noise = torch.randn(p.shape, dtype=p.dtype, generator=torch.Generator().manual_seed(seed))
    return p + sigma * p.max() * noise


def turn(count, end=pi, closed=False):
    return torch.arange(count, dtype=torch.float64) * (end / (count - closed))


@pytest.mark.parametrize("offset", [-11.37, -0.6, 0.0, 4.25])
@pytest.mark.parametrize(("count", "bins", "closed"), [(90, 128, False), (91, 129, True), (24, 96, False)])
def test_half_a_turn(sinogram, offset, count, bins, closed):
    angles = turn(count, closed=closed)
    p = sinogram(angles, bins, offset, size=0.7)
    found = find_axis(p, angles)
    assert abs(found.offset - offset) < 0.01
    assert found.misfit < 0.01
    assert abs(find_axis(noisy(p, 0.01), angles).offset - offset) < 0.1


@pytest.mark.parametrize("offset", [-11.37, 4.25])
def test_a_full_turn_uses_every_pair(sinogram, offset):
    angles = turn(120, 2 * pi)
    p = sinogram(angles, 128, offset, size=0.7)
    assert abs(find_axis(p, angles).offset - offset) < 0.01
    assert abs(find_axis(noisy(p, 0.05), angles).offset - offset) < 0.1


def test_any_order_and_any_start(sinogram):
    angles = turn(90) + 0.7
    angles = angles[torch.randperm(90, generator=torch.Generator().manual_seed(0))]
    assert abs(find_axis(sinogram(angles, 128, 5.5, size=0.7), angles).offset - 5.5) < 0.01
    assert abs(find_axis(sinogram(-angles, 128, 5.5, size=0.7), -angles).offset - 5.5) < 0.01


def test_slices_share_the_axis(sinogram):
    angles = turn(90)
    slices = torch.stack([noisy(sinogram(angles, 128, -3.2, size=s), 0.02, i) for i, s in enumerate((0.5, 0.6, 0.7))])
    together = find_axis(slices, angles).offset
    assert abs(together + 3.2) < 0.1


def test_an_object_beyond_the_detector(sinogram):
    """A window about the detector's centre would draw the axis towards it by more than a bin."""
    angles = turn(180)
    assert abs(find_axis(sinogram(angles, 128, 6.3, size=1.6), angles).offset - 6.3) < 0.25


def test_stripes_and_drift_do_not_move_it(sinogram):
    angles = turn(120)
    p = sinogram(angles, 128, -5.3, size=0.7)
    stripes = 0.01 * p.max() * torch.randn(128, dtype=p.dtype, generator=torch.Generator().manual_seed(0))
    drift = 0.03 * p.max() * torch.linspace(0, 1, 120, dtype=p.dtype)[:, None]
    assert abs(find_axis(p + stripes, angles).offset + 5.3) < 0.1
    assert abs(find_axis(p + drift, angles).offset + 5.3) < 0.05


def test_scale_and_precision_do_not_matter(sinogram):
    angles = turn(60)
    p = sinogram(angles, 96, 2.2, size=0.7)
    reference = find_axis(p, angles).offset
    assert abs(find_axis(1e-8 * p, angles).offset - reference) < 1e-9
    assert abs(find_axis((1e8 * p).float(), angles.float()).offset - reference) < 1e-3


def test_noise_alone_is_no_evidence():
    noise = torch.randn(90, 128, generator=torch.Generator().manual_seed(0))
    assert find_axis(noise, turn(90)).misfit > 0.9
    assert find_axis(noise, turn(90, 2 * pi)).misfit > 0.9
    assert find_axis(torch.zeros(90, 128), turn(90)).misfit == 1.0


def test_missing_angles():
    with pytest.raises(ValueError) as caught:
        find_axis(torch.ones(80, 32), turn(90)[:80])
    assert str(caught.value) == (
        "finding the rotation axis needs angles that cover 180 degrees evenly, these 80 run from 0 to 158 degrees with "
        "larger gaps; give the offset as a number"
    )
