"""DXchange files: roles, rows as items, units of angles."""

import h5py
import numpy as np
import pytest
import torch

from recon.files import DataError, DXchange

RNG = np.random.default_rng(0)
ARRAYS = {
    "data": RNG.random((6, 3, 8), dtype=np.float32),
    "data_white": RNG.random((2, 3, 8), dtype=np.float32),
    "data_dark": RNG.random((2, 3, 8), dtype=np.float32),
    "theta": np.arange(6) * 30.0,
}


@pytest.fixture
def scan(tmp_path):
    """``scan(units="degrees", without=())`` writes a file and gives its path."""

    def write(units="degrees", without=(), **changes):
        with h5py.File(tmp_path / "scan.h5", "w") as file:
            for name, values in {**ARRAYS, **changes}.items():
                if name not in without:
                    file[f"exchange/{name}"] = values
            if units is not None and "theta" not in without:
                file["exchange/theta"].attrs["units"] = units
        return str(tmp_path / "scan.h5")

    return write


def load(path, **settings):
    return DXchange(path, **settings).items()[0].load()


def test_a_file_is_one_scan_in_space(scan):
    item = load(scan())
    assert np.array_equal(item.data.numpy(), ARRAYS["data"])
    assert np.array_equal(item.aux["flats"].numpy(), ARRAYS["data_white"])
    assert np.array_equal(item.aux["darks"].numpy(), ARRAYS["data_dark"])
    assert torch.allclose(item.aux["angles"], torch.deg2rad(torch.arange(6.0).double() * 30))
    assert item.meta["angles_unit"] == "rad"
    assert item.scan.geometry == {"name": "parallel_beam_3d"}


def test_rows_are_scans_in_the_plane(scan):
    references = DXchange(scan(), slices=[2, 0]).items()
    assert [reference.id for reference in references] == ["scan-slice002", "scan-slice000"]
    item = references[0].load()
    assert (item.id, item.source.endswith("scan.h5 slice002")) == ("scan-slice002", True)
    assert np.array_equal(item.data.numpy(), ARRAYS["data"][:, 2])
    assert np.array_equal(item.aux["flats"].numpy(), ARRAYS["data_white"][:, 2])
    assert item.scan.geometry == {"name": "parallel_beam"}
    assert len(DXchange(scan(), slices="all").items()) == 3


@pytest.mark.parametrize("units", ["deg", b"Degrees", np.array([b"degree"]), "rad", "radians"])
def test_units_of_angles(scan, units):
    item = load(scan(units))
    factor = 1.0 if str(units).startswith("rad") else np.pi / 180
    np.testing.assert_allclose(item.aux["angles"].numpy(), ARRAYS["theta"] * factor)


def test_the_job_may_say_the_unit(scan):
    np.testing.assert_allclose(load(scan(None), angle_unit="rad").aux["angles"].numpy(), ARRAYS["theta"])
    np.testing.assert_allclose(load(scan("deg"), angle_unit="rad").aux["angles"].numpy(), ARRAYS["theta"])


@pytest.mark.parametrize(("units", "said"), [(None, "do not tell their units"), ("gon", "are in 'gon', which is")])
def test_angles_without_a_unit_that_is_known(scan, units, said):
    with pytest.raises(DataError, match=rf"exchange/theta {said}.*; say angle_unit: deg or angle_unit: rad in input"):
        load(scan(units))


def test_what_may_be_missing(scan):
    item = load(scan(without=("data_white", "data_dark", "theta")))
    assert dict(item.aux) == {}
    assert "angles_unit" not in item.meta


def test_other_files(scan):
    with pytest.raises(DataError, match="is no DXchange file: it has no 'exchange/data'"):
        load(scan(without=("data",)))
    with pytest.raises(DataError, match=r"has exchange/data of shape \(6, 8\), not \(angles, rows, bins\)"):
        load(scan(data=ARRAYS["data"][:, 0]))
    with pytest.raises(DataError, match=r"has 3 slices along axis 1, counted from 0: no 7"):
        load(scan(), slices=7)
    with pytest.raises(ValueError, match="slices expects index to be all"):
        DXchange(scan(), slices="some")
