"""Datasets in other files, with every format of arrays, and elements of what is in them."""

from importlib.util import find_spec
from typing import ClassVar

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from recon.files import Cfl, DataError, Dicom, Fits, Hdf5, Idx, Mat, Nifti, Numpy, Zarr, write

DATA = np.random.default_rng(0).integers(0, 200, (4, 5, 6)).astype(np.uint8)
FLAT = 255 - DATA[:, :3]


def save_h5(path, values):
    with h5py.File(path, "w") as file:
        file["data"] = values


def save_idx(path, values):
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes())


def save_cfl(path, values):
    """Axes (phase, readout, coil) of BART, which come out as (coil, phase, readout)."""
    stored = np.moveaxis(values, 0, -1)[:, :, None]
    path.with_suffix(".hdr").write_text("# Dimensions\n" + " ".join(map(str, stored.shape)) + "\n")
    stored.astype("<c8").flatten(order="F").tofile(path)


def save_fits(path, values):
    from astropy.io import fits

    fits.PrimaryHDU(values).writeto(path)


def save_nifti(path, values):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), path)


def save_zarr(path, values):
    import zarr

    zarr.save_array(str(path), values)


def save_series(path, values):
    from tests.recon.files.test_dicom import save

    path.mkdir()
    for number, plane in enumerate(values):
        save(path / f"{number}.dcm", plane.astype(np.uint16), float(number), RescaleSlope=1, RescaleIntercept=0)


FORMATS = {
    "npy": (Numpy, "", np.save),
    "npz": (Numpy, "", lambda path, values: np.savez(path, data=values)),
    "h5": (Hdf5, "", save_h5),
    "mat": (Mat, "", lambda path, values: scipy.io.savemat(path, {"data": values})),
    "idx": (Idx, "", save_idx),
    "cfl": (Cfl, "", save_cfl),
    "fits": (Fits, "astropy", save_fits),
    "nii": (Nifti, "nibabel", save_nifti),
    "zarr": (Zarr, "zarr", save_zarr),
    "series": (Dicom, "pydicom", save_series),
}
THERE = [name for name, (_, library, _) in FORMATS.items() if not library or find_spec(library)]


@pytest.mark.parametrize("name", THERE)
def test_a_role_from_another_file_of_the_format(tmp_path, name):
    reader, _, save = FORMATS[name]
    save(tmp_path / f"scan.{name}", DATA)
    save(tmp_path / f"blank.{name}", FLAT)
    more = {"series": "volume"} if reader is Dicom else {}
    main = "PRIMARY" if reader is Fits else "data"
    keys = {
        "data": main,
        "flats": {"file": f"blank.{name}"},
        "first": {"file": f"blank.{name}", "key": main, "index": 1},
    }
    (reference,) = reader(str(tmp_path / f"scan.{name}"), keys=keys, **more).items()
    item = reference.load()
    assert reference.files == (tmp_path / f"scan.{name}", tmp_path / f"blank.{name}")
    assert torch.equal(item.data.abs().double(), torch.from_numpy(DATA).double())
    assert torch.equal(item.aux["flats"].abs().double(), torch.from_numpy(FLAT).double())
    assert torch.equal(item.aux["first"].abs().double(), torch.from_numpy(FLAT[1]).double())
    sliced = reader(str(tmp_path / f"scan.{name}"), keys=keys, slices={"axis": 0, "index": 2}, **more).items()[0].load()
    assert torch.equal(sliced.data.abs().double(), torch.from_numpy(DATA[2]).double())
    assert torch.equal(sliced.aux["flats"].abs().double(), torch.from_numpy(FLAT[2]).double())


def test_the_home_folder_and_what_is_missing(tmp_path, monkeypatch):
    np.save(tmp_path / "scan.npy", DATA)
    np.savez(tmp_path / "blank.npz", a=FLAT, b=DATA)
    monkeypatch.setenv("HOME", str(tmp_path))
    keys = {"data": "data", "flats": {"file": "~/blank.npz", "key": "a"}}
    assert Numpy(str(tmp_path / "scan.npy"), keys=keys).items()[0].load().aux["flats"].shape == FLAT.shape
    for flats, sentence in {
        "none.npy": r"none\.npy, which keys ask for, does not exist",
        "blank.npz": r"blank\.npz holds a, b; say which is the flats with keys: \{flats: name\}",
    }.items():
        keys["flats"] = {"file": flats}
        with pytest.raises(DataError, match=sentence):
            Numpy(str(tmp_path / "scan.npy"), keys=keys).items()[0].load()


def test_the_data_of_a_preset_are_its_default_keys(tmp_path):
    class Preset(Numpy):
        default_keys: ClassVar = {"data": "y", "mask": "m"}

    np.savez(tmp_path / "a.npz", y=DATA, m=DATA > 9, data=FLAT)
    item = Preset(str(tmp_path / "a.npz")).items()[0].load()
    assert item.data.shape == DATA.shape
    assert item.aux["mask"].dtype == torch.bool
    assert Preset(str(tmp_path / "a.npz"), keys={"data": "data"}).items()[0].load().data.shape == FLAT.shape


@pytest.mark.skipif(find_spec("nibabel") is None, reason="needs nibabel")
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_and_elements_know_where_they_lie(tmp_path, axis):
    """A slice written as NIfTI has its voxels at the places they had in the volume."""
    import nibabel

    affine = np.array([[-2.0, 0, 0, 1], [0, 3, 0, 2], [0, 0, 4, 3], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(DATA.T, affine), tmp_path / "a.nii")
    item = Nifti(str(tmp_path / "a.nii"), slices={"axis": axis, "index": -2}).items()[0].load()
    (path,) = write(tmp_path / "slice", item.data, ["nifti"], item.meta)
    image = nibabel.load(path)
    number = DATA.shape[axis] - 2
    place = [3, 2, 1]
    place[axis] = number
    left = [*(n for a, n in enumerate(place) if a != axis)][::-1]
    assert np.asarray(image.dataobj)[tuple(left)] == DATA[tuple(place)]
    assert np.allclose(image.affine @ [*left, 0, 1], affine @ [*reversed(place), 1])
    element = Nifti(str(tmp_path / "a.nii"), keys={"data": {"key": "data", "index": [-2, 0]}}).items()[0].load()
    assert element.meta["spacing_mm"] == [2.0]


def test_a_slice_larger_than_the_memory_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (4, 1 << 21, 1 << 21), "f4", chunks=(1, 64, 64))
    with pytest.raises(DataError, match=r"a\.h5 slice000 of shape \(2097152, 2097152\) takes 1\.638e\+04 GiB"):
        Hdf5(str(tmp_path / "a.h5"), slices={"axis": 0}).items()[0].load()
