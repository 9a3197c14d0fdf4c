"""HDF5 containers: synchrotron, MRI and simulation data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, Index, LazyArray, brief
from recon.files.item import DataError


@dataclass(frozen=True)
class Hdf5(ArrayReader):
    """Datasets of an HDF5 file, by their full names such as ``exchange/data``.

    Datasets behind links to other files are found as well. Only the slices asked for are read. Chunks that were never
    written stand for the dataset's fill value; the sidecar counts them as ``chunks_missing``. The parameters are those
    of :class:`~recon.files.arrays.ArrayReader`.
    """

    names: ClassVar[tuple[str, ...]] = ("hdf5", "h5")
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5")

    @contextmanager
    def open(self, path: Path) -> Iterator[Datasets]:
        import h5py

        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path} is not a readable HDF5 file ({brief(error)}).") from None
        with file:
            yield Datasets(path, file)


@dataclass(frozen=True)
class Datasets(ArrayFile):
    """The datasets of an open HDF5 file."""

    path: Path
    file: Any

    def names(self) -> list[str]:
        import h5py

        found: list[str] = []

        def visit(prefix: str, group: Any) -> None:
            group.visititems(lambda name, entry: found.append(prefix + name) if _is_dataset(entry) else None)

        def follow(name: str, link: Any) -> None:
            target = resolved(self.file, name) if isinstance(link, h5py.ExternalLink) else None
            if _is_dataset(target):
                found.append(name)
            elif isinstance(target, h5py.Group):
                visit(f"{name}/", target)

        visit("", self.file)
        self.file.visititems_links(follow)
        return found

    def array(self, name: str, index: Index) -> LazyArray:
        import h5py

        entry = resolved(self.file, name)
        if entry is None and isinstance(self._link(name), h5py.SoftLink | h5py.ExternalLink):
            raise DataError(f"{self.path}:{name} is a link that leads nowhere.")
        if not isinstance(entry, h5py.Dataset):
            raise KeyError(name)
        if entry.shape is None:
            raise DataError(f"{self.path}:{name} is empty.")
        for source in entry.virtual_sources() if entry.is_virtual else ():
            missing = Path(entry.file.filename).parent / source.file_name
            if "%" not in source.file_name and source.file_name != "." and not missing.exists():
                raise DataError(f"{self.path}:{name} is put together from other files, and {missing} is missing.")
        dtype = entry.dtype if h5py.check_string_dtype(entry.dtype) is None else np.dtype("S")
        return LazyArray(tuple(entry.shape), dtype, entry.__getitem__, f"{self.path}:{name}").at(index)

    def attribute(self, name: str, key: str) -> Any:
        """An attribute of a dataset, None where it has none of that name."""
        return self.file[name].attrs.get(key)

    def about(self, name: str) -> About:
        """Its ``units``, where the dataset has such an attribute, and chunks that are missing."""
        entry = resolved(self.file, name)
        units = None if entry is None else entry.attrs.get("units")
        if isinstance(units, np.ndarray) and units.size == 1:
            units = units.reshape(-1)[0]
        if isinstance(units, bytes):
            units = units.decode("utf-8", "replace")
        notes: dict[str, Any] = {}
        if getattr(entry, "chunks", None):
            expected = prod(-(-size // chunk) for size, chunk in zip(entry.shape, entry.chunks, strict=True))
            missing = expected - entry.id.get_num_chunks()
            if missing > 0:
                notes["chunks_missing"] = {"count": missing, "of": expected, "read_as": str(entry.fillvalue)}
        return About(units if isinstance(units, str) else "", notes=notes)

    def _link(self, name: str) -> Any:
        try:
            return self.file.get(name, getlink=True)
        except (KeyError, OSError, RuntimeError):
            return None


def resolved(group: Any, name: str) -> Any:
    """What a group of HDF5 holds by a name; None for nothing and for links that lead nowhere."""
    try:
        return group.get(name)
    except (KeyError, OSError, RuntimeError):
        return None


def _is_dataset(entry: Any) -> bool:
    import h5py

    return isinstance(entry, h5py.Dataset)
