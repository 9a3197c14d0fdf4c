"""Files that are there whole or not at all."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from recon.reports.panels import Array


class StoreError(Exception):
    """The run's folder cannot be written, said in one sentence."""


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under another name beside its place, bring it to the disk, and only then give it its name.

    So a file of that name is complete, whatever is killed when, and whoever else writes it.

    Raises
    ------
    StoreError
        If that is not possible: a full disk, a folder that is gone or read-only.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise StoreError(f"{path} cannot be written ({error.strerror or error}); what is complete stays.") from error


def as_json(value: Any) -> bytes:
    """A value as JSON; numbers that are not finite as null."""
    return (json.dumps(finite(value), ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def as_npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays by name as npz."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an npz file; nothing where there is no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return {}


def read_json(path: Path) -> Any:
    """The content of a JSON file; None where there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def finite(value: Any) -> Any:
    """The value with None for every number that JSON cannot hold."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)
