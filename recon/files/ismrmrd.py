"""ISMRMRD raw data of MRI scanners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from recon.files.acquisitions import Acquisitions
from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, Index, brief, element
from recon.files.hdf5 import Datasets, Hdf5, resolved
from recon.files.item import DataError
from recon.files.mri_header import read_mri_header, spacing_of


@dataclass(frozen=True)
class Ismrmrd(ArrayReader):
    """Cartesian k-space of an ISMRMRD file, its lines sorted into place.

    The array ``kspace`` has the axes (repetition, set, phase, contrast, average, slice, coil, kz, ky, kx), but for the
    coils those of one element left out, and zero frequency at N//2 of the encoded matrix; the array ``mask`` says which
    samples were taken and has no coils. Without ``keys`` they are the roles ``data`` and ``mask``. Readouts keep their
    oversampling. Noise scans, calibration lines of their own, navigators and the like are left out and counted in the
    sidecar, which also has the header's matrices, fields of view and times. Only the lines of the slices asked for are
    read. Images that the file holds are called as in ``image_0/data``. The other parameters are those of
    :class:`~recon.files.arrays.ArrayReader`; its ``slices`` count axes as above.

    Parameters
    ----------
    group
        Group of the file, by default the only one.

    Raises
    ------
    DataError
        For trajectories that are not Cartesian, readouts acquired backwards (EPI), lines outside the encoded matrix or
        acquired twice.

    Source: S. J. Inati et al., ISMRM Raw data format, Magn. Reson. Med. 77 (2017) 411.
    """

    names: ClassVar[tuple[str, ...]] = ("ismrmrd", "mrd")
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".mrd", ".hdf5")
    default_keys: ClassVar[Mapping[str, str]] = {"data": "kspace", "mask": "mask"}

    sliced: Sequence[str] = ("data", "mask")
    group: str | None = None

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        with Hdf5(str(path)).open(path) as datasets:
            yield _RawData(path, datasets, self._group(path, datasets.file))

    def _group(self, path: Path, file: Any) -> str:
        groups = ismrmrd_groups(file)
        if self.group is not None and self.group.strip("/") in groups:
            return self.group.strip("/")
        shown = ", ".join(groups)
        if self.group is not None:
            raise DataError(f"{path} has no raw data in {self.group!r}; it has {shown or 'none'}.")
        if not groups:
            raise DataError(f"{path} is no ISMRMRD file: it has no group with xml and data.")
        if len(groups) > 1:
            raise DataError(f"{path} has raw data in {shown}; say which with group: {groups[0]}.")
        return groups[0]


def ismrmrd_groups(file: Any) -> list[str]:
    """The groups at the top of an HDF5 file that hold raw data."""
    import h5py

    def holds(group: Any) -> bool:
        data = resolved(group, "data") if isinstance(group, h5py.Group) and "xml" in group else None
        return isinstance(data, h5py.Dataset) and "head" in (data.dtype.names or ())

    return [name for name in file if holds(resolved(file, name))]


class _RawData(ArrayFile):
    """An open file: k-space and mask, put together when asked for, and the images beside them."""

    def __init__(self, path: Path, datasets: Datasets, group: str) -> None:
        self.datasets, self.group = datasets, group
        try:
            text = datasets.file[group]["xml"][0]
            self.header = read_mri_header(text, f"{path}:{group}/xml")
            self.acquisitions = Acquisitions(f"{path}:{group}", datasets.file[group]["data"], self.header)
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise DataError(f"{path} is not a readable ISMRMRD file ({brief(error)}).") from None

    def names(self) -> list[str]:
        images = [name for name in self.datasets.names() if name.startswith(f"{self.group}/image")]
        return ["kspace", "mask", *(name.removeprefix(f"{self.group}/") for name in images if name.endswith("/data"))]

    def main(self) -> str | None:
        return "kspace"

    def array(self, name: str, index: Index) -> Any:
        if name == "kspace":
            return element(self.acquisitions.kspace(), index)
        if name == "mask":
            return element(self.acquisitions.mask(), index)
        return self.datasets.array(f"{self.group}/{name}", index)

    def about(self, name: str) -> About:
        if name not in ("kspace", "mask"):
            return About()
        left_out = {"left_out": self.acquisitions.left_out} if self.acquisitions.left_out else {}
        image = tuple(size for size in self.acquisitions.matrix if size > 1 or self.acquisitions.matrix[0] > 1)
        spacing = spacing_of(self.header, image[-3:])
        return About("", spacing, {"mri": self.header, "axes": " ".join(self.acquisitions.axes), **left_out})
