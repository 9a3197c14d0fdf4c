"""Zarr hierarchies, OME-Zarr among them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, ClassVar

from recon.files.arrays import ArrayReader
from recon.files.contents import About, ArrayFile, Index, LazyArray, brief
from recon.files.item import DataError
from recon.files.need import need
from recon.files.paths import find_files

_MARKS = ("zarr.json", ".zgroup", ".zarray")
_METADATA = (*_MARKS, ".zattrs", ".zmetadata")
_MILLIMETRES = {"millimeter": 1.0, "micrometer": 1e-3, "nanometer": 1e-6, "centimeter": 10.0, "meter": 1000.0}


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((path / mark).is_file() for mark in _MARKS)


@dataclass(frozen=True)
class Zarr(ArrayReader):
    """Arrays of a Zarr folder or ``.zarr.zip`` archive, version 2 or 3; needs zarr, the extra ``zarr``.

    Arrays are called by their paths, as in ``group/array``; a folder that is an array itself has one called ``data``.
    Of OME-Zarr images the data are those of a ``level`` of the first multiscale image, with the axes of the file, as in
    (t, c, z, y, x); their scales become the spacing where the axes have a unit of length. Only the chunks of the
    slices asked for are read. Chunks that are not there stand for the array's fill value; the sidecar counts them as
    ``chunks_missing``. The other parameters are those of :class:`~recon.files.arrays.ArrayReader`.

    Parameters
    ----------
    level
        Resolution of an OME-Zarr image, 0 the finest.

    Source: Zarr storage specification 2 and 3; ngff.openmicroscopy.org 0.4 and 0.5.
    """

    names: ClassVar[tuple[str, ...]] = ("zarr", "ome_zarr")
    suffixes: ClassVar[tuple[str, ...]] = (".zarr", ".zarr.zip")

    level: int = 0

    def find(self) -> list[Path]:
        return find_files(self.path, self.suffixes, is_zarr)

    @contextmanager
    def open(self, path: Path) -> Iterator[ArrayFile]:
        need("zarr", f"{path}, a Zarr hierarchy,")
        import zarr

        store: Any = path
        try:
            if path.is_file():
                store = zarr.storage.ZipStore(path, mode="r")
            node = zarr.open(store, mode="r")
            whole = isinstance(node, zarr.Array)
            entries = {"data": node} if whole else dict(_arrays(node))
            levels = [] if whole else _levels(dict(node.attrs))
        except Exception as error:  # zarr lets those of zip, json and its codecs through
            raise DataError(f"{path} is not a readable Zarr hierarchy ({brief(error)}).") from None
        try:
            yield _Arrays(path, dict(sorted(entries.items())), levels, self.level)
        finally:
            if store is not path:
                store.close()


def _arrays(group: Any) -> Iterator[tuple[str, Any]]:
    import zarr

    for name, member in group.members(max_depth=None):
        if isinstance(member, zarr.Array):
            yield name, member


def _levels(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Path, axes and scale of every level of the first multiscale image, finest first."""
    images = attributes.get("ome", attributes).get("multiscales") or []
    if not images:
        return []
    image = images[0]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", [])]
    around = _scale(image.get("coordinateTransformations"), len(axes))
    return [
        {
            "path": level["path"],
            "axes": axes,
            "scale": [
                a * b for a, b in zip(around, _scale(level.get("coordinateTransformations"), len(axes)), strict=True)
            ],
        }
        for level in image["datasets"]
    ]


def _scale(transformations: Any, ndim: int) -> list[float]:
    found = next((step["scale"] for step in transformations or [] if step.get("type") == "scale"), [1.0] * ndim)
    return [float(factor) for factor in found]


@dataclass(frozen=True)
class _Arrays(ArrayFile):
    path: Path
    entries: Mapping[str, Any]
    levels: list[dict[str, Any]]
    level: int

    def names(self) -> list[str]:
        return list(self.entries)

    def array(self, name: str, index: Index) -> LazyArray:
        entry = self.entries[name.strip("/")]
        return LazyArray(tuple(entry.shape), entry.dtype, entry.__getitem__, f"{self.path}:{name}").at(index)

    def _stored(self, inside: str) -> int:
        """Chunks, or shards of them, that there are of an array."""
        if self.path.is_dir():
            names = (file.name for file in (self.path / inside).rglob("*") if file.is_file())
        else:
            with zipfile.ZipFile(self.path) as archive:
                kept = [name for name in archive.namelist() if name.startswith(f"{inside}/" if inside else "")]
            names = (name.rpartition("/")[2] for name in kept)
        return sum(name not in _METADATA for name in names)

    def main(self) -> str | None:
        if not self.levels:
            return super().main()
        if not 0 <= self.level < len(self.levels):
            raise DataError(f"{self.path} has {len(self.levels)} levels, counted from 0: no level {self.level}.")
        return str(self.levels[self.level]["path"])

    def about(self, name: str) -> About:
        entry = self.entries[name.strip("/")]
        attributes = dict(entry.attrs)
        notes: dict[str, Any] = {}
        units = entry.shards or entry.chunks
        expected = prod(-(-size // unit) for size, unit in zip(entry.shape, units, strict=True))
        missing = expected - self._stored(entry.path)
        if missing > 0:
            notes["chunks_missing"] = {"count": missing, "of": expected, "read_as": str(entry.fill_value)}
        level = next((level for level in self.levels if level["path"] == name), None)
        spacing = None
        if level is not None and len(level["axes"]) == len(entry.shape):
            notes["axes"] = " ".join(axis["name"] for axis in level["axes"])
            spacing = _spacing(level)
        return About(str(attributes.get("units", "")), spacing, notes)


def _spacing(level: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Lengths of the space axes, which come last, in mm."""
    lengths: list[float] = []
    for axis, scale in zip(reversed(level["axes"]), reversed(level["scale"]), strict=True):
        factor = _MILLIMETRES.get(axis.get("unit", ""))
        if axis.get("type") != "space" or factor is None:
            break
        lengths.insert(0, scale * factor)
    return tuple(lengths) or None
