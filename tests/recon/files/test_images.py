"""Images as items: colours, scale, pages and true images."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from recon.files import DataError, Images

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "g2.png")
    Image.fromarray(RGB).save(tmp_path / "c10.png")
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([GRAY, 255 - GRAY]), photometric="minisblack")
    return tmp_path


def load(path, **settings):
    return Images(str(path), **settings).items()[0].load()


def test_one_item_a_page_in_natural_order(folder):
    references = Images(str(folder)).items()
    assert [r.id for r in references] == ["c10", "g2", "stack-0000", "stack-0001"]
    assert torch.equal(references[3].load().data, torch.from_numpy(255 - GRAY) / 255)
    assert references[3].load().source == f"{folder}/stack.tif page 1"


def test_volume(folder):
    item = load(folder / "stack.tif", pages="volume", scale=1)
    assert np.array_equal(item.data.numpy(), np.stack([GRAY, 255 - GRAY]))
    assert "color" not in item.meta


def test_gray_is_the_bt601_luma(folder):
    expected = RGB.astype(float) @ [0.299, 0.587, 0.114] / 255
    assert np.allclose(load(folder / "c10.png").data.numpy(), expected, atol=1e-6)
    white = np.full((2, 2, 3), 255, np.uint8)
    Image.fromarray(white).save(folder / "white.png")
    assert torch.allclose(load(folder / "white.png").data, torch.ones(2, 2))


def test_rgb(folder):
    colour = load(folder / "c10.png", color="rgb")
    assert np.allclose(colour.data.numpy(), np.moveaxis(RGB, -1, 0) / 255)
    assert colour.meta["color"] == "rgb"
    gray = load(folder / "g2.png", color="rgb").data
    assert gray.shape == (3, 5, 7)
    assert torch.equal(gray[0], gray[2])


@pytest.mark.parametrize(
    ("pixels", "scale", "factor", "value_range"),
    [
        (GRAY, "dtype", 1 / 255, (0.0, 1.0)),
        (GRAY.astype(np.uint16), "dtype", 1 / 65535, (0.0, 1.0)),
        (GRAY, 2.0, 2.0, (0.0, 510.0)),
        (GRAY.astype(np.float32), "dtype", 1.0, None),
        (GRAY > 99, "dtype", 1.0, (0.0, 1.0)),
    ],
)
def test_scale_is_applied_and_stated(tmp_path, pixels, scale, factor, value_range):
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    item = load(tmp_path / "a.tif", scale=scale)
    assert np.allclose(item.data.numpy(), pixels * factor)
    assert item.meta["input_scale"] == pytest.approx(factor)
    assert item.meta.get("value_range") == pytest.approx(value_range)


def test_transparency(tmp_path):
    opaque = np.dstack([RGB, np.full_like(GRAY, 255)])
    Image.fromarray(opaque).save(tmp_path / "opaque.png")
    assert np.allclose(load(tmp_path / "opaque.png", color="rgb").data.numpy(), np.moveaxis(RGB, -1, 0) / 255)
    assert load(tmp_path / "opaque.png", color="as-is").data.shape == (4, 5, 7)
    Image.fromarray(np.dstack([RGB, GRAY])).save(tmp_path / "glass.png")
    with pytest.raises(DataError, match="is partly transparent; flatten it first, or read it with color: as-is"):
        load(tmp_path / "glass.png")


def test_truth_by_name_by_page_and_alone(folder, tmp_path_factory):
    truth = tmp_path_factory.mktemp("truth")
    tifffile.imwrite(truth / "g2.tif", 255 - GRAY)
    tifffile.imwrite(truth / "stack.tif", np.stack([GRAY // 2, GRAY // 4]), photometric="minisblack")
    items = {r.id: r for r in Images(str(folder), truth=str(truth)).items()}
    assert torch.equal(items["g2"].load().truth, torch.from_numpy(255 - GRAY) / 255)
    assert torch.equal(items["stack-0001"].load().truth, torch.from_numpy(GRAY // 4) / 255)
    assert items["g2"].files == (folder / "g2.png", truth / "g2.tif")
    with pytest.raises(DataError) as caught:
        items["c10"].load()
    assert str(caught.value) == f"{truth} holds no true image named c10 for {folder}/c10.png."
    alone = load(folder / "c10.png", truth=str(truth / "g2.tif"))
    assert alone.truth.shape == (5, 7)


def test_a_bad_file_fails_alone(folder):
    (folder / "a.tif").write_bytes(b"II*\0broken")
    first, second, *_ = Images(str(folder)).items()
    assert first.id == "a"
    with pytest.raises(DataError, match=r"a.tif has 0 pages, counted from 0: no page 0."):
        first.load()
    assert second.load().data.shape == (5, 7)


def test_volume_of_unequal_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GRAY)
        writer.write(GRAY[:3])
    with pytest.raises(DataError, match="pages of different sizes or types, so they make no volume; use pages: items"):
        load(tmp_path / "a.tif", pages="volume")
    assert len(Images(str(tmp_path)).items()) == 2


def test_nan_in_a_float_image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 1], [np.nan, 2]], np.float32))
    with pytest.raises(DataError, match=r"a.tif holds 1 of 4 values that are NaN or infinite, the first at \[1, 0\]"):
        load(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"color": "grey"}, "Images expects color 'gray', 'rgb' or 'as-is', got 'grey'."),
        ({"pages": "all"}, "Images expects pages 'items' or 'volume', got 'all'."),
        ({"scale": "max"}, "Images expects scale 'dtype' or a positive number, got 'max'."),
        ({"scale": -1.0}, "Images expects scale 'dtype' or a positive number, got -1.0."),
        ({"scale": True}, "Images expects scale 'dtype' or a positive number, got True."),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        Images("x", **settings)
    assert str(caught.value) == sentence


def test_signed_numbers_have_no_nominal_range(tmp_path):
    """HU of a CT, say: 0 to 1 would cut them in pictures."""
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(np.int16) - 1000)
    item = load(tmp_path / "a.tif", scale=1)
    assert np.array_equal(item.data.numpy(), GRAY.astype(float) - 1000)
    assert "value_range" not in item.meta


def test_a_volume_of_colours(tmp_path):
    pages = np.stack([RGB, 255 - RGB])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb")
    item = load(tmp_path / "a.tif", pages="volume", color="rgb")
    assert torch.equal(item.data, torch.from_numpy(np.moveaxis(pages, -1, 1).copy()) / 255)
    assert "color" not in item.meta
