"""What every scan geometry is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import pairwise
from math import isfinite, pi
from numbers import Integral
from statistics import median
from typing import Any, ClassVar, Self
from warnings import warn

from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.tensors import checked_number


class Geometry(ABC):
    """Where the rays of a scan run: an immutable, hashable value, apart from any image or projector.

    Lengths are in mm, angles in radians. Coordinates are those of :class:`~recon.operators.ct.volume.Volume`,
    whose origin is the rotation axis; vectors have their components in the order of its axes.

    Attributes
    ----------
    names
        Short names by which configurations call the class; by default its name in snake case.
    ndim
        Number of axes of the volumes that can be scanned, 2 or 3.
    """

    names: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of one set of projections: ``(angles, bins)``, in three dimensions ``(angles, rows, bins)``."""

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @abstractmethod
    def frames(self) -> Frames:
        """The rays of every view in mm."""

    @abstractmethod
    def take(self, views: Sequence[int]) -> Self:
        """The same scan with these of its views only, in the order given."""

    def rays(self) -> tuple[Tensor, Tensor]:
        """Points on all rays in mm and their unit directions, float64, each ``(*shape, ndim)``."""
        return self.frames().rays(self.shape[1:])


class CircularGeometry(Geometry):
    """A scan whose views are told apart by an angle θ in radians."""

    angles: tuple[float, ...]

    def take(self, views: Sequence[int]) -> Self:
        angles = tuple(self.angles[view] for view in checked_views(views, len(self.angles), type(self).__name__))
        part = copy(self)  # not built anew, which would judge the steps between the views that are left
        object.__setattr__(part, "angles", angles)
        return part


def checked_views(views: Sequence[int], count: int, owner: str) -> tuple[int, ...]:
    """Indices of some of ``count`` views; refuses none, and what is no index."""
    indices = tuple(views.tolist() if hasattr(views, "tolist") else views)
    if not indices:
        raise ValueError(f"{owner} expects at least one view to take, got none.")
    for view in indices:
        if isinstance(view, bool) or not isinstance(view, Integral) or not -count <= int(view) < count:
            raise ValueError(f"{owner} expects views from 0 to {count - 1} to take, got {view!r}.")
    return tuple(int(view) for view in indices)


def checked_angles(angles: Any, owner: str, turns: bool = False) -> tuple[float, ...]:
    """Angles in radians from a sequence, an array or a tensor; refuses none, NaN and more than one dimension.

    Warns of angles that look like degrees: more than two turns, or with ``turns`` allowed steps of half a radian.
    """
    values = angles.tolist() if hasattr(angles, "tolist") else angles
    try:
        result = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        got = f"shape {tuple(angles.shape)}" if getattr(angles, "ndim", 0) > 1 else repr(angles)
        raise TypeError(f"{owner} expects angles to be a sequence of numbers in radians, got {got}.") from None
    if not result:
        raise ValueError(f"{owner} expects at least one angle, got none.")
    if not all(map(isfinite, result)):
        raise ValueError(f"{owner} expects finite angles, got NaN or infinity.")
    largest = max(result, key=abs)
    if abs(largest) > 4 * pi and (not turns or _typical_step(result) >= 0.5):
        reason = "reached in steps of more than half a radian" if turns else "more than two turns"
        warn(
            f"{owner} takes angles in radians, and {largest:g} is {reason}; convert degrees with numpy.deg2rad.",
            stacklevel=3,
        )
    return result


def _typical_step(angles: Sequence[float]) -> float:
    ascending = sorted(angles)
    return median(b - a for a, b in pairwise(ascending)) if len(angles) > 1 else 0.0


def per_axis(value: float | Sequence[float], ndim: int, owner: str, name: str, positive: bool) -> tuple[float, ...]:
    """One finite number per axis from a number for all of them or a sequence."""
    values = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
    if len(values) != ndim:
        raise ValueError(f"{owner} expects one {name} or one for each of {ndim} axes, got {value!r}.")
    return tuple(checked_number(number, owner, name, positive) for number in values)
