"""NumPy files: one array or several, read by name."""

import zipfile

import numpy as np
import pytest
import torch

from recon.files import DataError, Numpy


def test_npy_and_its_slices(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.save(tmp_path / "stack.npy", values)
    (whole,) = Numpy(str(tmp_path / "stack.npy")).items()
    assert np.array_equal(whole.load().data.numpy(), values)
    second = Numpy(str(tmp_path / "stack.npy"), slices={"axis": 0, "index": 1}).items()[0].load()
    assert second.id == "stack-slice001"
    assert np.array_equal(second.data.numpy(), values[1])


def test_fortran_order_and_foreign_bytes(tmp_path):
    values = np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3))
    np.save(tmp_path / "a.npy", values)
    data = Numpy(str(tmp_path / "a.npy")).items()[0].load().data
    assert data.is_contiguous()
    assert data.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_npz_by_keys_and_without(tmp_path):
    np.savez(tmp_path / "a.npz", y=np.ones(3), mask=np.array([True, False, True]))
    np.savez(tmp_path / "only.npz", whatever=np.ones(2))
    np.savez(tmp_path / "named.npz", data=np.ones(4), other=np.ones(5))
    item = Numpy(str(tmp_path / "a.npz"), keys={"data": "y", "mask": "mask"}).items()[0].load()
    assert item.aux["mask"].dtype == torch.bool
    assert Numpy(str(tmp_path / "only.npz")).items()[0].load().data.shape == (2,)
    assert Numpy(str(tmp_path / "named.npz")).items()[0].load().data.shape == (4,)
    with pytest.raises(DataError, match=r"a.npz holds y, mask; say which is the data"):
        Numpy(str(tmp_path / "a.npz")).items()[0].load()
    with pytest.raises(DataError, match=r"a.npz has no 'yy'; it holds y, mask"):
        Numpy(str(tmp_path / "a.npz"), keys={"data": "yy"}).items()[0].load()


@pytest.mark.parametrize("cut", [0, 3, 60, 100])
def test_damaged_files(tmp_path, cut):
    np.save(tmp_path / "a.npy", np.arange(100.0))
    raw = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(raw[:cut])
    with pytest.raises(DataError, match=r"a.npy is not a "):
        Numpy(str(tmp_path / "a.npy")).items()[0].load()


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickled_objects_are_never_loaded(tmp_path, name):
    (np.save if name.endswith("y") else np.savez)(tmp_path / name, np.array([{}]))
    with pytest.raises(DataError, match="it holds Python objects, not numbers"):
        Numpy(str(tmp_path / name)).items()[0].load()


def test_an_archive_that_claims_more_than_it_holds(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.ones((6, 8)))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        member = archive.read("data.npy").replace(b"(6, 8)", b"(60000000000, 8)").replace(b" " * 10, b"", 1)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.npy", member)
    with pytest.raises(
        DataError, match=r"a\.npz:data of shape \(60000000000, 8\) takes 3840000000000 bytes, but has 384"
    ):
        Numpy(str(tmp_path / "a.npz"), slices={"axis": 0, "index": 0}).items()[0].load()
