"""Formats of single fields: NIfTI, FITS, OME-Zarr, DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recon.files.item import DataError
from recon.files.need import need
from recon.files.picture import Note, Picture, to_json

_LARGEST_NOTE = 1 << 15


def nifti(path: Path, picture: Picture) -> Note:
    """As it is, axes in reverse; with the affine of the metadata, else one of the spacing alone."""
    need("nibabel", "The output format nifti")
    import nibabel

    if picture.color or not 2 <= picture.values.ndim <= 4:
        raise DataError(f"NIfTI holds images and volumes without colours, not {_shape(picture)}; use npz or hdf5.")
    spacing = picture.spacing
    affine = picture.metadata.get("affine")
    if affine is None:
        affine = np.diag([*(reversed(spacing[-3:]) if spacing else ()), *[1.0] * (4 - len((spacing or ())[-3:]))])
    image = nibabel.Nifti1Image(picture.values.T, np.asarray(affine, dtype=float))
    if spacing is not None or "affine" in picture.metadata:
        image.header.set_xyzt_units("mm")
    if spacing is not None:
        image.header.set_zooms((*reversed(spacing), *[1.0] * (picture.values.ndim - len(spacing))))
    text = to_json(picture.metadata).encode()
    if len(text) < _LARGEST_NOTE:
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", text))
    path.write_bytes(_gzipped(image.to_bytes()))
    return {}


def fits(path: Path, picture: Picture) -> Note:
    """As it is; complex images are refused."""
    need("astropy", "The output format fits")
    from astropy.io import fits as format

    if np.iscomplexobj(picture.values):
        raise DataError("FITS images hold no complex numbers; use npz or hdf5.")
    unit = format.PrimaryHDU(np.atleast_1d(picture.values))
    units = str(picture.metadata.get("units") or "")
    if units and units.isascii():
        unit.header["BUNIT"] = units
    unit.header["RECON"] = to_json(picture.metadata, ascii_only=True).replace("'", "\\u0027")
    spacing = picture.spacing
    for number, length in enumerate(reversed(spacing or ()), 1):
        unit.header[f"CDELT{number}"], unit.header[f"CUNIT{number}"] = length, "mm"
    with path.open("wb") as stream:
        unit.writeto(stream)
    return {}


def zarr(path: Path, picture: Picture) -> Note:
    """As it is, as the one level of an OME-Zarr 0.5 image in a zip archive."""
    need("zarr", "The output format zarr")
    import zarr as format

    values = picture.values
    if not 2 <= values.ndim <= 4:
        raise DataError(f"OME-Zarr holds images and volumes, not {_shape(picture)}; use npz or hdf5.")
    space = values.ndim - int(picture.color or values.ndim == 4)
    axes: list[dict[str, Any]] = [{"name": "c", "type": "channel"}] if values.ndim > space else []
    length = {"unit": "millimeter"} if picture.spacing is not None else {}
    axes += [{"name": name, "type": "space", **length} for name in "zyx"[-space:]]
    scale = [*[1.0] * (values.ndim - space), *(picture.spacing or (1.0,) * space)[-space:]]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    store = format.storage.ZipStore(path, mode="w")
    try:
        group = format.open_group(store, mode="w", zarr_format=3)
        group.create_array("0", data=np.ascontiguousarray(values))
        multiscales = [{"axes": axes, "datasets": [level]}]
        metadata = to_json(picture.metadata)
        group.attrs.update({"ome": {"version": "0.5", "multiscales": multiscales}, "recon": metadata})
    finally:
        store.close()
    return {}


def dicom(path: Path, picture: Picture) -> Note:
    """16-bit codes with RescaleSlope and RescaleIntercept, a secondary capture of one frame a slice."""
    need("pydicom", "The output format dicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage, generate_uid

    picture.finite("DICOM")
    values, note = picture.real()
    if picture.color or not 2 <= values.ndim <= 3:
        raise DataError(f"DICOM holds images and volumes without colours here, not {_shape(picture)}; use npz or hdf5.")
    codes, low, step = _coded(values)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = Dataset()
    image.file_meta = meta
    image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.PatientName = image.PatientID = image.StudyID = image.StudyDate = image.StudyTime = ""
    image.Modality, image.ConversionType, image.Manufacturer = "OT", "WSD", "recon"
    image.SeriesNumber, image.InstanceNumber = 1, 1
    image.Rows, image.Columns = values.shape[-2:]
    image.NumberOfFrames = values.shape[0] if values.ndim == 3 else 1
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 0
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.RescaleSlope, image.RescaleIntercept = step, low
    image.RescaleType = str(picture.metadata.get("units") or "US")[:16] if _plain(picture) else "US"
    image.BurnedInAnnotation = "NO"
    if picture.spacing is not None:
        image.PixelSpacing = [f"{length:.10g}" for length in picture.spacing[-2:]]
        if len(picture.spacing) == 3:
            image.SpacingBetweenSlices = f"{picture.spacing[0]:.10g}"
    image.ImageComments = to_json({**picture.metadata, **note}, ascii_only=True)[:10240]
    image.PixelData = codes.astype("<u2").tobytes()
    image.save_as(path, enforce_file_format=True)
    return {**note, "low": float(low), "step": float(step)}


def _coded(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], str, str]:
    """Codes, and the intercept and slope as DICOM's text of at most 16 characters spells them."""
    low, high = float(values.min()), float(values.max())
    first, step = f"{low:.9g}", f"{(high - low) / 65535 if high > low else 1.0:.9g}"
    exact = np.rint((values.astype(np.float64) - float(first)) / float(step))
    codes = np.clip(exact, 0, 65535).astype(np.uint16)
    error = np.abs(codes * float(step) + float(first) - values).max()
    if error > 0.51 * float(step) + 1e-12 * abs(high - low):
        raise DataError("DICOM's sixteen characters do not tell this image's range precisely enough; use npz or hdf5.")
    return codes, first, step


def _plain(picture: Picture) -> bool:
    return str(picture.metadata.get("units") or "").isascii()


def _gzipped(data: bytes) -> bytes:
    import gzip

    return gzip.compress(data, mtime=0)


def _shape(picture: Picture) -> str:
    colours = "colours " if picture.color else ""
    return f"{colours}an array of shape {picture.values.shape}" if not colours else f"colours of {picture.values.shape}"
