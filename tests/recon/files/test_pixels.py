"""Stored pixels come out bit for bit, or not at all."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from recon.files.item import DataError
from recon.files.pixels import count_pages, read_page

RNG = np.random.default_rng(0)
GRAY8 = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
GRAY16 = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)
RGB8 = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
RGB16 = RNG.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
FLOAT = RNG.standard_normal((5, 7)).astype(np.float32)


def pillow(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)


def tiff(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)


@pytest.mark.parametrize(
    ("name", "save", "pixels", "options"),
    [
        ("a.png", pillow, GRAY8, {}),
        ("a.png", pillow, GRAY16, {}),
        ("a.png", pillow, RGB8, {}),
        ("a.png", pillow, GRAY8 > 99, {}),
        ("a.bmp", pillow, RGB8, {}),
        ("a.tif", tiff, GRAY16, {}),
        ("a.tif", tiff, FLOAT, {"compression": "zlib"}),
        ("a.tif", pillow, FLOAT, {"compression": "tiff_lzw"}),
        ("a.tif", tiff, RGB16, {"photometric": "rgb"}),
        ("a.tif", pillow, RGB8, {"compression": "tiff_lzw"}),
        ("a.tif", pillow, GRAY16, {"compression": "tiff_lzw"}),
        ("a.tif", tiff, GRAY16, {"byteorder": ">"}),
    ],
)
def test_exact(tmp_path, name, save, pixels, options):
    save(tmp_path / name, pixels, **options)
    read = read_page(tmp_path / name)
    assert np.array_equal(read, pixels)
    assert read.dtype.kind == pixels.dtype.kind
    assert read.dtype.itemsize == pixels.dtype.itemsize


def test_the_content_decides_not_the_ending(tmp_path):
    pillow(tmp_path / "a.tif", GRAY8, format="PNG")
    assert np.array_equal(read_page(tmp_path / "a.tif"), GRAY8)


def test_planar_tiff_has_channels_last(tmp_path):
    tiff(tmp_path / "a.tif", np.moveaxis(RGB16, -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_page(tmp_path / "a.tif"), RGB16)


def test_white_is_zero_is_inverted(tmp_path):
    tiff(tmp_path / "a.tif", GRAY16, photometric="miniswhite")
    assert np.array_equal(read_page(tmp_path / "a.tif"), 65535 - GRAY16)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_palette_becomes_colours(tmp_path, name):
    image = Image.fromarray(RGB8).quantize(8)
    image.save(tmp_path / name)
    assert np.array_equal(read_page(tmp_path / name), np.asarray(image.convert("RGB")))


def test_photographs_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.fromarray(np.repeat(np.repeat(GRAY8, 8, 0), 8, 1)).save(tmp_path / "a.jpg", exif=exif, quality=100)
    assert read_page(tmp_path / "a.jpg").shape == (56, 40)


def test_pages(tmp_path):
    stack = RNG.integers(0, 9, (4, 5, 7), dtype=np.uint8)
    tiff(tmp_path / "a.tif", stack, photometric="minisblack")
    assert count_pages(tmp_path / "a.tif") == 4
    assert np.array_equal(read_page(tmp_path / "a.tif", 2), stack[2])


def save_png16(path, pixels):
    """A 16-bit colour PNG, which Pillow cannot write."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def test_sixteen_bit_colour_png_is_refused_rather_than_cut_to_eight(tmp_path):
    save_png16(tmp_path / "a.png", RGB16)
    assert Image.open(tmp_path / "a.png").mode == "RGB"
    with pytest.raises(DataError) as caught:
        read_page(tmp_path / "a.png")
    assert str(caught.value) == (
        f"{tmp_path}/a.png has 16-bit colours or transparency, which is read from TIFF only; save it as TIFF."
    )


def test_damage_is_one_sentence(tmp_path):
    pillow(tmp_path / "a.png", np.repeat(GRAY8, 20, 0))
    tiff(tmp_path / "b.tif", GRAY16)
    for name, sentence in {"a.png": "is not a readable PNG image (", "b.tif": "is not a readable TIFF image ("}.items():
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(DataError) as caught:
            read_page(path)
        assert str(caught.value).startswith(f"{path} {sentence}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"hello world", b"GIF89a..."])
def test_other_files(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_page(tmp_path / "a.png")
    assert str(caught.value) == f"{tmp_path}/a.png is not a PNG, JPEG, BMP or TIFF image: it does not begin like one."


def test_print_colours_are_refused(tmp_path):
    Image.fromarray(RGB8).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="is a CMYK print image; convert it to RGB"):
        read_page(tmp_path / "a.jpg")
