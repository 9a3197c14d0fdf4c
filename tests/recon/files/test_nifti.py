"""NIfTI: voxels bit for bit in reversed axes, with affine, spacing and rescaling stated."""

import gzip

import numpy as np
import pytest
import torch

from recon.files import DataError, Nifti, write

nibabel = pytest.importorskip("nibabel")

RNG = np.random.default_rng(0)
VOXELS = RNG.integers(-1000, 1000, (4, 5, 6), dtype=np.int16)
AFFINE = np.array([[-2.0, 0, 0, 1], [0, 3, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])


def save(path, voxels, unit="mm", dtype=None):
    image = nibabel.Nifti1Image(voxels, AFFINE, dtype=dtype)
    image.header.set_xyzt_units(unit)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_voxels_affine_and_spacing(tmp_path, name):
    (reference,) = Nifti(str(save(tmp_path / name, VOXELS))).items()
    item = reference.load()
    assert item.id == "a"
    assert np.array_equal(item.data.numpy(), VOXELS.T)
    assert item.meta["affine"] == AFFINE.tolist()
    assert item.meta["axes_point_to"] == "LAS"
    assert item.meta["spacing_mm"] == [4.0, 3.0, 2.0]
    assert item.meta["converted"] == {"data": "int16 read as float32"}


def test_slices_of_a_folder(tmp_path):
    save(tmp_path / "a.nii", VOXELS)
    references = Nifti(str(tmp_path), slices={"axis": 0, "index": [2]}).items()
    item = references[0].load()
    assert references[0].id == "a-slice002"
    assert np.array_equal(item.data.numpy(), VOXELS[:, :, 2].T)
    assert item.meta["spacing_mm"] == [3.0, 2.0]


def test_rescaling_is_applied_and_stated(tmp_path):
    numbers = RNG.random((4, 5, 6))
    path = save(tmp_path / "a.nii", numbers, dtype=np.int16)
    item = Nifti(str(path)).items()[0].load()
    rescale = item.meta["rescale"]
    stored = np.asarray(nibabel.load(path).dataobj.get_unscaled())
    assert item.data.dtype == torch.float64
    assert np.array_equal(item.data.numpy(), (stored * rescale["slope"] + rescale["intercept"]).T)
    assert np.abs(item.data.numpy() - numbers.T).max() <= rescale["slope"]


def test_metres_become_millimetres_and_unknown_units_are_stated(tmp_path):
    metres = Nifti(str(save(tmp_path / "a.nii", VOXELS, "meter"))).items()[0].load()
    assert metres.meta["spacing_mm"] == [4000.0, 3000.0, 2000.0]
    unknown = Nifti(str(save(tmp_path / "b.nii", VOXELS, "unknown"))).items()[0].load()
    assert unknown.meta["length_unit"] == "unknown, taken for mm"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("shape", [(5, 7), (4, 5, 7)])
def test_round_trip(tmp_path, shape, dtype):
    x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    spacing = [2.0, 0.5, 0.25][-len(shape) :]
    (path,) = write(tmp_path / "a", x, ["nifti"], {"spacing_mm": spacing, "solver": "pdhg"})
    item = Nifti(str(path)).items()[0].load()
    assert item.data.dtype == dtype
    assert torch.equal(item.data, x)
    assert item.meta["spacing_mm"][-2:] == [0.5, 0.25]
    assert nibabel.load(path).header.extensions[0].get_content() is not None


def test_the_affine_goes_along(tmp_path):
    item = Nifti(str(save(tmp_path / "a.nii", VOXELS))).items()[0].load()
    meta = {"affine": item.meta["affine"], "spacing_mm": item.meta["spacing_mm"]}
    (path,) = write(tmp_path / "b", item.data, ["nifti"], meta)
    back = nibabel.load(path)
    assert np.array_equal(back.affine, AFFINE)
    assert np.array_equal(np.asarray(back.dataobj), VOXELS)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"\0" * 400)
    with pytest.raises(DataError, match=r"a.nii is not a readable NIfTI image \("):
        Nifti(str(tmp_path / "a.nii")).items()[0].load()


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    path = save(tmp_path / "a.nii", VOXELS)
    monkeypatch.setattr("recon.files.need.find_spec", lambda name: None)
    with pytest.raises(DataError) as caught:
        Nifti(str(path)).items()[0].load()
    assert str(caught.value) == (
        f"{path}, a NIfTI image, needs the package nibabel: pip install 'recon-imaging[nifti]'."
    )


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_headers_that_claim_more_than_there_is(tmp_path, name):
    """Nothing of the kind is allocated."""
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    raw = bytearray(image.to_bytes())
    raw[42:48] = b"\xff\x7f" * 3
    (tmp_path / name).write_bytes(gzip.compress(bytes(raw)) if name.endswith("gz") else raw)
    with pytest.raises(DataError, match=rf"{name} is of 70362301923326 bytes by its header, more than its file of"):
        Nifti(str(tmp_path / name), slices={"axis": 0}).items()[0].load()


def test_the_affine_is_the_sform_where_both_are_given(tmp_path):
    image = nibabel.Nifti1Image(VOXELS, None)
    image.set_qform(np.diag([2.0, 3, 4, 1]), 1)
    assert np.array_equal(_affine(tmp_path / "q.nii", image), np.diag([2.0, 3, 4, 1]))
    image.set_sform(AFFINE, 2)
    assert np.array_equal(_affine(tmp_path / "s.nii", image), AFFINE)


def _affine(path, image):
    nibabel.save(image, path)
    return np.array(Nifti(str(path)).items()[0].load().meta["affine"])


def test_time_comes_first(tmp_path):
    series = RNG.random((2, 3, 4, 5)).astype(np.float32)
    item = Nifti(str(save(tmp_path / "a.nii", series))).items()[0].load()
    assert np.array_equal(item.data.numpy(), series.T)
    third = Nifti(str(tmp_path / "a.nii"), slices={"axis": 0, "index": 3}).items()[0].load()
    assert np.array_equal(third.data.numpy(), series[..., 3].T)
    assert third.meta["spacing_mm"] == [4.0, 3.0, 2.0]


def test_a_header_without_its_image(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(VOXELS, AFFINE), tmp_path / "a.img")
    assert np.array_equal(Nifti(str(tmp_path / "a.hdr")).items()[0].load().data.numpy(), VOXELS.T)
    (tmp_path / "a.img").unlink()
    with pytest.raises(
        DataError, match=r"a\.img is missing: .*a\.hdr is a header alone|a\.hdr is not a readable NIfTI"
    ):
        Nifti(str(tmp_path / "a.hdr")).items()[0].load()
