"""fastMRI's masks, by the definition it has published, written out column by column."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
import torch

from recon.operators import FastMRIEquispaced, FastMRIRandom

FILE = "file1000323.h5"


def generator(seed):
    return np.random.RandomState([ord(letter) for letter in seed] if isinstance(seed, str) else seed)


def half_even(number):
    return int(Decimal(number).quantize(Decimal(1), ROUND_HALF_EVEN))


def centre(n, fraction):
    low = half_even(n * fraction)
    first = math.ceil((n - low) / 2) if (n - low) % 2 == 0 else (n - low + 1) // 2
    return low, [first <= column < first + low for column in range(n)]


@pytest.mark.parametrize("seed", [0, 42, FILE])
@pytest.mark.parametrize("n", [368, 372, 101])
def test_random(n, seed):
    rng = generator(seed)
    low, middle = centre(n, 0.08)
    expected = [rng.random_sample() < (n / 4 - low) / (n - low) or middle[column] for column in range(n)]
    mask = FastMRIRandom(seed=seed)((16, n))
    assert mask[3].tolist() == expected
    assert torch.equal(mask, mask[:1].expand(16, n))


@pytest.mark.parametrize("seed", [0, 42, FILE])
@pytest.mark.parametrize("n", [368, 372, 101])
def test_equispaced(n, seed):
    low, middle = centre(n, 0.04)
    spacing = 8 * (low - n) / (low * 8 - n)
    offset = generator(seed).randint(0, half_even(spacing))
    taken = set()
    place = float(offset)
    while place < n - 1:
        taken.add(half_even(place))
        place = offset + (len(taken)) * spacing
    mask = FastMRIEquispaced(8, 0.04, seed=seed)((16, n))
    assert mask[0].tolist() == [column in taken or middle[column] for column in range(n)]
    assert n / int(mask[0].sum()) == pytest.approx(8, rel=0.1)

    offset = generator(seed).randint(0, 8)
    mask = FastMRIEquispaced(8, 0.04, "exact", seed=seed)((16, n))
    assert mask[0].tolist() == [
        (column >= offset and (column - offset) % 8 == 0) or middle[column] for column in range(n)
    ]


def test_one_of_several_accelerations_is_drawn_first():
    fractions, accelerations = [0.08, 0.04], [4, 8]
    for seed in range(6):
        rng = generator(seed)
        choice = rng.randint(0, 2)
        low, middle = centre(320, fractions[choice])
        share = (320 / accelerations[choice] - low) / (320 - low)
        expected = [value < share or middle[column] for column, value in enumerate(rng.uniform(size=320))]
        assert FastMRIRandom(accelerations, fractions, seed)((2, 320))[0].tolist() == expected
    assert {float(FastMRIEquispaced(accelerations, fractions, seed=s)((2, 320)).sum() > 130) for s in range(9)} == {
        0,
        1,
    }


def test_a_given_offset_replaces_the_drawn_one():
    exact = FastMRIEquispaced(4, 0.0, "exact", offset=3)((1, 20))
    assert exact[0].nonzero()[:, 0].tolist() == [3, 7, 11, 15, 19]


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="expects one center_fraction for each acceleration, got 1 and 2"):
        FastMRIRandom([4, 8], 0.08)
    with pytest.raises(ValueError, match=r"a center_fraction below 1/acceleration, got 8 and 0.125"):
        FastMRIEquispaced(8, 0.125)
    with pytest.raises(ValueError, match=r"FastMRIEquispaced expects a whole acceleration for exact, got 4.5"):
        FastMRIEquispaced(4.5, spacing="exact")
    with pytest.raises(ValueError, match="FastMRIRandom has 1 of 4 columns in its centre"):
        FastMRIRandom(4, 0.2)((4, 4))
