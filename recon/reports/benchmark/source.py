"""What a report reads of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from recon.reports.panels import Array


class Source(Protocol):
    """A run as it lies in its folder."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def metrics(self) -> Sequence[str]:
        """The metrics that it asks for, the one that ranks first."""

    @property
    def command(self) -> str:
        """The command that makes it again."""

    @property
    def configuration(self) -> str:
        """Its resolved configuration as YAML."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions, hardware and settings under which it ran."""

    @property
    def expected(self) -> int:
        """How many cells it consists of."""

    def records(self) -> Iterable[Mapping[str, Any]]:
        """Every finished cell, in the order of the grid."""

    def stale(self) -> Sequence[Mapping[str, Any]]:
        """Cells of the grid that other code has made and that this one has not made yet."""

    def tunings(self) -> Iterable[Mapping[str, Any]]:
        """The parameters that were found on validation items."""

    def arrays(self, key: str) -> Mapping[str, Array]:
        """A cell's ``image`` and ``history/…``; empty where it has none."""

    def measurement(self, key: str) -> Mapping[str, Array]:
        """A measurement's ``data``, and ``truth`` and ``guess`` where they are known."""
