"""The challenge's files, written as MATLAB would, and what can be wrong with them."""

from math import pi

import numpy as np
import pytest
import scipy.io
import torch

from recon.files import HTC2022, DataError
from recon.operators import FanBeam, RayTransform, Volume
from recon.phantoms import disc

BINS, VIEWS = 40, 30
NUMBERS = {
    "distanceSourceOrigin": 40.0,
    "distanceSourceDetector": 60.0,
    "pixelSizePost": 0.6,
    "effectivePixelSizePost": 0.4,
    "numDetectorsPost": np.uint16(BINS),
}
DEGREES = np.arange(VIEWS) * (360 / VIEWS)
SINOGRAM = np.random.default_rng(0).random((VIEWS, BINS))


def save(path, struct="CtDataFull", sinogram=SINOGRAM, without=(), **changes):
    parameters = {**NUMBERS, "angles": DEGREES[None], "scanner": "Helsinki", **changes}
    parameters = {name: value for name, value in parameters.items() if name not in without}
    scipy.io.savemat(path, {struct: {"type": "2d", "sinogram": sinogram, "parameters": parameters}})


def load(path, **settings):
    (reference,) = HTC2022(str(path), **settings).items()
    return reference.load()


@pytest.mark.parametrize("struct", ["CtDataFull", "CtDataLimited"])
def test_data_angles_and_geometry(tmp_path, struct):
    save(tmp_path / "htc2022_ta.mat", struct)
    item = load(tmp_path)
    assert (item.id, item.units, item.truth) == ("htc2022_ta", "1/mm", None)
    assert np.array_equal(item.data.numpy(), SINOGRAM[:, ::-1])
    assert torch.allclose(item.aux["angles"], pi - torch.deg2rad(torch.from_numpy(DEGREES)))
    assert item.scan.geometry == {
        "name": "fan_beam",
        "source_to_axis": 40.0,
        "source_to_detector": 60.0,
        "pitch": 0.6,
    }
    assert item.scan.volume == {"shape": [512, 512], "spacing": 0.4}


def test_images_have_the_challenges_y_axis_upwards(tmp_path):
    """A disc seen at (x, y) with y upwards lies in the rows above the middle.

    The file's angles and bins are those of ASTRA's fan beam, in its coordinates: at 0 the source is at y = −R.
    """
    theirs = FanBeam(np.deg2rad(DEGREES), BINS, 40.0, 60.0, 0.6)
    x, y_up = 2.0, 1.5
    sinogram = disc(2.0, 1.0, x, y_up).line_integrals(theirs, dtype=torch.float64)  # ours, taken with y upwards
    save(tmp_path / "a.mat", sinogram=sinogram.numpy())
    item = load(tmp_path)
    parameters = {name: value for name, value in item.scan.geometry.items() if name != "name"}
    A = RayTransform(Volume((40, 40), 0.4), FanBeam(item.aux["angles"], BINS, **parameters))
    image = A.adjoint(item.data)
    row, column = divmod(int(image.argmax()), 40)
    assert abs((column - 19.5) * 0.4 - x) < 0.6
    assert abs((19.5 - row) * 0.4 - y_up) < 0.6


def test_the_reference_is_the_truth_in_1_per_mm(tmp_path):
    save(tmp_path / "ta_full.mat")
    picture = np.random.default_rng(1).random((512, 512))
    scipy.io.savemat(tmp_path / "ta_full_recon_fbp.mat", {"reconFullFbp": picture})
    scipy.io.savemat(tmp_path / "ta_full_recon_fbp_seg.mat", {"reconFullFbpSeg": picture > 0.5})
    (reference,) = HTC2022(str(tmp_path)).items()
    assert [file.name for file in reference.files] == ["ta_full.mat", "ta_full_recon_fbp.mat"]
    truth = reference.load().truth.numpy()
    place = np.arange(512) - 255.5
    inside = np.hypot(place[:, None], place) <= 255.5
    np.testing.assert_allclose(truth[inside], picture[inside] / 0.4)
    assert not truth[~inside].any()
    (alone,) = HTC2022(str(tmp_path), reference=False).items()
    assert len(alone.files) == 1
    assert alone.load().truth is None


def test_missing_parameters(tmp_path):
    save(tmp_path / "a.mat", without=["distanceSourceOrigin"])
    with pytest.raises(DataError) as error:
        load(tmp_path / "a.mat")
    assert str(error.value).startswith(
        f"{tmp_path}/a.mat has no 'CtDataFull.parameters.distanceSourceOrigin'; it holds"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pixelSizePost": 0.0}, "a.mat:CtDataFull.parameters.pixelSizePost holds 0.0, not one positive number."),
        (
            {"numDetectorsPost": 41},
            "a.mat has a sinogram of shape (30, 40), but 30 angles and 41 bins.",
        ),
        ({"angles": DEGREES[None, :-1]}, "a.mat has a sinogram of shape (30, 40), but 29 angles and 40 bins."),
        (
            {"sinogram": np.where(SINOGRAM > 0.99, np.nan, SINOGRAM)},
            "values that are NaN or infinite, the first at",
        ),
    ],
)
def test_what_does_not_fit(tmp_path, changes, said):
    save(tmp_path / "a.mat", **changes)
    with pytest.raises(DataError) as error:
        load(tmp_path / "a.mat")
    assert said in str(error.value)


def test_other_files(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"image": SINOGRAM})
    with pytest.raises(
        DataError, match=r"is no scan of the challenge: it holds image, not CtDataFull or CtDataLimited"
    ):
        load(tmp_path / "a.mat")
    (tmp_path / "a.mat").rename(tmp_path / "a_recon_fbp.mat")
    with pytest.raises(DataError, match="names reference reconstructions only, and no scan"):
        HTC2022(str(tmp_path)).items()
