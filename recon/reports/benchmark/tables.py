"""Rankings as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from math import isnan

from recon.reports.benchmark.measures import Measure
from recon.reports.benchmark.ranking import Ranking, Row
from recon.statistics import Interval

_COLUMNS = (
    *("dataset", "operator", "noise", "method", "measure", "mean", "low", "high"),
    *("images", "done", "total", "difference", "p_holm"),
)

_LATEX = {
    "\\": r"\textbackslash{}",
    **{c: "\\" + c for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "σ": r"$\sigma$",
    "²": "$^2$",
    "‖": r"$\|$",
    "ᴴ": r"$^\mathrm{H}$",
    "ρ": r"$\rho$",
    "⁻": "$^-$",
    "¹": "$^1$",
    "×": r"$\times$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
}


def as_csv(tables: Sequence[Ranking]) -> str:
    """One line per condition, method and measure, with full precision."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for table in tables:
        for row in table.rows:
            for name, interval in row.values.items():
                first = name == table.primary.name and row.versus is not None
                writer.writerow(
                    [
                        *table.condition,
                        row.method,
                        name,
                        *(_plain(value) for value in interval),
                        table.images,
                        row.done,
                        row.total,
                        _plain(row.versus.difference.mean) if first and row.versus else "",
                        "" if not first or row.p is None else repr(row.p),
                    ]
                )
    return stream.getvalue()


def as_markdown(tables: Sequence[Ranking]) -> str:
    """A table per condition."""
    blocks = []
    for table in tables:
        heads = ["Method", *(m.heading for m in table.measures), *comparison_heads(table)]
        lines = [f"### {table.condition}", "", note(table), "", _bar(heads), _bar(["---"] * len(heads))]
        for row in table.rows:
            cells = [_name(row), *(_cell(table, row, m, "**{}**") for m in table.measures), *comparison(table, row)]
            lines.append(_bar([cell.replace("|", "\\|") for cell in cells]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def as_latex(tables: Sequence[Ranking]) -> str:
    """A ``tabular`` per condition, for the package booktabs."""
    blocks = []
    for table in tables:
        heads = ["Method", *(m.heading for m in table.measures), *comparison_heads(table)]
        lines = [
            f"% {table.condition}",
            rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"\toprule",
            " & ".join(escaped(head) for head in heads) + r" \\",
            r"\midrule",
        ]
        for row in table.rows:
            cells = [escaped(_name(row))]
            for m in table.measures:
                text = escaped(_cell(table, row, m, "{}"))
                cells.append(rf"\textbf{{{text}}}" if row.method in table.best(m.name) else text)
            cells += [escaped(text) for text in comparison(table, row)]
            lines.append(" & ".join(cells) + r" \\")
        blocks.append("\n".join([*lines, r"\bottomrule", r"\end{tabular}"]))
    return "\n\n".join(blocks) + "\n"


def comparison(table: Ranking, row: Row) -> list[str]:
    """Difference from the first method with its interval, and p; nothing in tables of one method."""
    if len(table.rows) < 2:
        return []
    if row.versus is None:
        return ["–", "–"]
    return [interval_text(table.primary, row.versus.difference), "–" if row.p is None else p_text(row.p)]


def interval_text(column: Measure, interval: Interval) -> str:
    """Mean and the ends of its interval, where that has a width."""
    mean, low, high = interval
    if isnan(low) or low == high:
        return column.text(mean)
    return f"{column.text(mean)} [{column.text(low)}, {column.text(high)}]"


def p_text(p: float) -> str:
    """A p-value, as far as it means anything."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def escaped(text: str) -> str:
    """Plain text for LaTeX."""
    return "".join(_LATEX.get(character, character) for character in text)


def comparison_heads(table: Ranking) -> list[str]:
    """Headings of :func:`comparison`."""
    if len(table.rows) < 2:
        return []
    return [f"Δ {table.primary.label} to {table.rows[0].method}", "p (Holm)"]


def note(table: Ranking) -> str:
    """What the numbers of a table are."""
    seeds = f", mean over {table.seeds} seeds each" if table.seeds > 1 else ""
    clocks = "; times come from several devices and are not ranked" if len(table.clocks) > 1 else ""
    return f"{table.images} images{seeds}; 95 % bootstrap intervals over images{clocks}."


def _name(row: Row) -> str:
    return row.method if row.done == row.total else f"{row.method} ({row.done} of {row.total})"


def _cell(table: Ranking, row: Row, column: Measure, best: str) -> str:
    if column.name not in row.values:
        return "–"
    text = interval_text(column, row.values[column.name])
    return best.format(text) if row.method in table.best(column.name) else text


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(value: float) -> str:
    return "" if isnan(value) else repr(float(value))
