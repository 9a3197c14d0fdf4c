"""How far a run is, read from its folder alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from recon.bench.store import Cell, Store


@dataclass
class Progress:
    """What is done, and at what rate; :meth:`look` again for news, of which only the new cells are read."""

    store: Store
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    psnr: dict[str, list[float]] = field(default_factory=dict)
    latest: str = ""
    _waiting: dict[str, Cell] = field(default_factory=dict)
    _plan: int | None = None

    def look(self) -> Progress:
        """Read what has been finished since the last look."""
        written = (self.store.folder / "plan.jsonl").stat().st_mtime_ns
        if self._plan != written:
            self._plan, self.statuses, self.psnr = written, {}, {}
            self._waiting = {cell.key: cell for cell in self.store.plan()}
            for cell in self._waiting.values():
                self.statuses.setdefault(cell.method, Counter())["all"] += 1
        for key in self.store.finished() & set(self._waiting):
            record = self.store.record(key)
            if record is not None:
                method = self._waiting.pop(key).method
                self.statuses[method][record["status"]] += 1
                self.latest = max(self.latest, record["finished"])
                if "psnr" in record["metrics"]:
                    self.psnr.setdefault(method, []).append(record["metrics"]["psnr"])
        return self

    @property
    def total(self) -> int:
        """How many cells there are."""
        return sum(count["all"] for count in self.statuses.values())

    @property
    def done(self) -> int:
        """How many of them are finished."""
        return self.total - len(self._waiting)

    @property
    def working(self) -> list[str]:
        """What is being worked at."""
        taken = (key for key in self.store.claims() if key in self._waiting and self.store.taken(key))
        return [self._waiting[key].label for key in taken]
