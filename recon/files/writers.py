"""Results as files, each whole or absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from recon.files import write_arrays, write_pictures, write_volumes
from recon.files.item import DataError
from recon.files.need import need
from recon.files.picture import Note, Picture, to_json
from recon.files.whole import whole

__all__ = ["FORMATS", "LIBRARIES", "LOSSLESS", "check_formats", "to_json", "write", "written"]

Writer = Callable[[Path, Picture], Note]

_WRITERS: dict[str, tuple[tuple[str, Writer], ...]] = {
    "npz": ((".npz", write_arrays.npz),),
    "hdf5": ((".h5", write_arrays.hdf5),),
    "mat": ((".mat", write_arrays.mat),),
    "cfl": ((".hdr", write_arrays.hdr), (".cfl", write_arrays.cfl)),
    "tiff32": ((".tiff", write_pictures.tiff32),),
    "tiff16": ((".16.tiff", write_pictures.tiff16),),
    "png": ((".png", write_pictures.png),),
    "nifti": ((".nii.gz", write_volumes.nifti),),
    "fits": ((".fits", write_volumes.fits),),
    "zarr": ((".zarr.zip", write_volumes.zarr),),
    "dicom": ((".dcm", write_volumes.dicom),),
}
FORMATS: tuple[str, ...] = tuple(_WRITERS)
"""Names of the output formats."""
LOSSLESS = ("npz", "hdf5", "mat")
"""Formats that hold any array as it is."""
LIBRARIES = {"nifti": "nibabel", "fits": "astropy", "zarr": "zarr", "dicom": "pydicom"}
"""Formats that need a library of an extra."""


def write(
    path_stem: str | Path,
    image: Tensor,
    formats: Sequence[str],
    metadata: Mapping[str, Any] | None = None,
    *,
    color: bool = False,
    window: tuple[float, float] | None = None,
) -> list[Path]:
    """Write one image in several formats; see :func:`written`, which also says what was converted."""
    return list(written(path_stem, image, formats, metadata, color=color, window=window))


def written(
    path_stem: str | Path,
    image: Tensor,
    formats: Sequence[str],
    metadata: Mapping[str, Any] | None = None,
    *,
    color: bool = False,
    window: tuple[float, float] | None = None,
) -> dict[Path, Note]:
    """Write one image in several formats; every file but BART's carries the metadata as JSON.

    ========  ==========  =====================================================================================
    format    ending      holds
    ========  ==========  =====================================================================================
    npz       .npz        ``image`` as it is, ``metadata``
    hdf5      .h5         dataset ``image`` as it is, compressed without loss; the metadata in its attributes
    mat       .mat        variables ``image`` as it is, and ``metadata``; MATLAB's version 5
    cfl       .cfl, .hdr  single-precision complex numbers; double precision is refused where it would be cut
    tiff32    .tiff       float32; volumes as pages
    tiff16    .16.tiff    0 to 65535 over the whole range: value = ``low`` + code · ``step``, both in the metadata
    png       .png        8 bits over ``window``, values beyond it clipped; of a volume the middle slice
    nifti     .nii.gz     as it is, axes in reverse, with ``affine`` or ``spacing_mm`` of the metadata
    fits      .fits       as it is; complex images are refused
    zarr      .zarr.zip   as it is, OME-Zarr 0.5 of one level
    dicom     .dcm        as tiff16, with RescaleSlope and RescaleIntercept; a frame for each slice
    ========  ==========  =====================================================================================

    TIFF, PNG and DICOM hold the magnitude of a complex image, and say so. The pixel size goes along where
    ``metadata["spacing_mm"]`` gives it (one number, or one per axis).

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
    The files written, in the order of ``formats``, each with a note on what is not as it was: rounded, rescaled,
    clipped, a magnitude. An empty note means that every bit is there.

    Raises
    ------
    DataError
        For an unknown format, one whose library is missing, an image that the format cannot hold, or a full or
        read-only disk. A file of the same name is replaced only by a complete one.
    """
    check_formats(formats)
    values = image.detach().cpu().resolve_conj().numpy()
    if color and (values.ndim < 3 or values.shape[0] != 3):
        raise DataError(f"A colour image has shape (3, H, W), this one has {values.shape}.")
    picture = Picture(values, dict(metadata or {}), color, window)
    parts = [part for name in formats for part in _WRITERS[name]]
    return dict(_atomically(path_stem, ending, writer, picture) for ending, writer in parts)


def check_formats(formats: Sequence[str]) -> None:
    """Raise a :class:`DataError` for an unknown format, or one whose library is missing."""
    for name in formats:
        if name not in _WRITERS:
            raise DataError(f"There is no output format {name!r}; the formats are {', '.join(FORMATS)}.")
        if name in LIBRARIES:
            need(LIBRARIES[name], f"The output format {name}")


def _atomically(stem: str | Path, ending: str, writer: Writer, picture: Picture) -> tuple[Path, Note]:
    target = Path(f"{stem}{ending}")
    with whole(target) as temporary:
        note = writer(temporary, picture)
    return target, note
