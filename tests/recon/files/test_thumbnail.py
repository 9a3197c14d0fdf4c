"""Small pictures: means, windows, and what is not finite."""

import numpy as np
import pytest
from PIL import Image

from recon.files.thumbnail import thumbnail


def test_means_over_the_window():
    values = np.repeat(np.repeat(np.arange(16.0).reshape(4, 4), 25, 0), 25, 1)
    small = thumbnail(values, 10, 10)
    assert small.pixels.shape == (10, 10)
    assert (small.pixels[0, 0], small.pixels[-1, -1]) == (0, 255)
    assert small.note == "0 to 15"


def test_complex_numbers_in_decibels():
    values = np.full((20, 20), 1e-9 + 0j)
    values[:, 10:] = 1j
    small = thumbnail(values, 20, 20)
    assert small.note == "magnitude, 60 dB down from 1"
    assert set(small.pixels[:, :10].ravel()) == {0}
    assert set(small.pixels[:, 10:].ravel()) == {255}


def test_what_is_not_finite_is_counted():
    values = np.arange(100.0).reshape(10, 10)
    values[0, 0], values[1, 1] = np.nan, np.inf
    assert thumbnail(values, 10, 10).note.endswith("; 2 values are not finite")
    assert thumbnail(np.full((9, 9), np.nan), 9, 9).note == "no value is finite"


@pytest.mark.parametrize("shape", [(1, 640), (640, 2), (1, 1), (3, 3)])
def test_long_and_tiny_arrays_can_be_seen(shape):
    small = thumbnail(np.random.default_rng(0).random(shape), 40, 78)
    assert small.pixels.shape[0] <= 40
    assert small.pixels.shape[1] <= 78
    assert min(small.pixels.shape) >= min(6, *(side * 6 for side in shape))


def test_colours_are_saved(tmp_path):
    thumbnail(np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8), 12, 12).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size) == ("RGB", (8, 12))
