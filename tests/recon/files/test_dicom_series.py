"""A series is a volume only where its slices say so."""

import numpy as np
import pytest

from recon.files import DataError
from tests.recon.files.test_dicom import CODES, save

pydicom = pytest.importorskip("pydicom")

from recon.files.dicom_image import read_header  # noqa: E402
from recon.files.dicom_series import volume_of  # noqa: E402


def stack(folder, number=None):
    return volume_of(folder, {file: read_header(file) for file in sorted(folder.iterdir())}, number)


def test_oblique_slices_are_ordered_along_their_normal(tmp_path):
    """Rows to the left, columns to the feet: the normal points to the front, along which y falls."""
    for number in range(4):
        place = {"ImagePositionPatient": [0, -1.5 * number, 0], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}
        save(tmp_path / f"{number}", CODES[number], RescaleSlope=1, RescaleIntercept=0, **place)
    normal = np.cross([1, 0, 0], [0, 0, -1])
    order = np.argsort([float(normal @ [0, -1.5 * number, 0]) for number in range(4)])
    volume = stack(tmp_path)
    assert np.array_equal(volume.values[()], CODES[order])
    assert np.array_equal(volume.values[1], CODES[order[1]])
    assert volume.known.spacing_mm == (1.5, 0.5, 0.7)


def test_slopes_and_places_of_single_slices(tmp_path):
    for number in range(3):
        save(tmp_path / f"{number}", CODES[number], 2.0 * number, RescaleSlope=number + 1)
    volume = stack(tmp_path)
    factors = np.arange(1, 4)[:, None, None]
    assert np.array_equal(volume.values[()], CODES[:3] * factors - 1024.0)
    assert [scale["slope"] for scale in volume.known.notes["rescale"]] == [1.0, 2.0, 3.0]
    third = volume.known.along(0, 3, 2)
    assert third.notes["position"] == [0.0, 0.0, 4.0]
    assert third.notes["rescale"] == {"slope": 3.0, "intercept": -1024.0}


def test_signed_and_unsigned_slices_keep_their_values(tmp_path):
    for number in range(2):
        plain = {"PixelRepresentation": number, "RescaleSlope": 1, "RescaleIntercept": 0}
        save(tmp_path / f"{number}", np.full((6, 7), 40000, np.uint16), float(number), **plain)
    assert stack(tmp_path).values[:, 0, 0].tolist() == [40000, 40000 - 65536]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ImagePositionPatient": [0, 0, 2.0]}, "has slices at the same place, as of a time series"),
        ({"ImagePositionPatient": [0, 0, 9.0]}, "has slices at uneven distances of 2 to 5 mm"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "has slices of different ImageOrientationPatient"),
        ({"PixelSpacing": [0.5, 0.5]}, "has slices of different PixelSpacing"),
        ({"SeriesInstanceUID": "1.9", "SeriesNumber": 4}, "holds 2 series, of numbers 1, 4; say which"),
        ({"NumberOfFrames": 2}, "has files of several frames, which are not stacked"),
    ],
)
def test_what_makes_no_volume(tmp_path, changes, sentence):
    for number in range(4):
        save(tmp_path / f"{number}", CODES[number], 2.0 * number, **(changes if number == 3 else {}))
    if "uneven" in sentence:
        save(tmp_path / "3", CODES[3], 9.0)
    with pytest.raises(DataError, match=sentence):
        stack(tmp_path)


def test_slices_that_do_not_tell_their_place(tmp_path):
    header = pydicom.dcmread(save(tmp_path / "0", CODES[0]))
    del header.ImagePositionPatient
    header.save_as(tmp_path / "0")
    with pytest.raises(DataError, match="has slices that do not tell their position; use series: images"):
        stack(tmp_path)


def test_a_single_slice_is_as_thick_as_it_says(tmp_path):
    save(tmp_path / "0", CODES[0], SliceThickness=3)
    assert stack(tmp_path).known.spacing_mm == (3.0, 0.5, 0.7)
