"""TIFF and PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.item import DataError
from recon.files.picture import Array, Note, Picture, to_json


def tiff32(path: Path, picture: Picture) -> Note:
    """Single precision; the note says where double was rounded."""
    values, note = picture.real()
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if bool((np.isinf(single) & np.isfinite(values)).any()):
        raise DataError("tiff32 holds no numbers beyond 3.4e38, which this image has; use npz or hdf5.")
    if not np.array_equal(single, values, equal_nan=True):
        note["rounded"] = f"{values.dtype} to float32"
    note |= _paged(picture)
    _tiff(path, picture, single, note)
    return note


def tiff16(path: Path, picture: Picture) -> Note:
    """0 to 65535 over the whole range; the note has ``low`` and ``step``."""
    picture.finite("tiff16")
    values, note = picture.real()
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 65535 if high > low else 1.0
    codes = np.rint((values.astype(np.float64) - low) / step).astype(np.uint16)
    note |= {"low": low, "step": step, **_paged(picture)}
    _tiff(path, picture, codes, note)
    return note


def _paged(picture: Picture) -> Note:
    """The axes that lie one after the other in the pages, where there are several."""
    outer = picture.values.shape[int(picture.color) : -2]
    return {"pages": list(outer)} if len(outer) > 1 else {}


def _tiff(path: Path, picture: Picture, values: Array, note: Mapping[str, Any]) -> None:
    import tifffile

    if values.ndim < 2:
        raise DataError(f"TIFF holds images and volumes, not an array of shape {values.shape}; use npz or hdf5.")
    options: dict[str, Any] = {"photometric": "minisblack"}
    if picture.color:
        values, options = np.moveaxis(values, 0, -1), {"photometric": "rgb"}
    if picture.pixel_mm is not None:
        rows, columns = picture.pixel_mm
        options |= {"resolution": (10 / columns, 10 / rows), "resolutionunit": "CENTIMETER"}
    description = to_json({**picture.metadata, **note}, ascii_only=True)
    with path.open("wb") as stream:
        tifffile.imwrite(stream, values, compression="zlib", description=description, metadata=None, **options)


def png(path: Path, picture: Picture) -> Note:
    """8 bits over the window, of a volume the middle slice; the note has window, slice, and how many were clipped."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    picture.finite("PNG")
    values, note = picture.real()
    kept = 3 if picture.color else 2
    if values.ndim < kept:
        raise DataError(f"PNG holds images, not an array of shape {values.shape}; use npz or hdf5.")
    while values.ndim > kept:
        note["slice"] = [*note.get("slice", []), values.shape[int(picture.color)] // 2]
        values = values.take(values.shape[int(picture.color)] // 2, axis=int(picture.color))
    low, high = picture.window or tuple(np.percentile(values, (0.1, 99.9)).tolist())
    note["window"] = [low, high]
    clipped = int(((values < low) | (values > high)).sum())
    if clipped:
        note["clipped"] = clipped
    codes = np.clip((values - low) * (255 / (high - low) if high > low else 0.0), 0, 255)
    pixels = np.rint(np.moveaxis(codes, 0, -1) if picture.color else codes).astype(np.uint8)
    text = PngInfo()
    text.add_itxt("recon", to_json({**picture.metadata, **note}))
    Image.fromarray(pixels).save(path, format="PNG", pnginfo=text)
    return note
