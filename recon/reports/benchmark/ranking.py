"""Methods ranked under one condition, with intervals and paired comparisons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, NamedTuple

from recon.reports.benchmark.measures import Measure, measure, sorted_names, values_of
from recon.statistics import Comparison, Interval, compare, holm, mean_interval

Record = Mapping[str, Any]


class Condition(NamedTuple):
    """What all methods of a table were given."""

    dataset: str
    operator: str
    noise: str

    def __str__(self) -> str:
        return " · ".join(part for part in self if part)


@dataclass(frozen=True)
class Row:
    """One method under one condition.

    Attributes
    ----------
    done, total
        How many of its cells ended well, and of how many.
    values
        Mean over images, with its interval, of every measure it has.
    versus
        Its differences from the first method, None for that one and where the two share no image.
    p
        p-value of that comparison after Holm's correction over the table.
    """

    method: str
    done: int
    total: int
    values: Mapping[str, Interval]
    versus: Comparison | None
    p: float | None


@dataclass(frozen=True)
class Ranking:
    """A table: the methods from best to worst by its first measure.

    Attributes
    ----------
    images
        How many images the condition has.
    clocks
        The machines and devices its times come from; times of several are not ranked.
    """

    condition: Condition
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    images: int
    seeds: int
    clocks: tuple[str, ...]

    @property
    def primary(self) -> Measure:
        """What the methods are ranked by."""
        return self.measures[0]

    def best(self, name: str) -> frozenset[str]:
        """The methods whose mean of a measure is the best, none where no end is better or clocks differ."""
        column = measure(name)
        if column.better == "none" or (name in ("seconds", "memory") and len(self.clocks) > 1):
            return frozenset()
        means = {row.method: row.values[name].mean for row in self.rows if name in row.values and _complete(row)}
        if not means:
            return frozenset()
        top = max(means.values()) if column.better == "high" else min(means.values())
        return frozenset(method for method, mean in means.items() if mean == top)


def rankings(records: Iterable[Record], metrics: Sequence[str]) -> list[Ranking]:
    """One table per condition, in order of appearance.

    An image counts once: its value is the mean over its seeds. Cells that failed have no values; a method with such
    cells stands below those without.
    """
    groups: dict[Condition, list[Record]] = defaultdict(list)
    for record in records:
        groups[condition_of(record)].append(record)
    return [_ranking(condition, cells, list(metrics)) for condition, cells in groups.items()]


def condition_of(record: Record) -> Condition:
    """The condition a cell belongs to."""
    return Condition(record["dataset"], record["operator"], record["noise"])


def clock_of(record: Record) -> str:
    """Machine, device and threads: what makes times comparable."""
    threads = record.get("threads")
    parts = [record.get("machine"), record.get("device"), None if threads is None else f"{threads} threads"]
    return ", ".join(str(part) for part in parts if part)


def _ranking(condition: Condition, cells: list[Record], metrics: list[str]) -> Ranking:
    methods = list(dict.fromkeys(cell["method"] for cell in cells))
    per_image = {method: _per_image([c for c in cells if c["method"] == method]) for method in methods}
    names = sorted_names({name for images in per_image.values() for name in images}, metrics)
    columns = tuple(measure(name) for name in names) or (measure(metrics[0] if metrics else "psnr"),)
    counts = {method: [c["status"] == "ok" for c in cells if c["method"] == method] for method in methods}
    values = {
        method: {name: mean_interval(list(images.values())) for name, images in per_image[method].items()}
        for method in methods
    }

    def order(method: str) -> tuple[bool, float]:
        mean = values[method][columns[0].name].mean if columns[0].name in values[method] else nan
        if isnan(mean):
            return True, float("inf")
        return not all(counts[method]), -mean if columns[0].better == "high" else mean

    ranked = sorted(methods, key=order)
    versus = [_versus(per_image, ranked[0], method, columns[0].name) for method in ranked]
    adjusted = holm([None if v is None else v.p for v in versus])
    rows = tuple(
        Row(method, sum(counts[method]), len(counts[method]), values[method], v, p)
        for method, v, p in zip(ranked, versus, adjusted, strict=True)
    )
    done = [cell for cell in cells if cell["status"] == "ok"]
    clocks = tuple(sorted({clock_of(cell) for cell in done}))
    images, seeds = {cell["item"] for cell in cells}, {cell["seed"] for cell in cells}
    return Ranking(condition, columns, rows, len(images), len(seeds), clocks)


def _per_image(cells: list[Record]) -> dict[str, dict[str, float]]:
    """Measure to image to mean over seeds, of cells that ended well."""
    collected: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell["status"] == "ok":
            for name, value in values_of(cell).items():
                collected[name][cell["item"]].append(value)
    return {name: {item: sum(v) / len(v) for item, v in images.items()} for name, images in collected.items()}


def _versus(
    per_image: Mapping[str, Mapping[str, Mapping[str, float]]], first: str, method: str, name: str
) -> Comparison | None:
    if method == first:
        return None
    a, b = per_image[method].get(name, {}), per_image[first].get(name, {})
    shared = sorted(set(a) & set(b))
    try:
        return compare([a[item] for item in shared], [b[item] for item in shared])
    except ValueError:  # no image, or no finite pair
        return None


def _complete(row: Row) -> bool:
    return row.done == row.total


@dataclass(frozen=True)
class Standing:
    """A method over all conditions: the mean of its ranks, and how often it was first."""

    method: str
    rank: float
    firsts: int
    conditions: int


def standings(tables: Sequence[Ranking]) -> list[Standing]:
    """Methods by their mean rank over the conditions that they were run under."""
    ranks: dict[str, list[int]] = defaultdict(list)
    for table in tables:
        for place, row in enumerate(table.rows, start=1):
            ranks[row.method].append(place)
    found = [
        Standing(method, sum(places) / len(places), places.count(1), len(places)) for method, places in ranks.items()
    ]
    return sorted(found, key=lambda standing: (standing.rank, standing.method))
