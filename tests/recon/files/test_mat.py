"""MATLAB files of both kinds hold the same arrays in the same axes."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import torch

from recon.files import DataError, Mat

RNG = np.random.default_rng(0)
IMAGE = RNG.random((3, 5))
ANGLES = np.arange(4.0)
CELLS = [RNG.random((2, 2 + i)) for i in range(6)]
COMPLEX = RNG.random((2, 3)) + 1j * RNG.random((2, 3))


def save_v5(path):
    cells = np.empty((2, 3), dtype=object)
    for i, cell in enumerate(CELLS):
        cells[i % 2, i // 2] = cell
    scipy.io.savemat(
        path,
        {
            "image": IMAGE,
            "cells": cells,
            "scan": {"angles": ANGLES[None], "detector": {"pitch": 0.5, "name": "flat"}},
            "kspace": COMPLEX,
            "mask": IMAGE > 0.5,
            "note": "text",
            "sparse": scipy.sparse.eye(3).tocsc(),
        },
    )


def save_v73(path):
    """As MATLAB writes version 7.3: axes reversed, cells as references, structs as groups, classes as attributes."""
    with h5py.File(path, "w") as file:

        def put(group, name, values, kind="double"):
            group[name] = values
            group[name].attrs["MATLAB_class"] = np.bytes_(kind)

        put(file, "image", IMAGE.T)
        put(file, "mask", (IMAGE > 0.5).T.astype(np.uint8), "logical")
        put(file, "note", np.array([[116], [101]], np.uint16), "char")
        pairs = np.empty((3, 2), dtype=[("real", "f8"), ("imag", "f8")])
        pairs["real"], pairs["imag"] = COMPLEX.real.T, COMPLEX.imag.T
        put(file, "kspace", pairs)
        scan = file.create_group("scan")
        scan.attrs["MATLAB_class"] = np.bytes_("struct")
        put(scan, "angles", ANGLES[:, None])
        detector = scan.create_group("detector")
        put(detector, "pitch", np.array([[0.5]]))
        put(detector, "name", np.array([[116]], np.uint16), "char")
        hidden = file.create_group("#refs#")
        references = np.empty((3, 2), dtype=h5py.ref_dtype)
        for i, cell in enumerate(CELLS):
            put(hidden, f"c{i}", cell.T)
            references[i // 2, i % 2] = hidden[f"c{i}"].ref
        file.create_dataset("cells", data=references, dtype=h5py.ref_dtype)
        file["cells"].attrs["MATLAB_class"] = np.bytes_("cell")
        sparse = file.create_group("sparse")
        sparse.attrs["MATLAB_sparse"] = 3
        sparse["ir"] = np.arange(3)
        put(file, "empty", np.array([0, 0], np.uint64))
        file["empty"].attrs["MATLAB_empty"] = 1


@pytest.fixture(params=[save_v5, save_v73], ids=["v5", "v7.3"])
def path(request, tmp_path):
    request.param(tmp_path / "a.mat")
    return str(tmp_path / "a.mat")


def data(path, key, **settings):
    return Mat(path, keys={"data": key}, **settings).items()[0].load().data


def test_axes_are_matlabs(path):
    assert np.array_equal(data(path, "image").numpy(), IMAGE)
    assert np.array_equal(data(path, "kspace").numpy(), COMPLEX)


def test_struct_fields_with_dots_or_slashes(path):
    assert np.array_equal(data(path, "scan.angles").numpy(), ANGLES)
    assert np.array_equal(data(path, "scan/angles").numpy(), ANGLES)
    assert data(path, "scan.detector.pitch").item() == 0.5


def test_logical_arrays(path):
    item = Mat(path, keys={"data": "image", "mask": "mask"}).items()[0].load()
    assert item.aux["mask"].dtype == torch.bool or set(item.aux["mask"].unique().tolist()) <= {0.0, 1.0}
    assert np.array_equal(item.aux["mask"].numpy().astype(bool), IMAGE > 0.5)


@pytest.mark.parametrize("i", range(6))
def test_cells_count_down_the_columns(path, i):
    assert np.array_equal(data(path, {"key": "cells", "index": i}).numpy(), CELLS[i])
    assert np.array_equal(data(path, {"key": "cells", "index": [i % 2, i // 2]}).numpy(), CELLS[i])


def test_slices(path):
    second = data(path, "image", slices={"axis": 1, "index": 1})
    assert np.array_equal(second.numpy(), IMAGE[:, 1])


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("imag", "{0} has no 'imag'; it holds "),
        ("scan.angle", "{0} has no 'scan.angle'; it holds "),
        ("scan", "{0}:scan is a struct; name one of its fields: angles, detector."),
        ("cells", "{0}:cells is a cell array of 2×3; choose one cell with {{key: cells, index: 0}}."),
        ({"key": "cells", "index": 6}, "{0}:cells has no element [6]: "),
        ("sparse", "{0}:sparse is "),
        ("note", "{0}:note "),
    ],
)
def test_what_is_refused(path, key, sentence):
    with pytest.raises(DataError) as caught:
        data(path, key)
    assert str(caught.value).startswith(sentence.format(path))


def test_the_nearest_name_is_offered(path):
    with pytest.raises(DataError, match=r"did you mean 'scan\.angles'\?"):
        data(path, "scan.angle")


def test_empty_and_broken_files(tmp_path):
    save_v73(tmp_path / "a.mat")
    with pytest.raises(DataError, match=r"a.mat:empty is empty\."):
        data(str(tmp_path / "a.mat"), "empty")
    (tmp_path / "b.mat").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"b.mat is not a readable MATLAB file \("):
        data(str(tmp_path / "b.mat"), "image")
