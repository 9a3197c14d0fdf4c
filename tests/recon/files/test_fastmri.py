"""fastMRI: slices with their masks, the reference apart, the readout along the rows."""

import h5py
import numpy as np
import pytest

from recon.files import DataError, FastMRI

RNG = np.random.default_rng(0)
KSPACE = (RNG.standard_normal((3, 2, 16, 10)) + 1j * RNG.standard_normal((3, 2, 16, 10))).astype(np.complex64)
RSS = RNG.random((3, 8, 8)).astype(np.float32)
HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>16</x><y>10</y><z>1</z></matrixSize>
<fieldOfView_mm><x>320</x><y>150</y><z>4</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>8</x><y>8</y><z>1</z></matrixSize>
<fieldOfView_mm><x>160</x><y>120</y><z>4</z></fieldOfView_mm></reconSpace></encoding></ismrmrdHeader>"""


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "file1.h5", "w") as file:
        file["kspace"], file["reconstruction_rss"], file["ismrmrd_header"] = KSPACE, RSS, HEADER
        file["mask"] = np.arange(10) % 2 == 0
        file.attrs["acquisition"] = "CORPD_FBK"
        file.attrs["patient_id"] = "secret"
    return str(tmp_path / "file1.h5")


def test_slices_masks_and_references(path):
    references = FastMRI(path, slices="1:").items()
    assert [reference.id for reference in references] == ["file1-slice001", "file1-slice002"]
    item = references[0].load()
    assert np.array_equal(item.data.numpy(), KSPACE[1])
    assert item.truth is None
    assert np.array_equal(item.aux["reference"].numpy(), RSS[1])
    assert tuple(item.aux["mask"].shape) == (16, 10)
    assert item.aux["mask"][3].tolist() == [True, False] * 5
    assert item.meta["spacing_mm"] == [20.0, 15.0]
    assert item.meta["acquisition"] == "CORPD_FBK"
    assert "secret" not in repr(item.meta)


def test_the_reference_as_an_image(path):
    item = FastMRI(path, slices=2, read="reference").items()[0].load()
    assert np.array_equal(item.data.numpy(), RSS[2])
    assert item.meta["spacing_mm"] == [20.0, 15.0]


def test_other_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = RSS
    with pytest.raises(DataError, match="is no fastMRI file: it has no 'kspace'"):
        FastMRI(str(tmp_path / "a.h5")).items()[0].load()
    with pytest.raises(ValueError, match="FastMRI expects read 'kspace' or 'reference', got 'rss'"):
        FastMRI("a.h5", read="rss")
