"""Zarr: arrays of both versions, OME-Zarr's levels, axes and scales."""

import numpy as np
import pytest
import torch

from recon.files import DataError, Zarr, write

zarr = pytest.importorskip("zarr")

STACK = np.random.default_rng(0).random((4, 6, 8)).astype(np.float32)


def level(path, *scale):
    return {"path": path, "coordinateTransformations": [{"type": "scale", "scale": list(scale)}]}


@pytest.fixture(params=[2, 3])
def image(request, tmp_path):
    path = tmp_path / "a.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=request.param)
    finest = group.create_array("0", shape=STACK.shape, dtype="f4", chunks=(1, 6, 8))
    finest[:3] = STACK[:3]
    group.create_array("1", data=STACK[:, ::2, ::2])
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    multiscales = [{"axes": axes, "datasets": [level("0", 2.0, 1.0, 0.5), level("1", 2.0, 2.0, 1.0)]}]
    version = {"multiscales": multiscales} if request.param == 2 else {"ome": {"multiscales": multiscales}}
    group.attrs.update(version)
    return path


def test_the_finest_level_with_axes_and_missing_chunks(image):
    item = Zarr(str(image)).items()[0].load()
    assert np.array_equal(item.data.numpy()[:3], STACK[:3])
    assert not item.data[3].any()
    assert item.meta["chunks_missing"] == {"count": 1, "of": 4, "read_as": "0.0"}
    assert item.meta["axes"] == "z y x"
    assert item.meta["spacing_mm"] == pytest.approx([2e-3, 1e-3, 5e-4])


def test_levels_and_slices(image):
    item = Zarr(str(image), level=1, slices={"axis": 0, "index": 2}).items()[0].load()
    assert np.array_equal(item.data.numpy(), STACK[2, ::2, ::2])
    assert item.meta["spacing_mm"] == pytest.approx([2e-3, 1e-3])
    with pytest.raises(DataError, match="has 2 levels, counted from 0: no level 2"):
        Zarr(str(image), level=2).items()[0].load()


def test_only_the_chunks_of_a_slice_are_read(image):
    for chunk in (image / "0").rglob("*"):
        first = chunk.name == "2.0.0" or chunk.parts[-4:] == ("c", "2", "0", "0")
        if chunk.is_file() and first:
            chunk.write_bytes(b"damaged")
    assert np.array_equal(Zarr(str(image), slices={"axis": 0, "index": 1}).items()[0].load().data.numpy(), STACK[1])
    with pytest.raises(DataError, match=r"a.zarr:0 cannot be read \("):
        Zarr(str(image), slices={"axis": 0, "index": 2}, keys={"data": "0"}).items()[0].load()


def test_an_array_alone_and_a_folder_of_them(tmp_path):
    zarr.save_array(str(tmp_path / "b.zarr"), STACK)
    zarr.save_array(str(tmp_path / "a.zarr"), STACK + 1)
    references = Zarr(str(tmp_path)).items()
    assert [reference.id for reference in references] == ["a", "b"]
    assert np.array_equal(references[1].load().data.numpy(), STACK)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize(("shape", "color"), [((5, 7), False), ((4, 5, 7), False), ((3, 5, 7), True)])
def test_round_trip(tmp_path, shape, color, dtype):
    x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    spacing = [2.0, 0.5, 0.25][3 - len(shape) + color :]
    (path,) = write(tmp_path / "a", x, ["zarr"], {"spacing_mm": spacing}, color=color)
    assert path.name == "a.zarr.zip"
    item = Zarr(str(path)).items()[0].load()
    assert item.data.dtype == dtype
    assert torch.equal(item.data, x)
    assert item.meta["spacing_mm"] == spacing


def test_other_things_are_refused(tmp_path):
    (tmp_path / "a.zarr.zip").write_bytes(b"PK\3\4 no archive")
    with pytest.raises(DataError, match=r"a.zarr.zip is not a readable Zarr hierarchy \("):
        Zarr(str(tmp_path / "a.zarr.zip")).items()[0].load()


def test_an_array_of_petabytes_is_told_without_counting_its_chunks(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(10**8, 10**8), chunks=(1000, 1000), dtype="f8")
    with Zarr("x").open(tmp_path / "a.zarr") as arrays:
        assert arrays.about("data").notes["chunks_missing"] == {"count": 10**10, "of": 10**10, "read_as": "0.0"}
    with pytest.raises(DataError, match=r"takes 7\.451e\+07 GiB as 8-byte numbers"):
        Zarr(str(tmp_path / "a.zarr")).items()[0].load()


@pytest.mark.parametrize(
    "ome", ["x", {"multiscales": "x"}, {"multiscales": [{}]}, {"multiscales": [{"datasets": [7]}]}]
)
def test_metadata_that_are_none(tmp_path, ome):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", data=STACK)
    group.attrs["ome"] = ome
    with pytest.raises(DataError, match=r"^[^\n]*a\.zarr is not a readable Zarr hierarchy \([^\n]+\)\.$"):
        Zarr(str(tmp_path / "a.zarr")).items()[0].load()


def test_shards_are_counted_as_wholes(tmp_path):
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="f4")
    array[:4] = 1
    item = Zarr(str(tmp_path / "a.zarr")).items()[0].load()
    assert item.meta["chunks_missing"] == {"count": 2, "of": 4, "read_as": "0.0"}
