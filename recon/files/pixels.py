"""The stored pixels of image files, without loss."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.contents import brief, check_claim, quiet
from recon.files.conversion import check_size
from recon.files.item import DataError

Pixels = np.ndarray[Any, Any]

_ORIENTATION = 0x0112
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"BM": "bmp"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def count_pages(file: Path) -> int:
    """Pages of a TIFF, from its headers; 1 for other formats."""
    if kind_of(file) != "tiff":
        return 1
    import tifffile

    try:
        with quiet(), tifffile.TiffFile(file) as tiff:
            check_chain(tiff, file)
            return max(len(tiff.pages), 1)
    except DataError:
        raise
    except Exception as error:  # a broken TIFF raises nearly anything
        raise DataError(f"{file} is not a readable TIFF image ({brief(error)}).") from None


def read_page(file: Path, page: int = 0) -> Pixels:
    """One page as stored, (H, W) or (H, W, channels), in the file's own number type.

    Raises
    ------
    DataError
        If the file is not an image of a supported kind, or cannot be decoded without losing bits.
    """
    kind = kind_of(file)
    try:
        with quiet():
            pixels = _read_tiff(file, page) if kind == "tiff" else _read_pillow(file, kind)
    except DataError:
        raise
    except Exception as error:  # decoders raise nearly anything on a damaged file
        raise DataError(f"{file} is not a readable {kind.upper()} image ({brief(error)}).") from None
    if pixels.ndim not in (2, 3):
        raise DataError(f"{file} holds an array of shape {pixels.shape}, not an image.")
    return pixels


def kind_of(file: Path) -> str:
    """png, jpeg, bmp or tiff, by how the file begins."""
    try:
        with file.open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise DataError(f"{file} cannot be opened ({error.strerror}).") from None
    if start in _TIFF:
        return "tiff"
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return kind
    raise DataError(f"{file} is not a PNG, JPEG, BMP or TIFF image: it does not begin like one.")


def _read_tiff(file: Path, page: int) -> Pixels:
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        check_chain(tiff, file)
        count = len(tiff.pages)
        if page >= count:
            raise DataError(f"{file} has {count} page{'s' * (count != 1)}, counted from 0: no page {page}.")
        entry = tiff.pages[page]
        kinds = tifffile.PHOTOMETRIC
        if entry.photometric in (kinds.SEPARATED, kinds.CIELAB, kinds.ICCLAB, kinds.ITULAB):
            raise DataError(f"{file} has colours for print ({entry.photometric.name}); convert it to RGB.")
        if entry.imagedepth > 1:
            raise DataError(f"{file} has pages of {entry.imagedepth} planes each; store one plane a page.")
        check_size(entry.shape, entry.dtype, str(file))
        if entry.compression == tifffile.COMPRESSION.NONE and entry.bitspersample >= 8:
            check_claim(file, entry.nbytes, f"Page {page} of {file}", packed=False)
        pixels: Pixels = entry.asarray()
        if entry.photometric == kinds.PALETTE:
            return _from_palette(entry.colormap, pixels)
        if entry.photometric == kinds.MINISWHITE and pixels.dtype.kind in "bu":
            pixels = np.invert(pixels)
        return np.moveaxis(pixels, 0, -1) if entry.axes == "SYX" else pixels


def check_chain(tiff: Any, file: Path) -> None:
    """Raise a :class:`DataError` if the pages of a TIFF are chained in a circle, which tifffile would go round."""
    stream, form = tiff.filehandle, tiff.tiff
    stream.seek(8 if form.is_bigtiff else 4)
    seen: set[int] = set()
    while (raw := stream.read(form.offsetsize)) and len(raw) == form.offsetsize:
        (offset,) = struct.unpack(form.offsetformat, raw)
        if offset in seen:
            raise DataError(f"{file} is not a readable TIFF image (its pages are chained in a circle).")
        if offset == 0 or offset >= stream.size:
            return
        seen.add(offset)
        stream.seek(offset)
        raw = stream.read(form.tagnosize)
        if len(raw) < form.tagnosize:
            return
        (tags,) = struct.unpack(form.tagnoformat, raw)
        stream.seek(offset + form.tagnosize + tags * form.tagsize)


def _from_palette(colours: Pixels, codes: Pixels) -> Pixels:
    """The colours of a palette of 16 bits, or of 8 where that is what its entries are."""
    pixels: Pixels = np.moveaxis(colours[:, codes], 0, -1)
    for step in (257, 256):
        if not (colours % step).any():
            return (pixels // step).astype(np.uint8)
    return pixels


def _read_pillow(file: Path, kind: str) -> Pixels:
    from PIL import Image, ImageOps

    with Image.open(file) as image:
        if kind == "png" and _png_is_deep_colour(file):
            import imagecodecs

            decoded: Pixels = imagecodecs.png_decode(file.read_bytes())
            return _turned(decoded, image.getexif().get(_ORIENTATION, 1))
        upright: Any = ImageOps.exif_transpose(image)
        if upright.mode == "P":
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
        if upright.mode == "CMYK":
            raise DataError(f"{file} is a CMYK print image; convert it to RGB.")
        if upright.mode == "YCbCr":
            upright = upright.convert("RGB")
        if upright.mode == "I" and kind == "png":
            return np.asarray(upright).astype(np.uint16)
        return np.asarray(upright)


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Pixels stored in one of EXIF's eight orientations, upright."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    rows, columns = slice(None, None, -1), (slice(None), slice(None, None, -1))
    if orientation in (3, 4, 7, 8):
        pixels = pixels[rows]
    return pixels[columns] if orientation in (2, 3, 6, 7) else pixels


def _png_is_deep_colour(file: Path) -> bool:
    """Whether Pillow would reduce the PNG to 8 bits: more than one channel of 16."""
    with file.open("rb") as stream:
        header = stream.read(26)
    depth, color_type = struct.unpack(">BB", header[24:26])
    return bool(depth == 16 and color_type != 0)
