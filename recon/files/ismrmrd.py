"""ISMRMRD raw data of MRI scanners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, get_args

from torch import Tensor

from recon.files.acquisitions import Acquisitions
from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, Index, LazyArray, brief, element
from recon.files.hdf5 import Datasets, Hdf5, resolved
from recon.files.item import DataError, Item
from recon.files.mri_header import read_mri_header, spacing_of
from recon.files.shots import Shots, Unit

_OPTIONAL = ("mask", "trajectory", "noise")


@dataclass(frozen=True)
class Ismrmrd(ArrayReader):
    """K-space of an ISMRMRD file: the lines of Cartesian scans sorted into place, others with their trajectory.

    The array ``kspace`` of a Cartesian scan has the axes (repetition, set, phase, contrast, average, slice, coil, kz,
    ky, kx), but for the coils those of one element left out, and zero frequency at N//2 of the encoded matrix; the
    array ``mask`` says which samples were taken and has no coils. Of other scans ``kspace`` is (..., coil, shot,
    sample), shots in the order of the file, and ``trajectory`` (..., ndim, shot, sample) in cycles per pixel, as
    ``noncartesian_mri`` takes it: the points that are stored with the samples, and along z the step of planes that have
    points of two axes. ``noise`` are the samples (coils, ...) of the noise scan, scaled to the image's time between
    samples, for the step ``prewhiten``.

    Without ``keys`` they are the roles ``data``, ``mask``, ``trajectory`` and ``noise``, as far as there are such. A
    trajectory that is the same in every frame or slice of an item loses that axis; one that changes along a single
    axis is put together, the shots of a frame after those of the one before: ``frames`` of the operator counts them.

    Readouts keep their oversampling, which the sidecar tells and the step ``remove_oversampling`` removes. Calibration
    lines of their own, navigators and the like are left out and counted in the sidecar, which also has the header's
    matrices, fields of view and times. Only the lines of the slices asked for are read. Images that the file holds are
    called as in ``image_0/data``. The other parameters are those of :class:`~recon.files.arrays.ArrayReader`; its
    ``slices`` count axes as above.

    Parameters
    ----------
    group
        Group of the file, by default the only one.
    trajectory_unit
        In what the file has its points: ``cycles`` per pixel, ``kn``, cycles per encoded field of view, or ``radians``
        per pixel.

    Raises
    ------
    DataError
        For trajectories without points, readouts acquired backwards (EPI), lines outside the encoded matrix or acquired
        twice, points beyond 1/2 cycle per pixel.

    Source: S. J. Inati et al., ISMRM Raw data format, Magn. Reson. Med. 77 (2017) 411.
    """

    names: ClassVar[tuple[str, ...]] = ("ismrmrd", "mrd")
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".mrd", ".hdf5")
    default_keys: ClassVar[Mapping[str, str]] = {"data": "kspace"}

    sliced: Sequence[str] = ("data", "mask", "trajectory")
    group: str | None = None
    trajectory_unit: Unit = "cycles"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trajectory_unit not in get_args(Unit):
            raise ValueError(f"Ismrmrd expects trajectory_unit cycles, kn or radians, got {self.trajectory_unit!r}.")

    def _load(self, file: Path, id: str, number: int | None) -> Item:
        if self.keys is not None:
            return super()._load(file, id, number)
        with self.open(file) as container:
            names = container.names()
        keys = {"data": "kspace", **{name: name for name in _OPTIONAL if name in names}}
        item = replace(self, keys=keys)._load(file, id, number)
        if "trajectory" not in item.aux:
            return item
        return item.changed(aux={"trajectory": _joined(item.aux["trajectory"], item.source)})

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        with Hdf5(str(path)).open(path) as datasets:
            yield _RawData(path, datasets, self._group(path, datasets.file), self.trajectory_unit)

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
    """An open file: k-space and what belongs to it, put together when asked for, and the images beside them."""

    def __init__(self, path: Path, datasets: Datasets, group: str, unit: Unit) -> None:
        self.datasets, self.group = datasets, group
        try:
            text = datasets.file[group]["xml"][0]
            self.header = read_mri_header(text, f"{path}:{group}/xml")
            self.scan = _scan(f"{path}:{group}", datasets.file[group]["data"], self.header, unit)
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise DataError(f"{path} is not a readable ISMRMRD file ({brief(error)}).") from None
        self.arrays: dict[str, LazyArray] = {"kspace": self.scan.kspace()}
        if isinstance(self.scan, Shots):
            self.arrays["trajectory"] = self.scan.trajectory()
        else:
            self.arrays["mask"] = self.scan.mask()
        if (noise := self.scan.noise()) is not None:
            self.arrays["noise"] = noise

    def names(self) -> list[str]:
        images = [name for name in self.datasets.names() if name.startswith(f"{self.group}/image")]
        return [*self.arrays, *(name.removeprefix(f"{self.group}/") for name in images if name.endswith("/data"))]

    def main(self) -> str | None:
        return "kspace"

    def array(self, name: str, index: Index) -> Any:
        if name in self.arrays:
            return element(self.arrays[name], index)
        return self.datasets.array(f"{self.group}/{name}", index)

    def about(self, name: str) -> About:
        if name not in ("kspace", "mask"):
            return About()
        left_out = {"left_out": self.scan.left_out} if self.scan.left_out else {}
        notes = {"mri": self.header, "axes": " ".join(self.scan.axes), **left_out}
        if isinstance(self.scan, Shots):
            return About("", None, notes)
        image = tuple(size for size in self.scan.matrix if size > 1 or self.scan.matrix[0] > 1)
        return About("", spacing_of(self.header, image[-3:]), notes)


def _scan(source: str, table: Any, header: dict[str, Any], unit: Unit) -> Acquisitions | Shots:
    """A Cartesian scan, or one that has its points with it."""
    if header.get("trajectory", "cartesian") != "cartesian":
        heads = table.fields("head")[...]
        if heads["trajectory_dimensions"].any():
            return Shots(source, table, header, unit)
    return Acquisitions(source, table, header)


def _joined(points: Tensor, source: str) -> Tensor:
    """Points ``([counters,] ndim, shots, samples)`` as one trajectory."""
    outer = points.shape[:-3]
    flat = points.reshape(-1, *points.shape[-3:])
    if bool((flat == flat[0]).all()):
        return flat[0].contiguous()
    if sum(n > 1 for n in outer) > 1:
        raise DataError(
            f"{source} has trajectories that change along {len(outer)} axes; make items of one of them by slices."
        )
    joined: Tensor = flat.movedim(0, 1).flatten(1, 2)
    return joined.contiguous()
