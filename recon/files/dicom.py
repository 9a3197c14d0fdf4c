"""DICOM images: single files, and series as volumes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from recon.files.arrays import ArrayReader
from recon.files.contents import ArrayFile, SingleArray, reading
from recon.files.dicom_image import DicomImage, read_header
from recon.files.dicom_series import volume_of
from recon.files.item import DataError
from recon.files.need import need
from recon.files.paths import find_files, natural_key


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


@dataclass(frozen=True)
class Dicom(ArrayReader):
    """DICOM images of CT, MR, PET and X-ray; needs pydicom, the extra ``dicom``.

    Values are ``RescaleSlope`` · stored + ``RescaleIntercept`` in double precision where the file has these, in the
    unit of ``RescaleType`` (HU in CT) or ``Units``; the sidecar has them as ``rescale``, with ``PixelSpacing`` in mm,
    ``orientation`` and ``position`` of the first slice in the patient (mm; x to the left, y to the back, z to the
    head), modality and photometric interpretation. Nothing is inverted or windowed: of ``MONOCHROME1`` images large
    values are dark. Names of patients are never read. The one array of a file is called ``data``: (rows, columns), of
    several frames (frames, rows, columns), of colours (3, rows, columns). The other parameters are those of
    :class:`~recon.files.arrays.ArrayReader`.

    Parameters
    ----------
    path
        File, folder or pattern; of a folder the files that are DICOM, whatever their names.
    series
        ``"images"`` makes an item of each file; ``"volume"`` one of each folder, whose files are stacked to (slices,
        rows, columns) by their positions along the normal of their planes.
    series_number
        Which series of a folder that holds several.

    Source: DICOM PS3.3, C.7.6 and C.11.1.
    """

    names: ClassVar[tuple[str, ...]] = ("dicom",)
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dicom", ".ima")
    holds_images: ClassVar[bool] = True

    series: Literal["images", "volume"] = "images"
    series_number: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.series not in ("images", "volume"):
            raise ValueError(f"Dicom expects series 'images' or 'volume', got {self.series!r}.")

    def find(self) -> list[Path]:
        folder = Path(self.path).expanduser()
        if self.series == "volume":
            return find_files(self.path, (), lambda found: any(map(is_dicom, _files(found))))
        if folder.is_dir():
            inside = [file for file in _files(folder) if file.suffix.lower() in self.suffixes or is_dicom(file)]
            if not inside:
                raise DataError(f"The folder {self.path} holds no DICOM file.")
            return inside
        return find_files(self.path, self.suffixes)

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        need("pydicom", f"{path}, a DICOM image,")
        if path.is_dir():
            headers = {file: read_header(file) for file in _files(path) if is_dicom(file)}
            with reading(f"{path} holds DICOM files with broken headers"):
                volume = volume_of(path, headers, self.series_number)
        else:
            image = DicomImage(path, read_header(path))
            with reading(f"{path} is a DICOM file with a broken header"):
                volume = SingleArray(image.values(), image.about())
        yield volume


def _files(folder: Path) -> list[Path]:
    return sorted((file for file in folder.iterdir() if file.is_file() and file.name[0] != "."), key=natural_key)
