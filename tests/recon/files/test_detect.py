"""Formats are told by content, and whatever is no file of data is refused in one sentence."""

import gzip
import os
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from PIL import Image

from recon.files import Cfl, DataError, Dicom, Fits, Hdf5, Idx, Mat, Nifti, Numpy
from recon.files.detect import detect
from recon.files.inspect import plane, summarise

ARRAY = np.random.default_rng(0).random((6, 8)).astype(np.float32)
IDX = b"\0\0\x0d\x02" + struct.pack(">2I", 6, 8) + ARRAY.astype(">f4").tobytes()


def _h5(path):
    with h5py.File(path, "w") as file:
        file["data"] = ARRAY
        file["data"].attrs["units"] = "counts"


def _cfl(path):
    path.write_bytes(ARRAY.astype(np.complex64).tobytes(order="F"))
    path.with_suffix(".hdr").write_text("# Dimensions\n6 8 1 1\n")


def _save_npz(path):
    with path.open("wb") as stream:
        np.savez(stream, data=ARRAY)


def _save_npy(path):
    with path.open("wb") as stream:
        np.save(stream, ARRAY)


SAVED = {
    "NumPy array": _save_npy,
    "NumPy archive": _save_npz,
    "HDF5": _h5,
    "MATLAB 5 to 7.2": lambda path: scipy.io.savemat(path, {"data": ARRAY}, appendmat=False),
    "TIFF": lambda path: tifffile.imwrite(path, ARRAY),
    "PNG": lambda path: Image.fromarray((ARRAY * 255).astype(np.uint8)).save(path, format="PNG"),
    "IDX": lambda path: path.write_bytes(gzip.compress(IDX)),
}


@pytest.mark.parametrize("name", SAVED)
def test_the_ending_does_not_matter(tmp_path, name):
    path = tmp_path / "a.xyz"
    SAVED[name](path)
    summary = summarise(path)
    assert summary.format == name
    (array,) = summary.arrays
    assert (array.shape, array.error) == ((6, 8), "")
    assert array.units == ("counts" if name == "HDF5" else "")
    shown = plane(path).values
    assert np.allclose(shown, ARRAY if name != "PNG" else (ARRAY * 255).astype(np.uint8))


def test_bart_is_told_by_its_pair(tmp_path):
    _cfl(tmp_path / "a.cfl")
    assert summarise(tmp_path / "a.cfl").arrays[0].shape == (6, 8)
    assert detect(tmp_path / "a.hdr").name == "BART"
    (tmp_path / "a.cfl").unlink()
    with pytest.raises(DataError, match=r"a.cfl is missing: a .hdr file needs its .cfl beside it"):
        summarise(tmp_path / "a.hdr")


def _look(path):
    summarise(path)
    plane(path)


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("left", [0, 3, 40, 0.5, 0.8])
def test_cut_off_files_are_one_sentence(tmp_path, name, left):
    """A header that is still whole may be summarised; the numbers that are missing are then an error of their own."""
    path = tmp_path / "a.xyz"
    SAVED[name](path)
    raw = path.read_bytes()
    path.write_bytes(raw[: left if isinstance(left, int) else int(left * len(raw))])
    with pytest.raises(DataError) as caught:
        _look(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty."),
        (b"hello world", "is of no format that recon reads: it begins with the bytes 68 65 6c 6c 6f 20 77 6f"),
        (b"PK\3\4....", "is a zip archive that cannot be read"),
        (b"\x1f\x8b broken", "is compressed with gzip and cannot be unpacked"),
        (b"\x93NUMPY\x01\x00\xff\xff", "is not a readable NumPy file"),
    ],
)
def test_other_files(tmp_path, content, sentence):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        summarise(tmp_path / "a.tif")


def test_a_header_that_claims_more_than_there_is(tmp_path):
    _save_npy(tmp_path / "a.npy")
    raw = (tmp_path / "a.npy").read_bytes().replace(b"(6, 8)", b"(6000000000, 8)")
    (tmp_path / "a.npy").write_bytes(raw)
    with pytest.raises(DataError, match=r"a.npy is not a readable NumPy file"):
        summarise(tmp_path / "a.npy")


def test_readers_that_fit_are_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = np.ones((2, 3, 4))
    assert detect(tmp_path / "a.h5").inputs == ("dxchange", "hdf5")


def test_a_large_array_is_not_read_to_be_told(tmp_path):
    """A terabyte of which no chunk is written."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (1 << 14, 1 << 12, 1 << 12), "f4", chunks=(1, 64, 64))
    assert summarise(tmp_path / "a.h5").arrays[0].shape == (1 << 14, 1 << 12, 1 << 12)
    assert plane(tmp_path / "a.h5", index=[3]).values.shape == (1 << 12, 1 << 12)
    from recon.files import Hdf5

    with pytest.raises(DataError, match=r"takes 1024 GiB as 4-byte numbers, more than the memory of .*; take slices"):
        Hdf5(str(tmp_path / "a.h5")).items()[0].load()


def test_what_is_neither_a_file_nor_a_folder(tmp_path):
    """A pipe would be waited for without end."""
    os.mkfifo(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"a\.npy is neither a file nor a folder"):
        detect(tmp_path / "a.npy")
    (tmp_path / "b.npy").symlink_to("c.npy")
    (tmp_path / "c.npy").symlink_to("b.npy")
    with pytest.raises(DataError, match=r"b\.npy cannot be opened \(Too many levels of symbolic links\)"):
        detect(tmp_path / "b.npy")


@pytest.mark.parametrize("reader", [Cfl, Dicom, Fits, Hdf5, Idx, Mat, Nifti, Numpy])
def test_a_file_that_may_not_be_read(tmp_path, monkeypatch, reader):
    path = tmp_path / "a.cfl"
    _cfl(path)

    def refusing(opens):
        def refused(file, *args, **kwargs):  # but for libraries, which read files of their own when first imported
            if str(file).startswith(str(tmp_path)):
                raise PermissionError(13, "Permission denied")
            return opens(file, *args, **kwargs)

        return refused

    monkeypatch.setattr("builtins.open", refusing(open))
    monkeypatch.setattr(Path, "open", refusing(Path.open))
    with pytest.raises(DataError, match=r"^[^\n]*a\.(cfl|hdr) "), reader(str(path)).open(path):
        pass
