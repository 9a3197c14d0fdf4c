"""What is in a file: its arrays, what it says of them, and a picture of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.contents import About, ArrayFile, reading
from recon.files.conversion import did_you_mean
from recon.files.detect import detect
from recon.files.item import DataError

Array = np.ndarray[Any, Any]
_SHORT = 4
_LONG = 1 << 12
"""Elements of an axis at most that a picture is made of."""
_HUGE = 1 << 30
"""Elements of a plane beyond which only its middle is read."""


@dataclass(frozen=True)
class ArraySummary:
    """One array of a file.

    Attributes
    ----------
    value
        Its numbers where there are few.
    error
        Why it cannot be told, in a sentence.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    units: str = ""
    spacing_mm: tuple[float, ...] | None = None
    value: Any = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class FileSummary:
    """A file: format, readers that fit it, arrays.

    Attributes
    ----------
    main
        The array that is the data where a job does not say; None where it has to.
    """

    path: Path
    format: str
    inputs: tuple[str, ...]
    bytes: int
    arrays: tuple[ArraySummary, ...]
    main: str | None


@dataclass(frozen=True)
class Plane:
    """Two axes of an array, (rows, columns), or (rows, columns, 3) of colours, and which they are."""

    values: Array
    what: str


def summarise(path: Path) -> FileSummary:
    """What a file holds; of the numbers, only those of tiny arrays are read.

    Raises
    ------
    DataError
        If the file cannot be read, or is of an unknown format.
    """
    form = detect(path)
    with form.open() as container:
        arrays = tuple(_summary(container, name) for name in container.names())
        main = container.main()
    inside = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return FileSummary(path, form.name, form.inputs, sum(file.stat().st_size for file in inside), arrays, main)


def plane(path: Path, key: str | None = None, index: Sequence[int] | None = None) -> Plane:
    """Two axes of one array of a file: of the largest, and in the middle of the other axes, unless told otherwise.

    Raises
    ------
    DataError
        If there is no such array, or it has no numbers.
    """
    with detect(path).open() as container:
        name = key if key is not None else _largest(container, path)
        given = index
        values, index = _array(container, path, name, index)
        shown = name if index is given else f"{name}[{(given or [0])[0]}]"
        if np.dtype(values.dtype).kind not in "biufc":
            raise DataError(f"{path}:{name} holds no numbers.")
        if 0 in values.shape:
            raise DataError(f"{path}:{name} is empty: its shape is {tuple(values.shape)}.")
        about = container.about(name)
        return _cut(values, shown, index, about)


def _array(
    container: ArrayFile, path: Path, name: str, index: Sequence[int] | None
) -> tuple[Any, Sequence[int] | None]:
    """The array, and the index that is left; the cells of MATLAB take one of their own."""
    try:
        return container.array(name, ()), index
    except KeyError:
        names = container.names()
        raise DataError(f"{path} has no {name!r}{did_you_mean(name, names)}") from None
    except DataError:
        if not index:
            raise
    try:
        return container.array(name, tuple(index[:1])), list(index[1:]) or None
    except IndexError as error:
        raise DataError(f"{path}:{name} has no element {list(index[:1])}: {error}.") from None


def _summary(container: ArrayFile, name: str) -> ArraySummary:
    try:
        values = container.array(name, ())
        with reading(f"What the file says of {name} cannot be understood"):
            about = container.about(name)
        shape, dtype = tuple(int(size) for size in values.shape), np.dtype(values.dtype)
        kind = {"S": "text", "U": "text", "O": "objects", "V": "records"}.get(dtype.kind, dtype.name)
        value = None
        if dtype.kind in "biufc" and 0 < np.prod(shape, dtype=int) <= _SHORT:
            value = np.asarray(values[()]).tolist()
        elif dtype.kind in "SU" and np.prod(shape, dtype=int) == 1:
            text = np.asarray(values[()]).reshape(-1)[0]
            value = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        return ArraySummary(name, shape, kind, about.units, about.spacing_mm, value, about.notes)
    except DataError as error:
        return ArraySummary(name, error=str(error))


def _largest(container: ArrayFile, path: Path) -> str:
    """The data, or else the array with the most numbers."""
    name = container.main()
    if name is not None:
        return name
    sizes: dict[str, int] = {}
    for name in container.names():
        try:
            values = container.array(name, ())
        except DataError:
            continue
        if np.dtype(values.dtype).kind in "biufc":
            sizes[name] = int(np.prod(values.shape, dtype=int))
    if not sizes:
        raise DataError(f"{path} holds no arrays of numbers.")
    return max(sizes, key=lambda name: sizes[name])


def _cut(values: Any, name: str, index: Sequence[int] | None, about: About) -> Plane:
    shape = tuple(values.shape)
    first = about.notes.get("color") == "rgb"
    channels = int(about.notes.get("channels", 0))
    last = not first and len(shape) >= 3 and shape[-1] in (3, 4) and np.dtype(values.dtype).kind == "u"
    kept = min(len(shape), 3 if first or last or channels else 2)
    outer = shape[: len(shape) - kept]
    chosen = tuple(index) if index is not None else tuple(size // 2 for size in outer)
    if len(chosen) != len(outer):
        raise DataError(f"{name} of shape {shape} takes an index of {len(outer)} numbers, got {list(chosen)}.")
    beyond = [number for number, size in zip(chosen, outer, strict=True) if not -size <= number < size]
    if beyond:
        raise DataError(f"{name} of shape {shape} has no element {list(chosen)}.")
    inner = shape[len(outer) :]
    parts, thinned = _thinned(inner)
    pixels = np.asarray(values[(*chosen, *parts)] if chosen or parts else values[()])
    if first:
        pixels = np.moveaxis(pixels, 0, -1)
    place = f"[{', '.join(map(str, chosen))}]" if chosen else ""
    if channels and not last:
        return Plane(np.atleast_2d(pixels[..., 0]), f"{name}{place}, the first of {channels} channels{thinned}")
    return Plane(np.atleast_2d(pixels[..., :3] if last else pixels), f"{name}{place}{thinned}")


def _thinned(shape: tuple[int, ...]) -> tuple[tuple[slice, ...], str]:
    """What is read of a plane, and how to say it: all, every so manieth element, or the middle of what is huge."""
    if float(np.prod(shape, dtype=float)) > _HUGE:
        starts = [max(0, (size - _LONG) // 2) for size in shape]
        return tuple(slice(start, start + _LONG) for start in starts), f", the middle {_LONG} along each axis"
    steps = [-(-size // _LONG) for size in shape]
    said = f", one in {max(steps)} along the longest axis" if max(steps, default=1) > 1 else ""
    return tuple(slice(None, None, step) for step in steps), said
