"""NXtomo files: frames by their key, rows as items, entries."""

import h5py
import numpy as np
import pytest

from recon.files import DataError, NXtomo

FRAMES = np.random.default_rng(0).random((9, 3, 8), dtype=np.float32)
KEYS = np.array([2, 1, 0, 0, 3, 0, 0, 1, 2])
DEGREES = np.array([0, 0, 0, 45, 45, 90, 135, 180, 180.0])
PROJECTIONS = np.flatnonzero(KEYS == 0)


@pytest.fixture
def scan(tmp_path):
    """``scan(entries=("entry",), keys=..., units="deg")`` writes a file and gives its path."""

    def write(entries=("entry",), keys=KEYS, units="deg", angles=DEGREES):
        with h5py.File(tmp_path / "scan.nxs", "w") as file:
            for number, entry in enumerate(entries):
                group = file.require_group(entry)
                group["instrument/detector/data"] = FRAMES + number
                group["instrument/detector/image_key"] = keys
                if angles is not None:
                    group["sample/rotation_angle"] = angles
                    group["sample/rotation_angle"].attrs["units"] = units
                group["data/data"] = h5py.SoftLink(f"{group.name}/instrument/detector/data")
        return str(tmp_path / "scan.nxs")

    return write


def load(path, **settings):
    return NXtomo(path, **settings).items()[0].load()


@pytest.mark.parametrize("entry", ["entry", "entry1/tomo_entry", "/"])
def test_frames_have_roles(scan, entry):
    item = load(scan((entry,)))
    assert np.array_equal(item.data.numpy(), FRAMES[PROJECTIONS])
    assert np.array_equal(item.aux["flats"].numpy(), FRAMES[[1, 7]])
    assert np.array_equal(item.aux["darks"].numpy(), FRAMES[[0, 8]])
    np.testing.assert_allclose(item.aux["angles"].numpy(), np.deg2rad(DEGREES[PROJECTIONS]))
    assert item.scan.geometry == {"name": "parallel_beam_3d"}
    assert item.meta["angles_unit"] == "rad"


def test_rows_are_scans_in_the_plane(scan):
    references = NXtomo(scan(), slices="1:").items()
    assert [reference.id for reference in references] == ["scan-slice001", "scan-slice002"]
    item = references[1].load()
    assert np.array_equal(item.data.numpy(), FRAMES[PROJECTIONS][:, 2])
    assert np.array_equal(item.aux["flats"].numpy(), FRAMES[[1, 7]][:, 2])
    assert item.source.endswith("scan.nxs slice002")
    assert item.scan.geometry == {"name": "parallel_beam"}


def test_one_of_several_entries(scan):
    path = scan(("one", "two"))
    assert np.array_equal(load(path, entry="/two").data.numpy(), FRAMES[PROJECTIONS] + 1)
    with pytest.raises(DataError, match=r"has the scans one, two; say which with entry: one\."):
        load(path)
    with pytest.raises(DataError, match=r"has no scan in 'twoo'; it has one, two; did you mean 'two'\?"):
        load(path, entry="twoo")


def test_angles_in_radians_and_none(scan):
    np.testing.assert_allclose(load(scan(units="rad")).aux["angles"].numpy(), DEGREES[PROJECTIONS])
    assert "angles" not in load(scan(angles=None)).aux


def test_what_is_refused(scan):
    with pytest.raises(DataError, match=r"has no projections: no frame has the image_key 0\."):
        load(scan(keys=np.ones(9, int)))
    with pytest.raises(DataError, match=r"has 9 frames, but entry/instrument/detector/image_key of shape \(4,\)"):
        load(scan(keys=np.zeros(4, int)))
    with pytest.raises(DataError, match="is no NXtomo file: it has no instrument/detector/data"):
        load(scan(entries=()))
