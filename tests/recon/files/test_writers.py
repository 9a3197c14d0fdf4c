"""Every format gives back what went in, with its metadata, whole or not at all."""

import json
from importlib.util import find_spec

import h5py
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from recon.files import FORMATS, DataError, write
from recon.files.writers import LIBRARIES, to_json, written

META = {"solver": "pdhg", "gap": float("nan"), "axis": torch.tensor([1.0, 2.0]), "note": "µ ≥ 0"}
PLAIN = {"solver": "pdhg", "gap": "nan", "axis": [1.0, 2.0], "note": "µ ≥ 0"}


MISSING = [name for name, library in LIBRARIES.items() if find_spec(library) is None]


def image(*shape, dtype=torch.float32):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(6,), (5, 7), (4, 5, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_npz_and_hdf5_are_exact(tmp_path, shape, dtype):
    x = image(*shape, dtype=dtype)
    npz, hdf5 = write(tmp_path / "a", x, ["npz", "hdf5"], META)
    assert (npz.name, hdf5.name) == ("a.npz", "a.h5")
    with np.load(npz) as file:
        assert np.array_equal(file["image"], x.numpy())
        assert file["image"].dtype == x.numpy().dtype
        assert json.loads(str(file["metadata"])) == PLAIN
    with h5py.File(hdf5) as file:
        assert np.array_equal(file["image"][()], x.numpy())
        assert json.loads(file["image"].attrs["metadata"]) == PLAIN
        assert file["image"].compression == "gzip"


@pytest.mark.parametrize("shape", [(5, 7), (4, 5, 7)])
def test_tiff32(tmp_path, shape):
    x = image(*shape)
    (path,) = write(tmp_path / "a", x, ["tiff32"], {**META, "spacing_mm": [0.5, 0.25]})
    with tifffile.TiffFile(path) as file:
        assert np.array_equal(file.asarray(), x.numpy())
        assert len(file.pages) == (shape[0] if len(shape) == 3 else 1)
        page = file.pages[0]
        assert json.loads(page.description)["solver"] == "pdhg"
        assert page.tags["XResolution"].value == (40, 1)  # pixels per cm
        assert page.tags["YResolution"].value == (20, 1)
        assert page.resolutionunit == tifffile.RESUNIT.CENTIMETER


def test_tiff16_says_how_to_get_the_values_back(tmp_path):
    x = image(5, 7)
    (path,) = write(tmp_path / "a", x, ["tiff16"])
    with tifffile.TiffFile(path) as file:
        codes, note = file.asarray(), json.loads(file.pages[0].description)
    assert (codes.dtype, int(codes.min()), int(codes.max())) == (np.uint16, 0, 65535)
    error = np.abs(note["low"] + codes * note["step"] - x.numpy()).max()
    assert error <= note["step"] * 0.5001
    assert note["step"] == pytest.approx(float(x.max() - x.min()) / 65535)


def test_tiff16_of_a_constant(tmp_path):
    (path,) = write(tmp_path / "a", torch.full((3, 3), 2.5), ["tiff16"])
    with tifffile.TiffFile(path) as file:
        note = json.loads(file.pages[0].description)
        assert np.array_equal(note["low"] + file.asarray() * note["step"], np.full((3, 3), 2.5))


def test_png_window(tmp_path):
    x = torch.tensor([[-1.0, 0.0, 0.5], [1.0, 2.0, 0.25]])
    (path,) = write(tmp_path / "a", x, ["png"], META, window=(0.0, 1.0))
    with Image.open(path) as file:
        assert np.asarray(file).tolist() == [[0, 0, 128], [255, 255, 64]]
        assert json.loads(file.text["recon"]) == {**PLAIN, "window": [0.0, 1.0], "clipped": 2}


def test_png_default_window_is_stated(tmp_path):
    x = image(50, 50)
    (path,) = write(tmp_path / "a", x, ["png"])
    with Image.open(path) as file:
        low, high = json.loads(file.text["recon"])["window"]
    assert (low, high) == pytest.approx(tuple(np.percentile(x.numpy(), (0.1, 99.9))))


def test_png_of_a_volume_says_which_slice(tmp_path):
    x = image(4, 5, 7)
    (path,) = write(tmp_path / "a", x, ["png"], window=(-3, 3))
    with Image.open(path) as file:
        assert json.loads(file.text["recon"])["slice"] == [2]
        expected = np.rint(np.clip((x[2].numpy() + 3) * 42.5, 0, 255))
        assert np.abs(np.asarray(file) - expected).max() <= 1


def test_colour(tmp_path):
    x = torch.rand(3, 5, 7, generator=torch.Generator().manual_seed(0))
    tiff, png = write(tmp_path / "a", x, ["tiff32", "png"], color=True, window=(0, 1))
    assert np.array_equal(tifffile.imread(tiff), x.movedim(0, -1).numpy())
    with Image.open(png) as file:
        assert file.mode == "RGB"
        assert np.abs(np.asarray(file) / 255 - x.movedim(0, -1).numpy()).max() <= 0.5001 / 255


def test_complex_pictures_are_magnitudes_and_say_so(tmp_path):
    x = image(5, 7, dtype=torch.complex64)
    tiff, png = write(tmp_path / "a", x, ["tiff32", "png"])
    with tifffile.TiffFile(tiff) as file:
        assert np.allclose(file.asarray(), x.abs().numpy())
        assert json.loads(file.pages[0].description) == {"shown": "magnitude"}
    with Image.open(png) as file:
        assert json.loads(file.text["recon"])["shown"] == "magnitude"


@pytest.mark.parametrize("name", ["tiff32", "tiff16"])
def test_pages_of_several_axes_say_which(tmp_path, name):
    x = image(2, 3, 4, 5)
    ((path, note),) = written(tmp_path / "a", x, [name]).items()
    assert note["pages"] == [2, 3]
    pages = tifffile.imread(path)
    assert pages.shape == (6, 4, 5)
    assert "pages" not in next(iter(written(tmp_path / "b", x[0], [name]).values()))
    if name == "tiff32":
        assert np.array_equal(pages.reshape(2, 3, 4, 5), x.numpy())


def test_notes_say_what_is_not_as_it_was(tmp_path):
    x = image(4, 5, dtype=torch.float64)
    notes = {path.name: note for path, note in written(tmp_path / "a", x, ["npz", "mat", "tiff32", "png"]).items()}
    assert notes["a.npz"] == notes["a.mat"] == {}
    assert notes["a.tiff"] == {"rounded": "float64 to float32"}
    assert notes["a.png"].keys() == {"window", "clipped"}
    exact = written(tmp_path / "b", x.float(), ["tiff32"])
    assert list(exact.values()) == [{}]


def test_numbers_too_large_for_single_precision_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"tiff32 holds no numbers beyond 3.4e38"):
        write(tmp_path / "a", torch.full((2, 2), 1e300, dtype=torch.float64), ["tiff32"])


