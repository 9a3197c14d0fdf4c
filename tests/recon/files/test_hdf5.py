"""HDF5: roles, slices with their flats and darks, and everything that can be wrong."""

import h5py
import numpy as np
import pytest
import torch

from recon.files import DataError, Hdf5

KEYS = {"data": "exchange/data", "flats": "exchange/white", "angles": "exchange/theta"}


@pytest.fixture
def scan(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "data": rng.random((4, 3, 5), dtype=np.float32),
        "white": rng.random((2, 3, 5), dtype=np.float32),
        "theta": np.linspace(0, 180, 4, endpoint=False),
        "mask": np.array([True, False]),
        "kspace": (rng.random((2, 3)) + 1j * rng.random((2, 3))).astype(np.complex64),
    }
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[f"exchange/{name}"] = values
        file["exchange/title"] = "tooth"
        file.create_dataset("exchange/nothing", dtype="f4")
    return path, arrays


def load(path, **settings):
    return Hdf5(str(path), **settings).items()[0].load()


def test_roles(scan):
    path, arrays = scan
    item = load(path, keys={**KEYS, "mask": "exchange/mask", "truth": {"key": "exchange/white", "index": 1}})
    assert (item.id, item.source) == ("scan", str(path))
    assert np.array_equal(item.data.numpy(), arrays["data"])
    assert item.data.dtype == torch.float32
    assert item.aux["angles"].dtype == torch.float64
    assert item.aux["mask"].tolist() == [True, False]
    assert np.array_equal(item.truth.numpy(), arrays["white"][1])


def test_complex_data_stays_complex(scan):
    path, arrays = scan
    assert np.array_equal(load(path, keys={"data": "exchange/kspace"}).data.numpy(), arrays["kspace"])


def test_slices_take_flats_along_and_leave_angles_whole(scan):
    path, arrays = scan
    references = Hdf5(str(path), keys=KEYS, slices={"axis": 1, "index": [2, 0]}).items()
    assert [r.id for r in references] == ["scan-slice002", "scan-slice000"]
    item = references[0].load()
    assert item.source == f"{path} slice002"
    assert np.array_equal(item.data.numpy(), arrays["data"][:, 2])
    assert np.array_equal(item.aux["flats"].numpy(), arrays["white"][:, 2])
    assert np.array_equal(item.aux["angles"].numpy(), arrays["theta"])


def test_only_roles_named_in_sliced_are_sliced(scan):
    path, arrays = scan
    item = load(path, keys=KEYS, slices={"axis": 1}, sliced=["data"])
    assert np.array_equal(item.aux["flats"].numpy(), arrays["white"])


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"data": "exchange/date"},
            "{0} has no 'exchange/date'; it holds exchange/data, exchange/kspace, exchange/mask, exchange/nothing, "
            "exchange/theta, exchange/title, exchange/white; did you mean 'exchange/data'?",
        ),
        ({"data": "exchange/title"}, "{0}:exchange/title holds text, not numbers."),
        ({"data": "exchange/nothing"}, "{0}:exchange/nothing is empty."),
        (
            None,
            "{0} holds exchange/data, exchange/kspace, exchange/mask, exchange/nothing, exchange/theta, "
            "exchange/title, exchange/white; say which is the data with keys: {{data: name}}.",
        ),
    ],
)
def test_what_is_refused(scan, keys, sentence):
    with pytest.raises(DataError) as caught:
        load(scan[0], keys=keys)
    assert str(caught.value) == sentence.format(scan[0])


def test_an_index_beyond_the_dataset(scan):
    with pytest.raises(DataError, match=r"exchange/theta has no element \[9\]: "):
        load(scan[0], keys={"data": {"key": "exchange/theta", "index": 9}})


def test_flats_that_lack_the_axis(scan):
    with pytest.raises(DataError, match=r"angles of .*scan.h5 of shape \(4,\) does not have the 3 slices"):
        load(scan[0], keys=KEYS, slices={"axis": 1}, sliced=["data", "angles"])


def test_a_role_from_another_file(scan, tmp_path):
    path, arrays = scan
    with h5py.File(tmp_path / "blank.h5", "w") as file:
        file["counts"] = arrays["white"]
    keys = {**KEYS, "blank": {"file": "blank.h5"}, "first": {"file": str(tmp_path / "blank.h5"), "key": "counts"}}
    keys["first"] = {**keys["first"], "index": 0}
    (reference,) = Hdf5(str(path), keys=keys).items()
    assert reference.files == (path, tmp_path / "blank.h5")
    item = reference.load()
    assert np.array_equal(item.aux["blank"].numpy(), arrays["white"])
    assert np.array_equal(item.aux["first"].numpy(), arrays["white"][0])
    with pytest.raises(DataError, match=r"none\.h5, which keys ask for, does not exist"):
        load(path, keys={**KEYS, "blank": {"file": "none.h5", "key": "counts"}})
    with pytest.raises(DataError, match=r"blank\.h5 has no 'count'; it holds counts"):
        load(path, keys={**KEYS, "blank": {"file": "blank.h5", "key": "count"}})


