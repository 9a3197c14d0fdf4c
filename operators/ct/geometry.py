"""What every scan geometry is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from math import isfinite, pi
from typing import Any, ClassVar
from warnings import warn


class Geometry(ABC):
    """Where the rays of a scan run: an immutable, hashable value, apart from any image or projector.

    Lengths are in mm, angles in radians. Coordinates are those of :class:`~recon.operators.ct.volume.Volume`,
    whose origin is the rotation axis.

    Attributes
    ----------
    names
        Short names by which configurations call the class; by default its name in snake case.
    """

    names: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one set of projections, angles first."""


def checked_angles(angles: Any, owner: str) -> tuple[float, ...]:
    """Angles in radians from a sequence, an array or a tensor; refuses none, NaN and more than one dimension."""
    values = angles.tolist() if hasattr(angles, "tolist") else angles
    try:
        result = tuple(float(value) for value in values)
    except TypeError:
        raise TypeError(f"{owner} expects angles to be a sequence of numbers in radians, got {angles!r}.") from None
    if not result:
        raise ValueError(f"{owner} expects at least one angle, got none.")
    if not all(map(isfinite, result)):
        raise ValueError(f"{owner} expects finite angles, got NaN or infinity.")
    if max(map(abs, result)) > 4 * pi:
        warn(
            f"{owner} takes angles in radians, and {max(result, key=abs):g} is more than two turns; "
            "convert degrees with numpy.deg2rad.",
            stacklevel=3,
        )
    return result


def checked_number(value: Any, owner: str, name: str, positive: bool = False) -> float:
    """A finite float, optionally positive, or one sentence that names it."""
    number = float(value)
    if not isfinite(number) or (positive and number <= 0):
        raise ValueError(f"{owner} expects a {'positive, ' if positive else ''}finite {name}, got {value!r}.")
    return number


def checked_count(value: Any, owner: str, name: str) -> int:
    """A positive whole number, or one sentence that names it."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{owner} expects {name} to be a positive whole number, got {value!r}.")
    return int(value)


def per_axis(value: float | Sequence[float], ndim: int, owner: str, name: str, positive: bool) -> tuple[float, ...]:
    """One finite number per axis from a number for all of them or a sequence."""
    values = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
    if len(values) != ndim:
        raise ValueError(f"{owner} expects one {name} or one for each of {ndim} axes, got {value!r}.")
    return tuple(checked_number(number, owner, name, positive) for number in values)
