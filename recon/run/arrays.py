"""Array parameters as tensors."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.config.errors import ConfigError
from recon.config.values import ArraySpec
from recon.files import Cfl, DataError, Dicom, Fits, Hdf5, Idx, Images, Item, Mat, Nifti, Numpy, Zarr

_READERS: tuple[Any, ...] = (Numpy, Hdf5, Mat, Cfl, Nifti, Fits, Dicom, Zarr, Idx)


def tensor_of(spec: ArraySpec, item: Item | None) -> Tensor:
    """The numbers that the description stands for.

    Raises
    ------
    ConfigError
        If its file cannot be read.
    DataError
        If the item has no such array.
    """
    if spec.source == "item":
        if item is None:
            raise ConfigError(spec.mark, f"{spec.role!r} comes with each item, which this place does not have.")
        return item.array(spec.role)
    if spec.source in ("guess", "solve"):
        if item is None or reference_key(spec) not in item.aux:
            raise ConfigError(
                spec.mark, f"first reconstructions are for references of priors; {spec.role!r} takes a file or numbers."
            )
        return item.aux[reference_key(spec)]
    if spec.source == "file":
        try:
            return read_array(spec.value, spec.key, spec.index)
        except DataError as error:
            raise ConfigError(spec.mark, str(error)) from None
    if spec.source == "span":
        start, stop, count = spec.value
        steps = torch.arange(count, dtype=torch.float64)
        return steps.mul((stop - start) / count).add(start)
    return torch.tensor(spec.value, dtype=torch.float64)


def reference_key(spec: ArraySpec) -> str:
    """Under which name an item keeps the first reconstruction that an array stands for."""
    return f"reference {json.dumps(spec.plain(), sort_keys=True, default=str)}"


def read_array(path: Path, key: str | None = None, index: int | tuple[int, ...] | None = None) -> Tensor:
    """One array of a file of any format that the readers know; images are scaled to [0, 1]."""
    return _read_array(path, key, index, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read_array(path: Path, key: str | None, index: int | tuple[int, ...] | None, modified: int) -> Tensor:
    for reader in _READERS:
        if path.name.lower().endswith(reader.suffixes):
            entry: Any = key if index is None else {"key": key or "data", "index": index}
            keys = None if entry is None else {"data": entry}
            data: Tensor = reader(str(path), keys=keys).items()[0].load().data
            return data
    images = Images(str(path), color="as-is", pages="volume")
    return images.items()[0].load().data


def digest(value: Any) -> str:
    """A short fingerprint of a tensor, the contents of a file, or anything with a stable ``repr``."""
    if isinstance(value, Path):
        with value.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    hasher = hashlib.blake2b(digest_size=16)
    if isinstance(value, Tensor):
        array = value.detach().cpu().resolve_conj().numpy()
        hasher.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    else:
        hasher.update(repr(value).encode())
    return hasher.hexdigest()