def test_one_bad_file_leaves_the_others(scan):
    path, _ = scan
    (path.parent / "broken.h5").write_bytes(b"not hdf5 at all")
    references = Hdf5(str(path.parent), keys=KEYS, slices={"axis": 1}).items()
    assert [r.id for r in references] == ["broken", "scan-slice000", "scan-slice001", "scan-slice002"]
    with pytest.raises(DataError, match=r"broken.h5 is not a readable HDF5 file \("):
        references[0].load()
    assert references[1].load().data.shape == (4, 5)


def test_nan_is_counted_where_it_is(scan):
    path, _ = scan
    with h5py.File(path, "a") as file:
        file["exchange/data"][1, 0, 2:4] = np.nan
    with pytest.raises(DataError) as caught:
        load(path, keys=KEYS, slices={"axis": 1, "index": 0})
    assert str(caught.value) == (
        f"{path}:exchange/data slice000 holds 2 of 20 values that are NaN or infinite, the first at [1, 2]; "
        "repair or mask them before reconstructing."
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"keys": {"flats": "x"}}, "Hdf5 expects keys to name the role data, got flats."),
        (
            {"keys": {"data": {"name": "x"}}},
            "Hdf5 expects keys.data to be a dataset name or {key: name, index: i}, got {'name': 'x'}.",
        ),
        (
            {"keys": {"data": {"key": "x", "file": "y.h5"}}},
            "Hdf5 expects keys.data to be a dataset name or {key: name, index: i}, got {'key': 'x', 'file': 'y.h5'}.",
        ),
        (
            {"keys": {"data": "x", "blank": {"file": 3}}},
            "Hdf5 expects keys.blank to be a dataset name or {key: name, index: i, file: path}, got {'file': 3}.",
        ),
        (
            {"keys": {"data": "x", "blank": {"file": "y.h5", "index": 0}}},
            "Hdf5 expects a key with the index of keys.blank, got {'file': 'y.h5', 'index': 0}.",
        ),
        (
            {"keys": {"data": {"key": "x", "index": "1"}}},
            "Hdf5 expects the index of keys.data to be integers, got '1'.",
        ),
        ({"slices": {"axis": "z"}}, "slices expects an integer axis, got 'z'."),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        Hdf5("x.h5", **settings)
    assert str(caught.value) == sentence


def test_links_are_followed_and_those_that_lead_nowhere_named(scan, tmp_path):
    _, arrays = scan
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["far"] = h5py.ExternalLink("scan.h5", "/exchange/white")
        file["folder"] = h5py.ExternalLink("scan.h5", "/exchange")
        file["gone"] = h5py.ExternalLink("none.h5", "/x")
        file["soft"], file["round"] = h5py.SoftLink("/none"), h5py.SoftLink("/round")
    item = load(tmp_path / "links.h5", keys={"data": "far", "angles": "folder/theta"})
    assert np.array_equal(item.data.numpy(), arrays["white"])
    assert np.array_equal(item.aux["angles"].numpy(), arrays["theta"])
    with Hdf5("x").open(tmp_path / "links.h5") as datasets:
        assert {"far", "folder/data", "folder/theta"} <= set(datasets.names())
    for name in ("gone", "soft", "round"):
        with pytest.raises(DataError, match=rf"links\.h5:{name} is a link that leads nowhere"):
            load(tmp_path / "links.h5", keys={"data": name})


def test_virtual_datasets_whose_files_are_missing_are_not_zeros(scan, tmp_path):
    _, arrays = scan
    layout = h5py.VirtualLayout((2, 2, 3, 5), "f4")
    for number in range(2):
        layout[number] = h5py.VirtualSource(f"part{number}.h5", "data", (2, 3, 5))
        with h5py.File(tmp_path / f"part{number}.h5", "w") as file:
            file["data"] = arrays["white"] + number
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    assert np.array_equal(load(tmp_path / "whole.h5").data[1].numpy(), arrays["white"] + 1)
    (tmp_path / "part1.h5").unlink()
    with pytest.raises(DataError, match=r"whole\.h5:data is put together from other files, and .*part1\.h5 is missing"):
        load(tmp_path / "whole.h5")


def test_chunks_that_were_never_written_are_counted(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (5, 4), "f4", chunks=(2, 4), fillvalue=7)
        file["data"][:2] = 1
    item = load(tmp_path / "a.h5")
    assert item.meta["chunks_missing"] == {"count": 2, "of": 3, "read_as": "7.0"}
    assert item.data[:, 0].tolist() == [1, 1, 7, 7, 7]


def test_a_file_without_arrays(tmp_path):
    h5py.File(tmp_path / "a.h5", "w").close()
    with pytest.raises(DataError, match=r"a\.h5 holds no arrays\."):
        load(tmp_path / "a.h5")
