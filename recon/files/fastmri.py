"""The k-space files of fastMRI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from recon.files.hdf5 import Datasets, Hdf5
from recon.files.item import DataError, Item, ItemRef
from recon.files.mri_header import read_mri_header
from recon.files.paths import find_files
from recon.files.reader import Reader
from recon.files.slices import Slices

_KSPACE, _MASK, _HEADER = "kspace", "mask", "ismrmrd_header"
_REFERENCES = ("reconstruction_rss", "reconstruction_esc")
_ATTRIBUTES = ("acquisition",)


@dataclass(frozen=True)
class FastMRI(Reader):
    """Knee and brain scans of fastMRI: an item of each slice, k-space ([coils,] kx, ky), the readout along the rows.

    Zero frequency lies at N//2, as everywhere in recon. A ``mask`` in the file, one number a column, becomes a mask of
    k-space's shape; where there is none the step ``sampling_mask`` finds it. The file's reference,
    ``reconstruction_rss`` or ``reconstruction_esc``, is a magnitude of the middle of the field of view and so no truth
    of a reconstruction from k-space: it is the role ``reference``. The sidecar has the matrices, fields of view and
    times of the header.

    Parameters
    ----------
    path
        File, folder or pattern.
    slices
        Slices to make an item of each: ``all``, a number, a list of numbers, or a range ``"a:b"`` (b excluded).
    read
        ``"kspace"``, or ``"reference"`` for the reference as an image to be measured.
    volumes
        One item of each file, (slices, [coils,] kx, ky), instead of one of each slice.

    Source: J. Zbontar et al., fastMRI: an open dataset and benchmarks for accelerated MRI, arXiv:1811.08839.
    """

    names: ClassVar[tuple[str, ...]] = ("fastmri",)

    path: str
    slices: int | Sequence[int] | str = "all"
    read: Literal["kspace", "reference"] = "kspace"
    volumes: bool = False

    def __post_init__(self) -> None:
        if self.read not in ("kspace", "reference"):
            raise ValueError(f"FastMRI expects read 'kspace' or 'reference', got {self.read!r}.")
        Slices.parse({"axis": 0, "index": self.slices})
        if self.volumes and self.slices != "all":
            raise ValueError(f"FastMRI expects all slices of volumes, got {self.slices!r}; leave out one of the two.")

    def items(self) -> list[ItemRef]:
        references: list[ItemRef] = []
        for file in find_files(self.path, Hdf5.suffixes):
            try:
                keys, notes = self._look(file)
            except DataError as error:
                references.append(ItemRef(file.stem, str(file), (file,), partial(_fail, str(error))))
                continue
            if self.volumes:
                references += [
                    replace(ref, read=partial(_finished, ref, notes)) for ref in Hdf5(str(file), keys=keys).items()
                ]
                continue
            slices = {"axis": 0, "index": self.slices}
            sliced = Hdf5(str(file), keys=keys, slices=slices, sliced=("data", "reference")).items()
            references += [replace(ref, read=partial(_finished, ref, notes)) for ref in sliced]
        return references

    def _look(self, file: Path) -> tuple[dict[str, str], dict[str, Any]]:
        """Roles that the file has, and what belongs into the sidecar."""
        with Hdf5(str(file)).open(file) as datasets:
            names = datasets.names()
            if _KSPACE not in names:
                raise DataError(f"{file} is no fastMRI file: it has no {_KSPACE!r}.")
            reference = next((name for name in _REFERENCES if name in names), None)
            if self.read == "reference":
                if reference is None:
                    raise DataError(f"{file} has no reference, as test files have none; it holds {', '.join(names)}.")
                return {"data": reference}, self._notes(file, datasets, reference)
            roles = {"data": _KSPACE, "mask": _MASK if _MASK in names else None, "reference": reference}
            return {role: name for role, name in roles.items() if name}, self._notes(file, datasets, _KSPACE)

    def _notes(self, file: Path, datasets: Datasets, name: str) -> dict[str, Any]:
        attributes = datasets.file.attrs
        notes: dict[str, Any] = {key: str(attributes[key]) for key in _ATTRIBUTES if key in attributes}
        if _HEADER in datasets.names():
            header = read_mri_header(datasets.file[_HEADER][()], f"{file}:{_HEADER}")
            notes["mri"] = header
            spacing = _spacing(header.get("encoded" if name == _KSPACE else "reconstructed"), datasets.file[name].shape)
            if spacing is not None:
                notes["spacing_mm"] = list(spacing)
        return notes


def _spacing(space: dict[str, Any] | None, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """mm per pixel of the image, whose rows are along the readout."""
    if space is None:
        return None
    _, y, x = space["fov_mm"]
    return x / shape[-2], y / shape[-1]


def _finished(ref: ItemRef, notes: dict[str, Any]) -> Item:
    item = ref.load()
    aux = dict(item.aux)
    if "mask" in aux:
        mask = aux["mask"].reshape(-1)
        if mask.numel() != item.data.shape[-1]:
            raise DataError(
                f"{item.source} has a mask of {mask.numel()} columns, but k-space of {item.data.shape[-1]}."
            )
        aux["mask"] = mask.expand(*item.data.shape[-2:]).contiguous()
    return replace(item, aux=aux, meta={**item.meta, **notes})


def _fail(message: str) -> Item:
    raise DataError(message)
