"""What a file holds: named arrays that are read when they are indexed, and what the file says of them."""

from __future__ import annotations

import logging
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from recon.files.item import DataError

Array = np.ndarray[Any, Any]
Index = tuple[int, ...]


@dataclass(frozen=True)
class About:
    """What a file says of one of its arrays.

    Attributes
    ----------
    units
        Of its values, as the file spells them; empty where it does not say.
    spacing_mm
        Distance of neighbouring elements along the last axes, one number an axis; None where it is not known.
    notes
        What belongs into the sidecar: rescaling, orientation, affine matrices, names of axes.
    each
        Notes of single elements along the first axis, where these differ.
    """

    units: str = ""
    spacing_mm: tuple[float, ...] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    each: tuple[Mapping[str, Any], ...] = ()

    def along(self, axis: int, ndim: int, number: int) -> About:
        """The same for slice ``number`` across an axis of an array with ``ndim`` of them."""
        spacing, first = self.spacing_mm, axis % ndim == 0
        place = axis % ndim - ndim
        if spacing is not None and -place <= len(spacing):
            spacing = tuple(length for n, length in enumerate(spacing) if n != len(spacing) + place) or None
        notes = {**self.notes, **(self.each[number] if first and self.each else {})}
        if place >= -2:  # no longer the plane that these tell of
            notes.pop("position", None)
            notes.pop("orientation", None)
        if "affine" in notes and place >= -3:
            notes |= _moved(notes["affine"], notes.get("axes_point_to", ""), -place - 1, number)
        return About(self.units, spacing, notes, () if first else self.each)


def _moved(affine: Any, ends: str, axis: int, number: int) -> dict[str, Any]:
    """The affine of a slice across a voxel axis, which becomes the third one, and where its axes point to."""
    matrix = np.array(affine, dtype=float)
    matrix[:3, 3] += number * matrix[:3, axis]
    order = [*(n for n in range(3) if n != axis), axis]
    return {"affine": matrix[:, [*order, 3]].tolist(), "axes_point_to": "".join(ends[n] for n in order if ends)}


class ArrayFile(ABC):
    """An open container of named arrays."""

    @abstractmethod
    def names(self) -> list[str]:
        """What there is, for messages and for files of a single array."""

    @abstractmethod
    def array(self, name: str, index: Index) -> Any:
        """``array[index]``: an array, or something with ``shape`` and ``dtype`` that reads values when indexed.

        Raises ``KeyError`` if there is no such name, ``IndexError`` if there is no such element.
        """

    def about(self, name: str) -> About:
        """What the file says of an array."""
        return About()

    def main(self) -> str | None:
        """The array that is the data where nothing else is said: the only one, or that called ``data``."""
        names = self.names()
        return "data" if "data" in names else names[0] if len(names) == 1 else None


@dataclass(frozen=True)
class SingleArray(ArrayFile):
    """A container of one array, called ``data``."""

    values: Any
    known: About = About()

    def names(self) -> list[str]:
        return ["data"]

    def array(self, name: str, index: Index) -> Any:
        if name != "data":
            raise KeyError(name)
        return element(self.values, index)

    def about(self, name: str) -> About:
        return self.known


@dataclass(frozen=True)
class LazyArray:
    """An array in a file; only what it is indexed with is read.

    Parameters
    ----------
    shape, dtype
        Of the whole array.
    read
        From one integer, slice or array of integers an axis to the values, integers dropping their axes.
    source
        The array's name in messages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    read: Callable[[tuple[Any, ...]], Any] = field(repr=False)
    source: str = ""

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self) -> LazyArray:
        """The same with the axes in reverse."""
        return LazyArray(self.shape[::-1], self.dtype, lambda where: np.asarray(self.read(where[::-1])).T, self.source)

    def __getitem__(self, where: Any) -> Array:
        where = where if isinstance(where, tuple) else (where,)
        where = tuple(part for part in where if part is not Ellipsis)
        if len(where) > len(self.shape):
            raise IndexError(f"it has {len(self.shape)} axes")
        for part, size in zip(where, self.shape, strict=False):
            if isinstance(part, int) and not -size <= part < size:
                raise IndexError(f"index {part} is out of range for an axis of {size}")
        where = tuple(p % n if isinstance(p, int) else p for p, n in zip(where, self.shape, strict=False))
        with reading(f"{self.source} cannot be read"):
            return np.asarray(self.read((*where, *(slice(None),) * (len(self.shape) - len(where)))))

    def at(self, index: Index) -> LazyArray:
        """One element along the first axes, not read yet."""
        if len(index) > len(self.shape):
            raise IndexError(f"it has {len(self.shape)} axes")
        for part, size in zip(index, self.shape, strict=False):
            if not -size <= part < size:
                raise IndexError(f"index {part} is out of range for an axis of {size}")
        chosen = tuple(part % size for part, size in zip(index, self.shape, strict=False))
        rest = self.shape[len(index) :]
        return LazyArray(rest, self.dtype, lambda where: self.read((*chosen, *where)), self.source)


def element(values: Any, index: Index) -> Any:
    """``values[index]``, not read yet where the array is lazy."""
    if not index:
        return values
    return values.at(index) if isinstance(values, LazyArray) else values[index]


@contextmanager
def reading(failure: str) -> Iterator[None]:
    """Whatever goes wrong in a library, as a :class:`DataError` of one sentence that begins with ``failure``."""
    try:
        with quiet():
            yield
    except DataError:
        raise
    except MemoryError:
        raise DataError(f"{failure}: it takes more memory than there is.") from None
    except Exception as error:  # what a library raises on a damaged file is anyone's guess
        raise DataError(f"{failure} ({brief(error)}).") from None


@contextmanager
def quiet() -> Iterator[None]:
    """What libraries grumble about odd but readable files is kept from the terminal."""
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def brief(error: Exception) -> str:
    """The message of an error of a library, on one line, without addresses of objects."""
    text = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>", "it", str(error))
    return " ".join(text.split())[:200].rstrip(".") or type(error).__name__


def check_claim(path: Path, needed: int, source: str, *, packed: bool) -> None:
    """Raise a :class:`DataError` if a file is too small for the bytes that its header claims, before they are read.

    Deflate packs no more than 1032 bytes into one.
    """
    there = path.stat().st_size
    if needed > there * (1032 if packed else 1):
        raise DataError(f"{source} is of {needed} bytes by its header, more than its file of {there} bytes can hold.")
