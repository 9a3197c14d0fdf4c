"""Which format a file is of, by what it holds rather than by its name."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon.files.arrays import ArrayReader
from recon.files.cfl import Cfl
from recon.files.contents import ArrayFile
from recon.files.dicom import Dicom, is_dicom
from recon.files.fits import Fits
from recon.files.hdf5 import Hdf5
from recon.files.idx import Idx
from recon.files.image_file import ImageFile
from recon.files.ismrmrd import Ismrmrd, ismrmrd_groups
from recon.files.item import DataError
from recon.files.mat import Mat
from recon.files.nifti import Nifti
from recon.files.npy import Numpy
from recon.files.zarr import Zarr, is_zarr

_HEAD = 352
_IMAGES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
_IMAGES |= {b"II+\0": "BigTIFF", b"MM\0+": "BigTIFF"}
_NIFTI = (b"n+1\0", b"ni1\0")


@dataclass(frozen=True)
class Format:
    """What a file is.

    Attributes
    ----------
    name
        As people call it.
    reader
        Its reader; None for images.
    inputs
        Names of the readers of jobs that fit, the most special first.
    """

    path: Path
    name: str
    reader: ArrayReader | None
    inputs: tuple[str, ...]

    @contextmanager
    def open(self) -> Iterator[ArrayFile]:
        """The arrays in it."""
        if self.reader is None:
            yield ImageFile(self.path)
            return
        with self.reader.open(self.path) as container:
            yield container


def detect(path: Path) -> Format:
    """The format of a file, or of a folder that is one; a :class:`DataError` if none of the readers knows it."""
    text = str(path)
    if path.is_dir():
        return _folder(path)
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is neither a file nor a folder.")
    head = _head(path)
    if not head:
        raise DataError(f"{path} is empty.")
    for magic, name in _IMAGES.items():
        if head.startswith(magic):
            return Format(path, name, None, ("images",))
    if head.startswith(b"\x93NUMPY"):
        return Format(path, "NumPy array", Numpy(text), ("numpy",))
    if head.startswith(b"PK"):
        return _archive(path)
    if head.startswith(b"MATLAB 5.0"):
        return Format(path, "MATLAB 5 to 7.2", Mat(text), _mat_inputs(path))
    if head.startswith((b"MATLAB 7.3", b"\x89HDF")) or _is_hdf5(path):
        return _hdf5(path, head)
    if head[128:132] == b"DICM":
        return Format(path, "DICOM", Dicom(text), ("dicom",))
    unpacked = _unpacked(path) if head.startswith(b"\x1f\x8b") else head
    if unpacked.startswith(b"SIMPLE  ="):
        return Format(path, "FITS", Fits(text), ("fits",))
    if unpacked[344:348] in _NIFTI or unpacked[4:8] in (b"n+2\0", b"ni2\0"):
        return Format(path, "NIfTI", Nifti(text), ("nifti",))
    if path.suffix.lower() == ".cfl" or (path.suffix.lower() == ".hdr" and b"# Dimensions" in head):
        return Format(path, "BART", Cfl(text), ("cfl",))
    if unpacked[:2] == b"\0\0" and len(unpacked) > 3 and unpacked[2] in (0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E):
        return Format(path, "IDX", Idx(text), ("idx",))
    if path.suffix.lower() == ".mat":
        return Format(path, "MATLAB 4", Mat(text), ("mat",))
    begin = " ".join(f"{byte:02x}" for byte in head[:8])
    raise DataError(
        f"{path} is of no format that recon reads: it begins with the bytes {begin}; recon info lists them."
    )


def _folder(path: Path) -> Format:
    if is_zarr(path):
        return Format(path, "Zarr", Zarr(str(path)), ("zarr",))
    try:
        inside = [file for file in path.iterdir() if file.is_file()]
    except OSError as error:
        raise DataError(f"The folder {path} cannot be opened ({error.strerror}).") from None
    if any(map(is_dicom, inside)):
        return Format(path, "DICOM series", Dicom(str(path), series="volume"), ("dicom",))
    raise DataError(f"{path} is a folder and neither Zarr nor DICOM; recon data list shows the files in it.")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path} cannot be opened ({error.strerror}).") from None


def _unpacked(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(_HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is compressed with gzip and cannot be unpacked ({error}).") from None


def _archive(path: Path) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path} is a zip archive that cannot be read ({error}).") from None
    if any(name.rpartition("/")[2] in ("zarr.json", ".zgroup", ".zarray") for name in names):
        return Format(path, "Zarr archive", Zarr(str(path)), ("zarr",))
    if any(name.endswith(".npy") for name in names):
        return Format(path, "NumPy archive", Numpy(str(path)), ("numpy",))
    raise DataError(f"{path} is a zip archive without arrays of NumPy or Zarr.")


def _is_hdf5(path: Path) -> bool:
    import h5py

    return bool(h5py.is_hdf5(path))


def _hdf5(path: Path, head: bytes) -> Format:
    with Hdf5(str(path)).open(path) as container:
        names = set(container.names())
        raw: Any = ismrmrd_groups(container.file)
    if head.startswith(b"MATLAB"):
        return Format(path, "MATLAB 7.3", Mat(str(path)), ("mat",))
    if raw:
        return Format(path, "ISMRMRD", Ismrmrd(str(path), group=raw[0]), ("ismrmrd", "hdf5"))
    special: tuple[str, ...] = ()
    if {"kspace", "ismrmrd_header"} <= names:
        special = ("fastmri",)
    elif "exchange/data" in names:
        special = ("dxchange",)
    elif any(name.endswith("instrument/detector/image_key") for name in names):
        special = ("nxtomo",)
    elif names == {"data"} and path.name.startswith("observation"):
        special = ("lodopab",)
    return Format(path, "HDF5", Hdf5(str(path)), (*special, "hdf5"))


def _mat_inputs(path: Path) -> tuple[str, ...]:
    from scipy.io import whosmat

    try:
        names = {name for name, *_ in whosmat(path)}
    except Exception:  # the reader says what is wrong when it opens the file
        names = set()
    return ("htc2022", "mat") if names & {"CtDataFull", "CtDataLimited", "CtData"} else ("mat",)
