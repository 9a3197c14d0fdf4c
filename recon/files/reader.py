"""The root of everything that turns files into items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from recon.files.item import ItemRef


class Reader(ABC):
    """Settings that say which files to read and how; ``input:`` of a job.

    A subclass is a frozen dataclass and implements :meth:`items`.

    Attributes
    ----------
    names
        Values of ``input.name`` that choose the reader.
    geometries
        Names of the scan geometries that its items may bring with them, for ``geometry: from-file``.
    angles_in_radians
        Whether its items have their angles in radians, the files telling the unit.
    """

    names: ClassVar[tuple[str, ...]] = ()
    geometries: ClassVar[tuple[str, ...]] = ()
    angles_in_radians: ClassVar[bool] = False

    @abstractmethod
    def items(self) -> list[ItemRef]:
        """One reference per item, in natural order; file headers are read at most, no data.

        A file that cannot be opened still gets its reference, which raises when it is loaded, so that one bad file does
        not keep the others from being reconstructed. A :class:`~recon.files.item.DataError` means that no item exists.
        """
