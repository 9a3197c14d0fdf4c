"""The stored pixels of image files, without loss."""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.item import DataError

Pixels = np.ndarray[Any, Any]

_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"BM": "bmp", b"II": "tiff", b"MM": "tiff"}


def count_pages(file: Path) -> int:
    """Pages of a TIFF, from its headers; 1 for other formats."""
    if _kind(file) != "tiff":
        return 1
    import tifffile

    try:
        with _quiet(), tifffile.TiffFile(file) as tiff:
            return max(len(tiff.pages), 1)
    except Exception as error:  # a broken TIFF raises nearly anything
        raise DataError(f"{file} is not a readable TIFF image ({_brief(error)}).") from None


def read_page(file: Path, page: int = 0) -> Pixels:
    """One page as stored, (H, W) or (H, W, channels), in the file's own number type.

    Raises
    ------
    DataError
        If the file is not an image of a supported kind, or cannot be decoded without losing bits.
    """
    kind = _kind(file)
    try:
        with _quiet():
            pixels = _read_tiff(file, page) if kind == "tiff" else _read_pillow(file, kind)
    except DataError:
        raise
    except Exception as error:  # decoders raise nearly anything on a damaged file
        raise DataError(f"{file} is not a readable {kind.upper()} image ({_brief(error)}).") from None
    if pixels.ndim not in (2, 3):
        raise DataError(f"{file} holds an array of shape {pixels.shape}, not an image.")
    return pixels


@contextmanager
def _quiet() -> Iterator[None]:
    """What decoders grumble about odd but readable files is kept from the terminal."""
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _kind(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise DataError(f"{file} cannot be opened ({error.strerror}).") from None
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return kind
    raise DataError(f"{file} is not a PNG, JPEG, BMP or TIFF image: it does not begin like one.")


def _read_tiff(file: Path, page: int) -> Pixels:
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        count = len(tiff.pages)
        if page >= count:
            raise DataError(f"{file} has {count} page{'s' * (count != 1)}, counted from 0: no page {page}.")
        entry = tiff.pages[page]
        if entry.photometric == tifffile.PHOTOMETRIC.PALETTE:
            return _read_pillow(file, "tiff", page)
        try:
            pixels: Pixels = entry.asarray()
        except (ValueError, KeyError) as error:
            if "imagecodecs" not in str(error):
                raise
            if entry.bitspersample != 8 and entry.samplesperpixel != 1:
                name = getattr(entry.compression, "name", entry.compression)
                raise DataError(
                    f"{file} is compressed with {name}, which is not read for {entry.bitspersample}-bit colour; "
                    "save it with Deflate or without compression."
                ) from None
            return _read_pillow(file, "tiff", page)
        if entry.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind in "bu":
            pixels = np.invert(pixels)
        return np.moveaxis(pixels, 0, -1) if entry.axes == "SYX" else pixels


def _read_pillow(file: Path, kind: str, page: int = 0) -> Pixels:
    from PIL import Image, ImageOps

    if kind == "png" and _png_is_deep_colour(file):
        raise DataError(f"{file} has 16-bit colours or transparency, which is read from TIFF only; save it as TIFF.")
    with Image.open(file) as image:
        image.seek(page)
        upright: Any = image if kind == "tiff" else ImageOps.exif_transpose(image)
        if upright.mode == "P":
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
        if upright.mode == "CMYK":
            raise DataError(f"{file} is a CMYK print image; convert it to RGB.")
        if upright.mode == "YCbCr":
            upright = upright.convert("RGB")
        if upright.mode == "I" and kind == "png":
            return np.asarray(upright).astype(np.uint16)
        return np.asarray(upright)


def _png_is_deep_colour(file: Path) -> bool:
    """Whether Pillow would reduce the PNG to 8 bits: more than one channel of 16."""
    with file.open("rb") as stream:
        header = stream.read(26)
    depth, color_type = struct.unpack(">BB", header[24:26])
    return bool(depth == 16 and color_type != 0)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
