"""Which slices of an array become items."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recon.files.item import DataError


@dataclass(frozen=True)
class Slices:
    """``{axis: 1, index: all}`` understood: an axis, and the indices along it."""

    axis: int
    index: int | str | tuple[int, ...] = "all"

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> Slices:
        """From the mapping in a job; ValueError, in a sentence, if it is not one."""
        if not isinstance(spec, Mapping) or "axis" not in spec or set(spec) - {"axis", "index"}:
            raise ValueError(f"slices expects {{axis: number, index: all}}, got {spec!r}.")
        axis, index = spec["axis"], spec.get("index", "all")
        if not _integer(axis):
            raise ValueError(f"slices expects an integer axis, got {axis!r}.")
        if isinstance(index, Sequence) and not isinstance(index, str) and index and all(map(_integer, index)):
            return cls(axis, tuple(index))
        text = isinstance(index, str) and (index == "all" or re.fullmatch(r"-?\d*:-?\d*(:[1-9]\d*)?", index))
        if not (text or _integer(index)):
            raise ValueError(f"slices expects index to be all, a number, a list of numbers or 'a:b', got {index!r}.")
        return cls(axis, index)

    def choose(self, shape: tuple[int, ...], source: str) -> list[tuple[int, str]]:
        """Index and name (``slice003``) of every slice, for data of the given shape."""
        if not -len(shape) <= self.axis < len(shape):
            raise DataError(f"{source} has data of shape {shape}, which has no axis {self.axis} to slice.")
        size = shape[self.axis]
        if isinstance(self.index, str):
            bounds = [] if self.index == "all" else [int(part) if part else None for part in self.index.split(":")]
            chosen = list(range(size)[slice(*bounds)]) if bounds else list(range(size))
            if not chosen:
                raise DataError(f"{source} has {size} slices along axis {self.axis}, none of them in {self.index!r}.")
        else:
            wanted = (self.index,) if isinstance(self.index, int) else self.index
            beyond = [i for i in wanted if not -size <= i < size]
            if beyond:
                raise DataError(f"{source} has {size} slices along axis {self.axis}, counted from 0: no {beyond[0]}.")
            chosen = list(dict.fromkeys(i % size for i in wanted))
        width = max(3, len(str(size - 1)))
        return [(i, f"slice{i:0{width}d}") for i in chosen]

    def select(self, number: int, data: tuple[int, ...], shape: tuple[int, ...], source: str) -> tuple[Any, ...]:
        """How to index an array of ``shape`` for a slice of data of shape ``data``."""
        size = data[self.axis]
        if not -len(shape) <= self.axis < len(shape) or shape[self.axis] != size:
            raise DataError(
                f"{source} of shape {shape} does not have the {size} slices of the data along axis {self.axis}; "
                "leave it out of `sliced`, or count the axis from the end, as in -2."
            )
        return (*(slice(None),) * (self.axis % len(shape)), number)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
