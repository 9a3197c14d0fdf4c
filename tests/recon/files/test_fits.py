"""FITS: values with BSCALE, BZERO and BLANK exactly, HDUs by name."""

import numpy as np
import pytest
import torch

from recon.files import DataError, Fits, write

fits = pytest.importorskip("astropy.io.fits")

RNG = np.random.default_rng(0)


def load(path, **settings):
    return Fits(str(path), **settings).items()[0].load()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_type_bit_for_bit(tmp_path, dtype):
    top = 1 if dtype[0] == "f" else np.iinfo(dtype).max
    values = (RNG.random((3, 5)) * top).astype(dtype)
    fits.PrimaryHDU(values).writeto(tmp_path / "a.fits")
    assert np.array_equal(load(tmp_path / "a.fits").data.numpy(), values)


def test_long_integers_are_exact_or_refused(tmp_path):
    fits.PrimaryHDU(np.array([[2**53, 5]], np.uint64)).writeto(tmp_path / "a.fits")
    assert load(tmp_path / "a.fits").data.tolist() == [[2.0**53, 5.0]]
    fits.PrimaryHDU(np.array([[2**53 + 2, 5]], np.int64)).writeto(tmp_path / "b.fits")
    with pytest.raises(DataError, match="holds whole numbers beyond 2\\^53"):
        load(tmp_path / "b.fits")


def test_scaled_integers(tmp_path):
    stored = RNG.integers(-30000, 30000, (5, 7), dtype=np.int16)
    unit = fits.PrimaryHDU(stored * 0.1 + 3)
    unit.scale("int16", bscale=0.1, bzero=3.0)
    unit.header["BUNIT"] = "Jy"
    unit.writeto(tmp_path / "a.fits")
    item = load(tmp_path / "a.fits")
    assert np.array_equal(item.data.numpy(), stored * 0.1 + 3)
    assert item.meta["rescale"] == {"slope": 0.1, "intercept": 3.0}
    assert item.units == "Jy"


def test_blank_values_are_not_numbers(tmp_path):
    unit = fits.PrimaryHDU(np.array([[1, -99], [3, 4]], np.int16))
    unit.header["BLANK"] = -99
    unit.writeto(tmp_path / "a.fits")
    with pytest.raises(DataError, match=r"holds 1 of 4 values that are NaN or infinite, the first at \[0, 1\]"):
        load(tmp_path / "a.fits")


def test_hdus_by_name_compressed_ones_and_slices(tmp_path):
    science = RNG.integers(0, 99, (4, 20, 30)).astype(np.int32)
    errors = RNG.random((20, 30))
    hdus = [fits.PrimaryHDU(), fits.CompImageHDU(science[0], name="SCI"), fits.ImageHDU(errors, name="ERR")]
    fits.HDUList([*hdus, fits.ImageHDU(science, name="CUBE")]).writeto(tmp_path / "a.fits")
    item = load(tmp_path / "a.fits", keys={"data": "SCI", "weights": "ERR"})
    assert np.array_equal(item.data.numpy(), science[0])
    assert np.array_equal(item.aux["weights"].numpy(), errors)
    third = load(tmp_path / "a.fits", keys={"data": "CUBE"}, slices={"axis": 0, "index": 2})
    assert np.array_equal(third.data.numpy(), science[2])
    with pytest.raises(DataError, match=r"holds SCI, ERR, CUBE; say which is the data with keys: \{data: name\}"):
        load(tmp_path / "a.fits")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_round_trip(tmp_path, dtype):
    x = torch.randn(4, 5, 7, dtype=dtype, generator=torch.Generator().manual_seed(0))
    meta = {"spacing_mm": [3.0, 2.0, 1.0], "units": "1/mm", "note": "it's " + "long " * 40}
    (path,) = write(tmp_path / "a", x, ["fits"], meta)
    item = load(path)
    assert item.data.dtype == dtype
    assert torch.equal(item.data, x)
    assert item.units == "1/mm"
    assert item.meta["spacing_mm"] == [3.0, 2.0, 1.0]


def test_complex_images_are_not_written(tmp_path):
    with pytest.raises(DataError, match="FITS images hold no complex numbers; use npz or hdf5"):
        write(tmp_path / "a", torch.ones(2, 2, dtype=torch.complex64), ["fits"])
    assert not list(tmp_path.iterdir())


def test_numbers_of_no_known_kind(tmp_path):
    fits.PrimaryHDU(np.ones((3, 5), np.float32)).writeto(tmp_path / "a.fits")
    raw = (
        (tmp_path / "a.fits").read_bytes().replace(b"BITPIX  =                  -32", b"BITPIX  =                  -31")
    )
    (tmp_path / "a.fits").write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.fits:PRIMARY has numbers of BITPIX -31, which FITS does not know"):
        load(tmp_path / "a.fits")


def test_hdus_of_one_name_go_by_their_numbers(tmp_path):
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(np.full((2, 2), number), name="SCI") for number in (1, 2))]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    assert load(tmp_path / "a.fits", keys={"data": "2"}).data.tolist() == [[2, 2], [2, 2]]


def test_tables_are_no_images(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "a.fits")
    with pytest.raises(DataError, match=r"a\.fits holds no arrays\."):
        load(tmp_path / "a.fits")
