"""Poisson discs: exact numbers, least distances, density."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform

from recon.operators import PoissonDisc


def kappa(shape):
    axes = [2 * (np.arange(n) - n // 2) / n for n in shape]
    return np.sqrt(axes[0][:, None] ** 2 + axes[1] ** 2)


@pytest.mark.parametrize(("R", "shape"), [(4.0, (64, 64)), (7.3, (61, 48)), (12.0, (50, 73))])
@pytest.mark.parametrize("corners", [False, True])
def test_the_acceleration_is_exact(R, shape, corners):
    mask = PoissonDisc(R, calib_width=8, corners=corners, seed=3)(shape)
    assert int(mask.sum()) == int(shape[0] * shape[1] / R + 0.5)
    top, left = (n // 2 - 4 for n in shape)
    assert bool(mask[top : top + 8, left : left + 8].all())
    outside = torch.from_numpy(kappa(shape) > 1)
    assert bool(mask[outside].any()) == corners


@pytest.mark.parametrize("decay", [0.0, 2.0])
def test_samples_keep_their_distance(decay):
    """The ratio of distance to 1 + decay |κ| has one least value s for all samples, that of a maximal pattern."""
    shape = (72, 60)
    pattern = PoissonDisc(12.0, calib_width=0, decay=decay, corners=True, seed=1)
    places = pattern(shape).nonzero().numpy()
    profile = 1 + decay * kappa(shape)[tuple(places.T)]
    distance = squareform(pdist(places))
    np.fill_diagonal(distance, np.inf)
    s = (distance.min(1) / profile).min()
    # of random samples some would be neighbours; in the closest packing of this density they would be this far apart
    mean = np.sqrt((1 / (1 + decay * kappa(shape)) ** 2).mean() * 12.0 * 2 / np.sqrt(3))
    assert 0.7 * mean < s < mean
    # there is room for another sample only where the exact number took one away
    gaps = np.linalg.norm(np.argwhere(np.ones(shape))[:, None] - places, axis=-1).min(1)
    free = gaps >= 1.02 * s * (1 + decay * kappa(shape).ravel())
    assert free.mean() < 0.04


def test_the_density_falls_as_stated():
    decay, shape = 3.0, (160, 160)
    masks = PoissonDisc(20.0, calib_width=0, decay=decay, corners=True, per_frame=True)(shape, (4,))
    k = kappa(shape)
    rings = [(0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.1)]
    ratios = []
    for low, high in rings:
        ring = (k >= low) & (k < high)
        density = masks.double().mean(0).numpy()[ring].mean()
        ratios.append(density / ((1 + decay * k[ring]) ** -2).mean())
    assert max(ratios) / min(ratios) < 1.2


def test_each_grid_has_its_mask_and_readouts_are_whole():
    volume = PoissonDisc(4.0, calib_width=6)((30, 28, 5))
    assert torch.equal(volume[..., 0], PoissonDisc(4.0, calib_width=6)((30, 28)))
    assert torch.equal(volume, volume[..., :1].expand(30, 28, 5))


def test_accelerations_out_of_reach():
    with pytest.raises(ValueError, match=r"cannot take 819 of 1024 samples for acceleration 1.25: there are \d+ that"):
        PoissonDisc(1.25, calib_width=0)((32, 32))
    with pytest.raises(ValueError, match="its centre alone has 576"):
        PoissonDisc(4.0)((32, 32))
    with pytest.raises(ValueError, match="PoissonDisc expects decay of at least 0, got -1"):
        PoissonDisc(decay=-1.0)
