"""The files of a DICOM series as one volume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.contents import About, LazyArray, SingleArray
from recon.files.dicom_image import DicomImage
from recon.files.item import DataError

_UNEVEN = 0.01
"""Share of the mean by which the distances of slices may differ."""
_SAME = 1e-3
"""mm within which two slices are at the same place."""


def volume_of(folder: Path, headers: Mapping[Path, Any], number: int | None) -> SingleArray:
    """(slices, rows, columns) of one series of a folder, in the order of the slices along their normal.

    Raises
    ------
    DataError
        If there are several series and none is chosen, or the slices make no volume: other sizes or orientations,
        places that are missing, taken twice, or at uneven distances.
    """
    series = _chosen(folder, headers, number)
    first = next(iter(series.values()))
    normal = np.cross(*np.reshape([float(x) for x in first.get("ImageOrientationPatient", [1, 0, 0, 0, 1, 0])], (2, 3)))
    for key in ("Rows", "Columns", "ImageOrientationPatient", "PixelSpacing"):
        if any(header.get(key) != first.get(key) for header in series.values()):
            raise DataError(f"{folder} has slices of different {key}, so they make no volume; use series: images.")
    if any("ImagePositionPatient" not in header for header in series.values()):
        raise DataError(f"{folder} has slices that do not tell their position; use series: images.")
    places = {file: float(np.dot(normal, _position(header))) for file, header in series.items()}
    files = sorted(places, key=lambda file: places[file])
    if any(int(header.get("NumberOfFrames", 1) or 1) > 1 for header in series.values()):
        raise DataError(f"{folder} has files of several frames, which are not stacked; use series: images.")
    gaps = np.diff([places[file] for file in files])
    if len(gaps) and gaps.min() < _SAME:
        raise DataError(f"{folder} has slices at the same place, as of a time series; use series: images.")
    if len(gaps) and gaps.max() - gaps.min() > _UNEVEN * max(abs(gaps.mean()), 1e-9):
        what = f"{gaps.min():.4g} to {gaps.max():.4g} mm"
        raise DataError(f"{folder} has slices at uneven distances of {what}: slices are missing or there twice.")
    images = [DicomImage(file, series[file]) for file in files]
    stored = [image.values() for image in images]
    dtype = np.result_type(*{values.dtype for values in stored})

    def read(where: tuple[Any, ...]) -> Any:
        if isinstance(where[0], int):
            return stored[where[0]][where[1:]].astype(dtype)
        return np.stack([stored[int(n)][where[1:]].astype(dtype) for n in np.arange(len(stored))[where[0]]])

    values = LazyArray((len(stored), *stored[0].shape), dtype, read, f"{folder}:data")
    return SingleArray(values, _about(images, gaps))


def _about(images: list[DicomImage], gaps: np.ndarray[Any, Any]) -> About:
    about = images[0].about()
    spacing = about.spacing_mm
    if spacing is not None:
        thickness = float(
            images[0].header.get("SpacingBetweenSlices", 0) or images[0].header.get("SliceThickness", 0) or 0
        )
        between = float(gaps.mean()) if len(gaps) else thickness
        spacing = (between, *spacing) if between else None
    scales = [image.rescale(0) for image in images]
    notes = {**about.notes, "slices": len(images)}
    if any(scale != scales[0] for scale in scales):
        notes["rescale"] = scales
    return About(about.units, spacing, notes, tuple(image.note(0) for image in images))


def _chosen(folder: Path, headers: Mapping[Path, Any], number: int | None) -> dict[Path, Any]:
    groups: dict[str, dict[Path, Any]] = {}
    for file, header in headers.items():
        if number is None or header.get("SeriesNumber") == number:
            groups.setdefault(str(header.get("SeriesInstanceUID", "")), {})[file] = header
    if len(groups) == 1:
        return next(iter(groups.values()))
    there = {int(header.get("SeriesNumber", 0) or 0) for header in headers.values()}
    numbers = ", ".join(map(str, sorted(there)))
    if not groups:
        raise DataError(f"{folder} has no series {number}; it has {numbers}.")
    raise DataError(f"{folder} holds {len(groups)} series, of numbers {numbers}; say which with series_number.")


def _position(header: Any) -> list[float]:
    return [float(x) for x in header.ImagePositionPatient]
