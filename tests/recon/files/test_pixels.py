"""Stored pixels come out bit for bit, or not at all."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from recon.files.item import DataError
from recon.files.pixels import _turned, count_pages, read_page

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
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[pixels.shape[2]], 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_png_is_not_cut_to_eight(tmp_path, channels):
    pixels = RNG.integers(0, 65536, (5, 7, channels), dtype=np.uint16)
    save_png16(tmp_path / "a.png", pixels)
    read = read_page(tmp_path / "a.png")
    assert read.dtype == np.uint16
    assert np.array_equal(read, pixels)


def test_sixteen_bit_colour_png_that_is_cut_off(tmp_path):
    save_png16(tmp_path / "a.png", np.repeat(RGB16, 30, 0))
    raw = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match=r"a.png is not a readable PNG image \("):
        read_page(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_pixels_are_turned_as_exif_says(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(GRAY8).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(_turned(GRAY8, orientation), read_page(tmp_path / "a.png"))


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits"])
@pytest.mark.parametrize("pixels", [RGB16, FLOAT, FLOAT.astype(np.float64), GRAY16])
def test_compressed_tiff_of_every_depth(tmp_path, compression, pixels):
    options = {"photometric": "rgb"} if pixels.ndim == 3 else {}
    tiff(tmp_path / "a.tif", pixels, compression=compression, **options)
    read = read_page(tmp_path / "a.tif")
    assert read.dtype == pixels.dtype
    assert np.array_equal(read, pixels)


def test_palettes_of_sixteen_bits_keep_them(tmp_path):
    colours = RNG.integers(0, 65536, (3, 256), dtype=np.uint16)
    tiff(tmp_path / "a.tif", GRAY8, photometric="palette", colormap=colours)
    assert np.array_equal(read_page(tmp_path / "a.tif"), np.moveaxis(colours[:, GRAY8], 0, -1))


def test_print_colours_of_tiff_are_refused(tmp_path):
    tiff(tmp_path / "a.tif", np.zeros((5, 7, 4), np.uint8), photometric="separated")
    with pytest.raises(DataError, match=r"has colours for print \(SEPARATED\); convert it to RGB"):
        read_page(tmp_path / "a.tif")


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


def test_pages_chained_in_a_circle(tmp_path):
    tiff(tmp_path / "a.tif", GRAY16)
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack("<I", raw[4:8])
    (tags,) = struct.unpack("<H", raw[first : first + 2])
    raw[first + 2 + 12 * tags : first + 6 + 12 * tags] = struct.pack("<I", first)
    (tmp_path / "a.tif").write_bytes(raw)
    for look in (count_pages, read_page):
        with pytest.raises(
            DataError, match=r"a\.tif is not a readable TIFF image \(its pages are chained in a circle\)"
        ):
            look(tmp_path / "a.tif")


@pytest.mark.parametrize("big", [False, True])
def test_many_pages_are_no_circle(tmp_path, big):
    tiff(tmp_path / "a.tif", np.zeros((150, 4, 4), np.uint8), photometric="minisblack", bigtiff=big, metadata=None)
    assert count_pages(tmp_path / "a.tif") == 150


def test_pages_of_several_planes_are_refused(tmp_path):
    tiff(tmp_path / "a.tif", np.zeros((16, 32, 32), np.uint8), tile=(16, 16, 16), volumetric=True)
    with pytest.raises(DataError, match="has pages of 16 planes each; store one plane a page"):
        read_page(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("side", "sentence"), [(2**31 - 1, "more than the memory of"), (9999, "more than its file of")]
)
def test_headers_that_claim_more_than_there_is(tmp_path, side, sentence):
    tiff(tmp_path / "a.tif", GRAY16)
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    (first,) = struct.unpack("<I", raw[4:8])
    (tags,) = struct.unpack("<H", raw[first : first + 2])
    for place in range(first + 2, first + 2 + 12 * tags, 12):
        if struct.unpack("<H", raw[place : place + 2])[0] in (256, 257, 278):  # width, length, rows of a strip
            raw[place + 2 : place + 12] = struct.pack("<HII", 4, 1, side)
    (tmp_path / "a.tif").write_bytes(raw)
    with pytest.raises(DataError, match=sentence):
        read_page(tmp_path / "a.tif")


def test_interlaced_png(tmp_path):
    """The seven passes of Adam7, put together by hand."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row for y, x, dy, dx in passes for row in GRAY8[y::dy, x::dx] if row.size]
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 7, 5, 8, 0, 0, 0, 1)), (b"IDAT", body), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert np.array_equal(read_page(tmp_path / "a.png"), GRAY8)
