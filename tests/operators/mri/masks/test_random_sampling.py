"""Random lines: their number, and how probable each is."""

from itertools import permutations

import numpy as np
import pytest
import torch

from recon.operators import RandomSampling


@pytest.mark.parametrize(("R", "n"), [(4, 101), (2.5, 64), (1, 30)])
def test_the_acceleration_is_exact(R, n):
    for seed in range(5):
        mask = RandomSampling(R, 8, 2.0, seed=seed)((n, 3))
        assert int(mask[:, 0].sum()) == int(n / R + 0.5)
        assert bool(mask[n // 2 - 4 : n // 2 + 4].all())


def test_lines_are_drawn_one_after_another_by_their_weights():
    n, power, draws = 5, 2.0, 4000
    w = (1 - np.abs(np.arange(n) - 2) / 3) ** power
    expected = np.zeros(n)
    for first, second in permutations(range(n), 2):  # N/R = 2 lines
        chance = w[first] / w.sum() * w[second] / (w.sum() - w[first])
        expected[first] += chance
        expected[second] += chance
    masks = RandomSampling(2.5, 0, power, per_frame=True)((n, 1), (draws,))
    found = masks[..., 0].double().mean(0)
    error = np.sqrt(expected * (1 - expected) / draws)
    assert np.all(np.abs(found.numpy() - expected) < 4 * error)
    assert expected[2] > 2 * expected[0]


def test_seeds_are_seeds():
    masks = [RandomSampling(seed=seed)((128, 1)) for seed in (0, 1)]
    assert not torch.equal(*masks)


def test_the_numbers_are_those_of_pcg64_for_ever():
    lines = RandomSampling(4.0, 4, seed=7)((32, 1))[:, 0].nonzero()[:, 0].tolist()
    assert lines == [6, 14, 15, 16, 17, 21, 23, 24]


def test_settings_out_of_range():
    with pytest.raises(ValueError, match=r"cannot take 8 of 32 samples for acceleration 4: its centre alone has 10"):
        RandomSampling(4.0, 10)((32, 32))
    with pytest.raises(ValueError, match="RandomSampling expects an acceleration of at least 1, got nan"):
        RandomSampling(float("nan"))
    with pytest.raises(ValueError, match="RandomSampling expects power of at least 0, got -1"):
        RandomSampling(power=-1.0)
