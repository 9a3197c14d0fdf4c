"""What the readers of synchrotron scans share: rows of the detector as items, angles in radians, parallel rays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from recon.files.hdf5 import Hdf5
from recon.files.item import DataError, Item, ItemRef
from recon.files.paths import find_files, item_ids
from recon.files.reader import Reader
from recon.files.scan import Scan
from recon.files.slices import Slices


@dataclass(frozen=True)
class ParallelScan(Reader, ABC):
    """An HDF5 file with projections (angles, rows, bins) of parallel rays, flats, darks and angles.

    Items have the roles ``data``, ``angles`` in radians and, where the file has them, ``flats`` and ``darks``, as the
    step ``flat_field`` takes them. They bring the geometry of a :class:`~recon.operators.ParallelBeam3D` with them, or
    of a :class:`~recon.operators.ParallelBeam` where slices are chosen, for ``geometry: from-file``. Its pitch is 1 mm
    unless the job writes ``geometry: {name: from-file, pitch: 0.00065}``: these files hold the pixel size of the
    camera at best, not that at the object. Which way the object turns they do not tell either; the image may be
    mirrored.

    Parameters
    ----------
    path
        File, folder or pattern.
    slices
        Rows of the detector to make an item of each: ``all``, a number, a list of numbers, or a range ``"a:b"`` or
        ``"a:b:step"`` (b excluded), counted from 0. Without it a file is one item, and its image a volume.
    angle_unit
        Of the angles, where the file does not tell.
    """

    geometries: ClassVar[tuple[str, ...]] = ("parallel_beam", "parallel_beam_3d")
    angles_in_radians: ClassVar[bool] = True

    path: str
    slices: int | Sequence[int] | str | None = None
    angle_unit: Literal["deg", "rad"] | None = None

    def __post_init__(self) -> None:
        if self.slices is not None:
            self._slices()

    def items(self) -> list[ItemRef]:
        files = find_files(self.path, Hdf5.suffixes)
        references: list[ItemRef] = []
        for file, id in zip(files, item_ids(files), strict=True):
            if self.slices is None:
                references.append(ItemRef(id, str(file), (file,), partial(self._load, file, id, None)))
                continue
            try:
                with Hdf5(str(file)).open(file) as container:
                    shape = self.projections(container, file)
                chosen = self._slices().choose(shape, str(file))
            except DataError as error:
                references.append(ItemRef(id, str(file), (file,), partial(_fail, str(error))))
                continue
            for row, name in chosen:
                read = partial(self._load, file, f"{id}-{name}", row)
                references.append(ItemRef(f"{id}-{name}", f"{file} {name}", (file,), read))
        return references

    @abstractmethod
    def projections(self, container: Any, file: Path) -> tuple[int, ...]:
        """Shape of the projections, (angles, rows, bins)."""

    @abstractmethod
    def read(self, file: Path, id: str, row: int | None) -> Item:
        """The item with angles in radians; ``row`` None stands for all."""

    def _load(self, file: Path, id: str, row: int | None) -> Item:
        item = self.read(file, id, row)
        name = "parallel_beam" if item.data.ndim == 2 else "parallel_beam_3d"
        known: Mapping[str, str] = {"angles_unit": "rad"} if "angles" in item.aux else {}
        return replace(item, id=id, meta={**item.meta, **known}, scan=Scan({"name": name}))

    def _slices(self) -> Slices:
        return Slices.parse({"axis": 1, "index": self.slices})


def _fail(message: str) -> Item:
    raise DataError(message)
