"""What writers get: spacing of any form, and what integers cannot stand for."""

import numpy as np
import pytest

from recon.files import DataError
from recon.files.picture import Picture


def picture(*shape, color=False, dtype=float, **metadata):
    return Picture(np.ones(shape, dtype), metadata, color, None)


@pytest.mark.parametrize(
    ("shape", "color", "told", "spacing"),
    [
        ((4, 5), False, 0.5, (0.5, 0.5)),
        ((4, 5), False, [3.0, 0.5, 0.25], (0.5, 0.25)),
        ((2, 4, 5), False, [3.0, 0.5, 0.25], (3.0, 0.5, 0.25)),
        ((2, 4, 5), False, [0.5, 0.25], None),
        ((3, 4, 5), True, [0.5, 0.25], (0.5, 0.25)),
        ((4, 5), False, None, None),
    ],
)
def test_spacing_along_the_axes_of_the_image(shape, color, told, spacing):
    assert picture(*shape, color=color, spacing_mm=told).spacing == spacing


@pytest.mark.parametrize(("told", "pixel"), [(0.5, (0.5, 0.5)), ([3.0, 0.5, 0.25], (0.5, 0.25)), (None, None)])
def test_pixels_are_rows_by_columns(told, pixel):
    assert picture(2, 4, 5, spacing_mm=told).pixel_mm == pixel


def test_complex_values_are_shown_as_magnitudes():
    values, note = Picture(np.array([3 + 4j]), {}, False, None).real()
    assert (values.tolist(), note) == ([5.0], {"shown": "magnitude"})
    assert picture(2).real()[1] == {}


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j * np.nan])
def test_values_that_no_integer_stands_for(bad):
    picture(2).finite("PNG")
    with pytest.raises(DataError) as caught:
        Picture(np.array([1, bad]), {}, False, None).finite("PNG")
    assert str(caught.value) == "PNG holds no NaN and no infinity, which this image has; use npz or hdf5."
