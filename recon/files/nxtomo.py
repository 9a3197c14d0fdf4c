"""NeXus files of tomography."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from recon.files.angle_units import to_radians
from recon.files.conversion import did_you_mean, to_tensor
from recon.files.hdf5 import Hdf5
from recon.files.item import DataError, Item
from recon.files.parallel_scan import ParallelScan

_FRAMES, _KEYS, _ANGLES = "instrument/detector/data", "instrument/detector/image_key", "sample/rotation_angle"
_PROJECTION = 0
_ROLES = {"data": _PROJECTION, "flats": 1, "darks": 2}


@dataclass(frozen=True)
class NXtomo(ParallelScan):
    """Frames told apart by ``image_key``: 0 projections, 1 flats, 2 darks; 3, invalid frames, are left out.

    In a group of the file lie ``instrument/detector/data``, (frames, rows, bins), ``instrument/detector/image_key`` and
    ``sample/rotation_angle`` with one angle a frame in the units that its attribute states. The other parameters are
    those of :class:`~recon.files.parallel_scan.ParallelScan`.

    Parameters
    ----------
    entry
        The group, such as ``entry``; by default the only one.

    Source: NeXus application definition NXtomo.
    """

    names: ClassVar[tuple[str, ...]] = ("nxtomo", "nexus")

    entry: str | None = None

    def projections(self, container: Any, file: Path) -> tuple[int, ...]:
        group = self._group(container, file)
        shape: tuple[int, ...] = container.array(f"{group}{_FRAMES}", ()).shape
        if len(shape) != 3:
            raise DataError(f"{file} has {group}{_FRAMES} of shape {shape}, not (frames, rows, bins).")
        return shape

    def read(self, file: Path, id: str, row: int | None) -> Item:
        with Hdf5(str(file)).open(file) as container:
            frames, *_ = self.projections(container, file)
            group = self._group(container, file)
            keys = np.asarray(container.array(f"{group}{_KEYS}", ())[()])
            if keys.shape != (frames,):
                raise DataError(f"{file} has {frames} frames, but {group}{_KEYS} of shape {keys.shape}.")
            if not (keys == _PROJECTION).any():
                raise DataError(f"{file} has no projections: no frame has the image_key {_PROJECTION}.")
            arrays: dict[str, Tensor] = {}
            stored = container.array(f"{group}{_FRAMES}", ())
            for role, key in _ROLES.items():
                chosen = np.flatnonzero(keys == key)
                if len(chosen):
                    where = (_slice(chosen),) if row is None else (_slice(chosen), row)
                    arrays[role] = to_tensor(stored[where], f"{file}:{group}{_FRAMES} ({role})")
            if f"{group}{_ANGLES}" in container.names():
                arrays["angles"] = self._angles(container, file, f"{group}{_ANGLES}", keys)
        source = str(file) if row is None else f"{file} {id.rsplit('-', 1)[-1]}"
        return Item(id, source, arrays.pop("data"), arrays)

    def _angles(self, container: Any, file: Path, name: str, keys: np.ndarray[Any, Any]) -> Tensor:
        units = self.angle_unit or container.attribute(name, "units")
        angles = np.asarray(container.array(name, ())[()])
        if angles.shape == keys.shape:
            angles = angles[keys == _PROJECTION]
        return to_radians(to_tensor(angles, f"{file}:{name}"), units, f"{file}:{name}")

    def _group(self, container: Any, file: Path) -> str:
        """The group's name and a slash, or nothing where the file's root is meant."""
        names = container.names()
        groups = sorted(str(name).removesuffix(_KEYS) for name in names if name == _KEYS or name.endswith(f"/{_KEYS}"))
        groups = [group for group in groups if f"{group}{_FRAMES}" in names]
        shown = ", ".join(group.rstrip("/") or "/" for group in groups)
        if self.entry is not None:
            wanted = self.entry.strip("/")
            if (f"{wanted}/" if wanted else "") in groups:
                return f"{wanted}/" if wanted else ""
            raise DataError(
                f"{file} has no scan in {self.entry!r}; it has {shown or 'none'}"
                f"{did_you_mean(wanted, [group.rstrip('/') for group in groups])}"
            )
        if len(groups) > 1:
            raise DataError(f"{file} has the scans {shown}; say which with entry: {groups[0].rstrip('/')}.")
        if not groups:
            raise DataError(f"{file} is no NXtomo file: it has no {_FRAMES} with an image_key beside it.")
        return groups[0]


def _slice(indices: np.ndarray[Any, Any]) -> Any:
    """The indices, as a slice where they follow each other, which HDF5 reads many times faster."""
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices
