"""The root of the preprocessing steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from recon.files.item import Item


class Step(ABC):
    """One explicit change to an item between file and reconstruction; an entry of ``preprocess:`` in a job.

    A subclass is a frozen dataclass. What a step decided (a floor that was hit, an axis that was found) goes into
    ``item.meta`` and from there into the sidecar.

    Attributes
    ----------
    names
        Short names of the step; by default its class name in snake case.
    """

    names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, item: Item) -> Item:
        """The changed item; the given one stays as it is. :class:`~recon.files.item.DataError` if it cannot be done."""

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        """Steps covering every mode, each with an item it works on."""
