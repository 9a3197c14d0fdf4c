"""A run as one HTML page that needs nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from math import isnan
from typing import Any

from recon.reports.benchmark.curves import colours_of
from recon.reports.benchmark.measures import measure, values_of
from recon.reports.benchmark.pictures import Grid, Spread, grid, pictured
from recon.reports.benchmark.plots import plots_of
from recon.reports.benchmark.ranking import Condition, Ranking, Record, condition_of, rankings, standings
from recon.reports.benchmark.source import Source
from recon.reports.benchmark.tables import comparison_heads, interval_text, note, p_text

MAX_GRIDS = 60
MAX_PLOTS = 40
MAX_FAILURES = 500

_STATUSES = {
    "ok": "cells done",
    "diverged": "diverged",
    "failed": "failed",
    "timeout": "out of time",
    "out_of_memory": "out of memory",
}
_STALE = "stale, made by other code"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: text, a fainter range behind it, and what it is sorted by."""

    text: str
    range: str = ""
    value: float | str = ""
    best: bool = False


@dataclass(frozen=True)
class Line:
    """A method's row."""

    method: str
    missing: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class View:
    """A condition with its table, pictures and plots."""

    title: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[Line, ...]
    grids: tuple[Grid, ...]
    plots: tuple[str, ...]


def page(run: Source, images: int = 2, tables: Sequence[Ranking] | None = None) -> str:
    """The report of a run.

    Parameters
    ----------
    images
        How many images of every condition are shown; of many conditions the first 60 pictures are.
    tables
        Its rankings, where they are known already.
    """
    from jinja2 import Environment, StrictUndefined

    records = list(run.records())
    if tables is None:
        tables = rankings(records, run.metrics)
    colours = colours_of(list(dict.fromkeys(record["method"] for record in records)))
    cells: dict[Condition, list[Record]] = defaultdict(list)
    for record in records:
        cells[condition_of(record)].append(record)
    views, shown = [], 0
    for place, table in enumerate(tables):
        here = cells[table.condition]
        grids = _grids(run, here, table, min(images, MAX_GRIDS - shown))
        shown += len(grids)
        plots = plots_of(run, here, table, colours) if place < MAX_PLOTS else ()
        views.append(_view(table, grids, plots))
    failures = [_failure(record) for record in records if record["status"] != "ok"]
    files = resources.files("recon.reports.benchmark")
    text = {name: (files / name).read_text("utf-8") for name in ("page.html.jinja", "page.css", "page.js")}
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        text["page.html.jinja"]
    )
    return template.render(
        name=run.name,
        summary=_summary(records, tables),
        counts=_counts(records, run.expected, len(run.stale())),
        tables=tables,
        standings=standings(tables) if len(tables) > 1 else [],
        views=views,
        colours=colours,
        sections={
            "pictures": shown > 0,
            "plots": any(view.plots for view in views),
            "samples": any((record.get("samples") or {}).get("coverage") for record in records),
        },
        pictures_left_out=_left_out(tables, cells, shown),
        tunings=[_tuning(found) for found in run.tunings()],
        failures=failures[:MAX_FAILURES],
        failures_left_out=f"{len(failures) - MAX_FAILURES} more." if len(failures) > MAX_FAILURES else "",
        command=run.command,
        environment=_flat(run.environment),
        configuration=run.configuration,
        style=text["page.css"],
        script=text["page.js"],
    )


def _view(table: Ranking, grids: Sequence[Grid], plots: Sequence[str]) -> View:
    lines = []
    for row in table.rows:
        cells = []
        for column in table.measures:
            if column.name not in row.values:
                cells.append(Cell("–"))
                continue
            interval = row.values[column.name]
            ends = interval_text(column, interval).removeprefix(column.text(interval.mean)).strip()
            best = row.method in table.best(column.name) and len(table.rows) > 1
            cells.append(Cell(column.text(interval.mean), ends, interval.mean, best))
        if len(table.rows) > 1:
            cells += _versus(table, row)
        missing = "" if row.done == row.total else f"{row.done} of {row.total}"
        lines.append(Line(row.method, missing, tuple(cells)))
    heads = (*(column.heading for column in table.measures), *comparison_heads(table))
    return View(str(table.condition), note(table), heads, tuple(lines), tuple(grids), tuple(plots))


