"""HDF5 containers: synchrotron, MRI and simulation data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from recon.files.arrays import ArrayReader, Index
from recon.files.item import DataError


@dataclass(frozen=True)
class Hdf5(ArrayReader):
    """Datasets of an HDF5 file, by their full names such as ``exchange/data``.

    Only the slices asked for are read. The parameters are those of :class:`~recon.files.arrays.ArrayReader`.
    """

    names: ClassVar[tuple[str, ...]] = ("hdf5", "h5")
    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5")

    @contextmanager
    def open(self, path: Path) -> Iterator[_Datasets]:
        import h5py

        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise DataError(f"{path} is not a readable HDF5 file ({error}).") from None
        with file:
            yield _Datasets(path, file)


@dataclass(frozen=True)
class _Datasets:
    path: Path
    file: Any

    def names(self) -> list[str]:
        import h5py

        found: list[str] = []
        self.file.visititems(lambda name, entry: found.append(name) if isinstance(entry, h5py.Dataset) else None)
        return found

    def array(self, name: str, index: Index) -> Any:
        import h5py

        entry = self.file.get(name)
        if not isinstance(entry, h5py.Dataset):
            raise KeyError(name)
        if entry.shape is None:
            raise DataError(f"{self.path}:{name} is empty.")
        values = _Lazy(entry, f"{self.path}:{name}")
        return values[index] if index else values

    def attribute(self, name: str, key: str) -> Any:
        """An attribute of a dataset, None where it has none of that name."""
        return self.file[name].attrs.get(key)


@dataclass(frozen=True)
class _Lazy:
    """A dataset whose failures to read are told in one sentence."""

    dataset: Any
    source: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.dataset.shape)

    def __getitem__(self, where: tuple[Any, ...]) -> Any:
        try:
            return self.dataset[where]
        except (IndexError, ValueError) as error:
            raise IndexError(str(error)) from None
        except OSError as error:
            raise DataError(f"{self.source} cannot be read ({error}).") from None