@pytest.mark.parametrize("name", ["tiff16", "png"])
def test_integer_formats_refuse_nan(tmp_path, name):
    with pytest.raises(DataError, match="holds no NaN and no infinity"):
        write(tmp_path / "a", torch.tensor([[1.0, float("nan")]]), [name])
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("recon.files.need.find_spec", lambda name: None)
    with pytest.raises(DataError) as caught:
        write(tmp_path / "a", image(3, 3), ["npz", "nifti"])
    assert str(caught.value) == (
        "The output format nifti needs the package nibabel: pip install 'recon-imaging[nifti]'."
    )
    assert not list(tmp_path.iterdir())


def test_names_with_dots_and_new_folders(tmp_path):
    (path,) = write(tmp_path / "new" / "scan.v2", image(3, 3), ["npz"])
    assert path == tmp_path / "new" / "scan.v2.npz"
    assert path.exists()


def test_a_failed_write_keeps_the_old_file_and_leaves_no_rest(tmp_path, monkeypatch):
    (path,) = write(tmp_path / "a", image(3, 3), ["npz"])
    before = path.read_bytes()

    def full(stream, **arrays):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(DataError) as caught:
        write(tmp_path / "a", image(3, 3), ["npz"])
    assert str(caught.value) == f"{path} cannot be written (No space left on device)."
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("x", "formats", "options", "sentence"),
    [
        (torch.ones(3, 3), ["jpg"], {}, f"There is no output format 'jpg'; the formats are {', '.join(FORMATS)}."),
        (torch.ones(3), ["png"], {}, "PNG holds images, not an array of shape (3,); use npz or hdf5."),
        (
            torch.ones(3),
            ["tiff32"],
            {},
            "TIFF holds images and volumes, not an array of shape (3,); use npz or hdf5.",
        ),
        (torch.ones(4, 3, 3), ["png"], {"color": True}, "A colour image has shape (3, H, W), this one has (4, 3, 3)."),
    ],
)
def test_what_is_refused(tmp_path, x, formats, options, sentence):
    with pytest.raises(DataError) as caught:
        write(tmp_path / "a", x, formats, **options)
    assert str(caught.value) == sentence
    assert not list(tmp_path.iterdir())


def test_the_image_is_left_alone(tmp_path):
    x = image(5, 7, dtype=torch.complex64).conj().requires_grad_()
    before = x.detach().clone()
    write(tmp_path / "a", x, [name for name in FORMATS if name not in ("fits", *MISSING)])
    assert torch.equal(x.detach(), before)


def test_json_of_everything():
    value = {1: (2, {3}), "c": 1 + 2j, "d": np.float32(0.5), "path": FORMATS, "inf": float("inf"), "no": None}
    assert json.loads(to_json(value)) == {
        "1": [2, [3]],
        "c": [1.0, 2.0],
        "d": 0.5,
        "path": list(FORMATS),
        "inf": "inf",
        "no": None,
    }
