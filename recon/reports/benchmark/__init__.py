"""The report of a benchmark run: rankings, pictures, plots, failures, and how to run it again."""

from recon.reports.benchmark.page import page
from recon.reports.benchmark.ranking import Ranking, rankings
from recon.reports.benchmark.source import Source
from recon.reports.benchmark.tables import as_csv, as_latex, as_markdown
from recon.reports.benchmark.write import write_report

__all__ = ["Ranking", "Source", "as_csv", "as_latex", "as_markdown", "page", "rankings", "write_report"]
