"""Scientific Data Exchange files of synchrotron tomography."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from recon.files.angle_units import to_radians
from recon.files.hdf5 import Hdf5
from recon.files.item import DataError, Item
from recon.files.parallel_scan import ParallelScan

_DATA, _ANGLES = "exchange/data", "exchange/theta"
_KEYS = {"data": _DATA, "flats": "exchange/data_white", "darks": "exchange/data_dark", "angles": _ANGLES}


@dataclass(frozen=True)
class DXchange(ParallelScan):
    """``exchange/data``, ``data_white``, ``data_dark`` and ``theta``, in the units that its attribute states.

    Flats, darks and angles may be missing; the steps ``flat_field`` and ``angles`` say what they need. The parameters
    are those of :class:`~recon.files.parallel_scan.ParallelScan`.

    Source: F. De Carlo et al., Scientific data exchange, J. Synchrotron Radiat. 21 (2014) 1224.
    """

    names: ClassVar[tuple[str, ...]] = ("dxchange",)

    def projections(self, container: Any, file: Path) -> tuple[int, ...]:
        if _DATA not in container.names():
            raise DataError(f"{file} is no DXchange file: it has no {_DATA!r}.")
        shape: tuple[int, ...] = container.array(_DATA, ()).shape
        if len(shape) != 3:
            raise DataError(f"{file} has {_DATA} of shape {shape}, not (angles, rows, bins).")
        return shape

    def read(self, file: Path, id: str, row: int | None) -> Item:
        with Hdf5(str(file)).open(file) as container:
            self.projections(container, file)
            there = {role: key for role, key in _KEYS.items() if key in container.names()}
            units = container.attribute(_ANGLES, "units") if "angles" in there else None
        slices = None if row is None else {"axis": 1, "index": row}
        item = Hdf5(str(file), keys=there, slices=slices).items()[0].load()
        if "angles" not in there:
            return item
        radians = to_radians(item.aux["angles"], self.angle_unit or units, f"{file}:{_ANGLES}")
        return replace(item, aux={**item.aux, "angles": radians})
