"""Summaries say what is in a file, and planes are what they say they are."""

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile
from PIL import Image

from recon.files import DataError
from recon.files.inspect import plane, summarise

STACK = np.arange(120, dtype=np.float32).reshape(4, 5, 6)


def test_numbers_text_records_and_what_cannot_be_told(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pitch"], file["title"], file["nothing"] = np.array([0.5, 0.25]), "tooth", h5py.Empty("f4")
        file["table"] = np.zeros(3, [("a", "f4")])
        file["data"] = STACK
        file["data"].attrs["units"] = np.array([b"counts"])
    summary = summarise(tmp_path / "a.h5")
    arrays = {array.name: array for array in summary.arrays}
    assert (summary.format, summary.main, summary.bytes) == ("HDF5", "data", (tmp_path / "a.h5").stat().st_size)
    assert (arrays["data"].shape, arrays["data"].dtype, arrays["data"].units) == ((4, 5, 6), "float32", "counts")
    assert (arrays["pitch"].value, arrays["title"].value, arrays["data"].value) == ([0.5, 0.25], "tooth", None)
    assert (arrays["title"].dtype, arrays["table"].dtype) == ("text", "records")
    assert arrays["nothing"].error == f"{tmp_path}/a.h5:nothing is empty."


def test_the_middle_of_the_largest_unless_told_otherwise(tmp_path):
    np.savez(tmp_path / "a.npz", small=np.ones(3), stack=STACK)
    shown = plane(tmp_path / "a.npz")
    assert shown.what == "stack[2]"
    assert np.array_equal(shown.values, STACK[2])
    assert np.array_equal(plane(tmp_path / "a.npz", "stack", [-1]).values, STACK[3])
    assert plane(tmp_path / "a.npz", "small").values.shape == (1, 3)


@pytest.mark.parametrize(
    ("key", "index", "sentence"),
    [
        ("stock", None, r"a.npz has no 'stock'; did you mean 'stack'\?"),
        ("stack", [4], r"stack of shape \(4, 5, 6\) has no element \[4\]"),
        ("stack", [0, 0], r"stack of shape \(4, 5, 6\) takes an index of 1 numbers, got \[0, 0\]"),
        ("empty", None, r"a.npz:empty is empty: its shape is \(0, 3\)"),
        ("text", None, r"a.npz:text holds no numbers"),
    ],
)
def test_what_cannot_be_shown(tmp_path, key, index, sentence):
    np.savez(tmp_path / "a.npz", stack=STACK, empty=np.ones((0, 3)), text=np.array(["a"]))
    with pytest.raises(DataError, match=sentence):
        plane(tmp_path / "a.npz", key, index)


def test_a_file_without_arrays_is_named(tmp_path):
    h5py.File(tmp_path / "a.h5", "w").close()
    assert summarise(tmp_path / "a.h5").arrays == ()
    with pytest.raises(DataError, match=r"a\.h5 holds no arrays of numbers"):
        plane(tmp_path / "a.h5")


@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_channels_of_images_are_no_columns(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 7, channels), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig")
    shown = plane(tmp_path / "a.tif")
    colours = channels in (3, 4)
    assert np.array_equal(shown.values, pixels[..., :3] if colours else pixels[..., 0])
    assert shown.what == ("data" if colours else f"data, the first of {channels} channels")


def test_cells_of_matlab_take_an_index_of_their_own(tmp_path):
    cells = np.empty((1, 3), object)
    cells[0] = [STACK[0], STACK[1], STACK]
    scipy.io.savemat(tmp_path / "a.mat", {"kernels": cells})
    shown = plane(tmp_path / "a.mat", "kernels", [1])
    assert shown.what == "kernels[1]"
    assert np.array_equal(shown.values, STACK[1])
    assert np.array_equal(plane(tmp_path / "a.mat", "kernels", [2, 3]).values, STACK[3])
    with pytest.raises(DataError, match=r"a\.mat:kernels has no element \[7\]"):
        plane(tmp_path / "a.mat", "kernels", [7])


def test_long_axes_are_thinned_and_huge_planes_cut(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["long"] = np.arange(10_000)
        file.create_dataset("huge", (10**8, 10**8), "f4", chunks=(1024, 1024))
    thin = plane(tmp_path / "a.h5", "long")
    assert np.array_equal(thin.values[0], np.arange(0, 10_000, 3))
    assert thin.what == "long, one in 3 along the longest axis"
    huge = plane(tmp_path / "a.h5", "huge")
    assert huge.values.shape == (4096, 4096)
    assert huge.what == "huge, the middle 4096 along each axis"


def test_a_picture_of_a_page(tmp_path):
    Image.fromarray(STACK[0].astype(np.uint8)).save(tmp_path / "a.png")
    assert summarise(tmp_path / "a.png").arrays[0].notes == {"kind": "PNG"}
    assert np.array_equal(plane(tmp_path / "a.png").values, STACK[0])