def _versus(table: Ranking, row: Any) -> list[Cell]:
    if row.versus is None:
        return [Cell("–"), Cell("–")]
    mean = row.versus.difference.mean
    ends = interval_text(table.primary, row.versus.difference).removeprefix(table.primary.text(mean)).strip()
    return [
        Cell(table.primary.text(mean), ends, mean),
        Cell("–") if row.p is None else Cell(p_text(row.p), "", row.p),
    ]


def _grids(run: Source, cells: Sequence[Record], table: Ranking, count: int) -> list[Grid]:
    found = []
    order = {row.method: place for place, row in enumerate(table.rows)}
    for item, seed in pictured(cells, count):
        chosen = sorted(
            (c for c in cells if (c["item"], c["seed"], c["status"]) == (item, seed, "ok")),
            key=lambda c: order[c["method"]],
        )
        arrays = {c["method"]: run.arrays(c["key"]) for c in chosen}
        pictures = {method: kept["image"] for method, kept in arrays.items() if "image" in kept}
        if not pictures:
            continue
        known = run.measurement(chosen[0]["measurement"])
        words = {c["method"]: _words(c, table) for c in chosen}
        title = item if table.seeds == 1 else f"{item}, seed {seed}"
        drawn = {method: Spread(kept["std"], kept.get("samples")) for method, kept in arrays.items() if "std" in kept}
        found.append(grid(title, known.get("truth"), known.get("guess"), pictures, words, drawn))
    return found


def _words(cell: Record, table: Ranking) -> str:
    values = values_of(cell)
    wanted = [m for m in table.measures if m.name in values][:2]
    return ", ".join(f"{m.label} {m.text(values[m.name])}{' ' + m.unit if m.unit else ''}" for m in wanted)


def _failure(record: Record) -> dict[str, Any]:
    error = record.get("error") or {}
    return {
        "method": record["method"],
        "item": record["item"],
        "condition": str(condition_of(record)),
        "seed": record["seed"],
        "status": _STATUSES.get(record["status"], record["status"]),
        "sentence": error.get("sentence") or "",
        "traceback": error.get("traceback") or "",
    }


def _tuning(found: Mapping[str, Any]) -> dict[str, Any]:
    value, error = found["value"], found.get("error") or {}
    ends = "" if found["inside"] or value is None else "at an end of the values tried"
    return {
        "method": found["method"],
        "condition": str(condition_of(found)),
        "parameter": found["parameter"],
        "value": value,
        "text": "–" if value is None else f"{value:.4g}",
        "note": error.get("sentence") or ends,
        "tried": len(found["tried"]),
        "validation": len(found["items"]),
        "metric": measure(found["metric"]).label,
        "seconds": found["seconds"],
    }


def _summary(records: Sequence[Record], tables: Sequence[Ranking]) -> str:
    methods = {record["method"] for record in records}
    images = {(record["dataset"], record["item"]) for record in records}
    seeds = {record["seed"] for record in records}
    parts = [(len(methods), "method"), (len(images), "image"), (len(tables), "condition"), (len(seeds), "seed")]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts) + "."


def _counts(records: Sequence[Record], expected: int, stale: int) -> list[tuple[str, int, bool]]:
    found = Counter(record["status"] for record in records)
    counts = [(_STATUSES.get(s, s), found[s], s != "ok") for s in sorted(found, key=lambda s: (s != "ok", s))]
    if stale:
        counts.append((_STALE, stale, True))
    missing = expected - len(records) - stale
    return [*counts, ("not run", missing, True)] if missing > 0 else counts


def _left_out(tables: Sequence[Ranking], cells: Mapping[Condition, Sequence[Record]], shown: int) -> str:
    total = sum(len({c["item"] for c in cells[t.condition] if c["status"] == "ok"}) for t in tables)
    return f"Shown are {shown} of {total} images." if shown < total else ""


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name} · ")
        elif value not in (None, "") and not (isinstance(value, float) and isnan(value)):
            rows.append((name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)))
    return rows
