"""Results as files, each whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from torch import Tensor

from recon.files.item import DataError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Picture:
    """What one writer gets: the numbers, what they mean, and the window of 8-bit pictures."""

    values: Array
    metadata: Mapping[str, Any]
    color: bool
    window: tuple[float, float] | None


def write(
    path_stem: str | Path,
    image: Tensor,
    formats: Sequence[str],
    metadata: Mapping[str, Any] | None = None,
    *,
    color: bool = False,
    window: tuple[float, float] | None = None,
) -> list[Path]:
    """Write one image in several formats; every file carries the metadata as JSON.

    ========  ==========  =====================================================================================
    format    ending      holds
    ========  ==========  =====================================================================================
    npz       .npz        ``image`` as it is, ``metadata``
    hdf5      .h5         dataset ``image`` as it is, compressed without loss; the metadata in its attributes
    tiff32    .tiff       float32; volumes as pages
    tiff16    .16.tiff    0 to 65535 over the whole range: value = ``low`` + code · ``step``, both in the metadata
    png       .png        8 bits over ``window``, values beyond it clipped; of a volume the middle slice
    ========  ==========  =====================================================================================

    TIFF and PNG hold the magnitude of a complex image, and say so in the metadata. The pixel size goes into the TIFF
    tags where ``metadata["spacing_mm"]`` gives it (one number, or one per axis).

    Parameters
    ----------
    path_stem
        Path without the ending; its folder is made where missing.
    image
        (H, W), (D, H, W), or (3, H, W) with ``color``.
    formats
        Any of :data:`FORMATS`.
    metadata
        What JSON can hold; tensors, paths and such are written as lists and text.
    color
        Whether the first axis holds red, green and blue.
    window
        (low, high) of the PNG; by default the 0.1 and 99.9 percentiles.

    Returns
    -------
    The files written, in the order of ``formats``.

    Raises
    ------
    DataError
        For an unknown format, an image that the format cannot hold, or a full or read-only disk. A file of the same
        name is replaced only by a complete one.
    """
    for name in formats:
        if name not in _WRITERS:
            raise DataError(f"There is no output format {name!r}; the formats are {', '.join(FORMATS)}.")
    values = image.detach().cpu().resolve_conj().numpy()
    if color and (values.ndim < 3 or values.shape[0] != 3):
        raise DataError(f"A colour image has shape (3, H, W), this one has {values.shape}.")
    picture = _Picture(values, dict(metadata or {}), color, window)
    return [_atomically(path_stem, *_WRITERS[name], picture) for name in formats]


def _atomically(stem: str | Path, ending: str, writer: Callable[[Path, _Picture], None], picture: _Picture) -> Path:
    target = Path(f"{stem}{ending}")
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        writer(temporary, picture)
        os.replace(temporary, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror or error}).") from None
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _npz(path: Path, picture: _Picture) -> None:
    with path.open("wb") as stream:
        np.savez_compressed(stream, image=picture.values, metadata=np.array(to_json(picture.metadata)))


def _hdf5(path: Path, picture: _Picture) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        options = {"compression": "gzip", "shuffle": True} if picture.values.ndim else {}
        dataset = file.create_dataset("image", data=picture.values, **options)
        dataset.attrs["metadata"] = to_json(picture.metadata)


def _tiff32(path: Path, picture: _Picture) -> None:
    values, note = _real(picture)
    _tiff(path, picture, values.astype(np.float32), note)


def _tiff16(path: Path, picture: _Picture) -> None:
    values, note = _real(picture)
    low, high = float(values.min()), float(values.max())
    step = (high - low) / 65535 if high > low else 1.0
    codes = np.rint((values.astype(np.float64) - low) / step).astype(np.uint16)
    _tiff(path, picture, codes, {**note, "low": low, "step": step})


def _tiff(path: Path, picture: _Picture, values: Array, note: Mapping[str, Any]) -> None:
    import tifffile

    if values.ndim < 2:
        raise DataError(f"TIFF holds images and volumes, not an array of shape {values.shape}; use npz or hdf5.")
    options: dict[str, Any] = {"photometric": "minisblack"}
    if picture.color:
        values, options = np.moveaxis(values, 0, -1), {"photometric": "rgb"}
    spacing = picture.metadata.get("spacing_mm")
    if spacing is not None:
        rows, columns = ([float(spacing)] * 2 if np.ndim(spacing) == 0 else [float(s) for s in spacing])[-2:]
        options |= {"resolution": (10 / columns, 10 / rows), "resolutionunit": "CENTIMETER"}
    description = to_json({**picture.metadata, **note}, ascii_only=True)
    with path.open("wb") as stream:
        tifffile.imwrite(stream, values, compression="zlib", description=description, metadata=None, **options)


def _png(path: Path, picture: _Picture) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    values, note = _real(picture)
    kept = 3 if picture.color else 2
    if values.ndim < kept:
        raise DataError(f"PNG holds images, not an array of shape {values.shape}; use npz or hdf5.")
    while values.ndim > kept:
        note = {**note, "slice": [*note.get("slice", []), values.shape[int(picture.color)] // 2]}
        values = values.take(values.shape[int(picture.color)] // 2, axis=int(picture.color))
    low, high = picture.window or tuple(np.percentile(values, (0.1, 99.9)).tolist())
    codes = np.clip((values - low) * (255 / (high - low) if high > low else 0.0), 0, 255)
    pixels = np.rint(np.moveaxis(codes, 0, -1) if picture.color else codes).astype(np.uint8)
    text = PngInfo()
    text.add_itxt("recon", to_json({**picture.metadata, **note, "window": [low, high]}))
    Image.fromarray(pixels).save(path, format="PNG", pnginfo=text)


def _real(picture: _Picture) -> tuple[Array, dict[str, Any]]:
    """Real values and a note on how they came from complex ones."""
    if np.iscomplexobj(picture.values):
        return np.abs(picture.values), {"shown": "magnitude"}
    return picture.values, {}


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """JSON of metadata; NaN and infinity become text, tensors lists, anything unknown its text."""
    return json.dumps(_plain(value), ensure_ascii=ascii_only, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(entry) for entry in value]
    if isinstance(value, complex):
        return [_plain(value.real), _plain(value.imag)]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return str(value)


_WRITERS: dict[str, tuple[str, Callable[[Path, _Picture], None]]] = {
    "npz": (".npz", _npz),
    "hdf5": (".h5", _hdf5),
    "tiff32": (".tiff", _tiff32),
    "tiff16": (".16.tiff", _tiff16),
    "png": (".png", _png),
}
FORMATS: tuple[str, ...] = tuple(_WRITERS)
"""Names of the output formats."""
