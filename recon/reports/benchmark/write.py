"""The report's files."""

from __future__ import annotations

from pathlib import Path

from recon.files.whole import write_text
from recon.reports.benchmark.page import page
from recon.reports.benchmark.ranking import rankings
from recon.reports.benchmark.source import Source
from recon.reports.benchmark.tables import as_csv, as_latex, as_markdown


def write_report(run: Source, folder: str | Path, images: int = 2) -> Path:
    """Write ``report.html`` and, beside it, ``tables.csv``, ``tables.md`` and ``tables.tex``.

    Files of the same names are replaced only by complete ones.

    Parameters
    ----------
    images
        How many images of every condition are shown.

    Returns
    -------
    The page's path.

    Errors: DataError where a file cannot be written.
    """
    target = Path(folder)
    tables = rankings(run.records(), run.metrics)
    for name, text in (
        ("tables.csv", as_csv(tables)),
        ("tables.md", as_markdown(tables)),
        ("tables.tex", as_latex(tables)),
        ("report.html", page(run, images, tables)),
    ):
        write_text(target / name, text)
    return target / "report.html"
