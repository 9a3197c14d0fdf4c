"""The plots of a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recon.reports.benchmark.coverage import coverage_plot
from recon.reports.benchmark.curves import convergence_plot, quality_curves, quality_plot
from recon.reports.benchmark.ranking import Ranking, Record
from recon.reports.benchmark.source import Source


def plots_of(run: Source, cells: Sequence[Record], table: Ranking, colours: Mapping[str, str]) -> tuple[str, ...]:
    """Quality against time, convergence, and coverage where methods draw samples, as SVG."""
    first = next(((c["item"], c["seed"]) for c in cells if c["status"] == "ok"), None)
    histories, costs, ranges = {}, {}, {}
    for cell in cells:
        if (cell["item"], cell["seed"]) == first and cell["status"] == "ok":
            kept = run.arrays(cell["key"])
            prefix = "history/"
            histories[cell["method"]] = {k.removeprefix(prefix): v for k, v in kept.items() if k.startswith(prefix)}
            ranges[cell["method"]] = cell.get("data_range")
            config, tuned = cell.get("config") or {}, (cell.get("tuned") or {}).get("value")
            costs[cell["method"]] = repr((config.get("prior"), config.get("fidelity"), tuned, cell.get("lam")))
    quality = quality_curves(histories, ranges) if table.primary.name == "psnr" else {}
    made = (
        quality_plot(cells, table.primary, colours, quality),
        convergence_plot(histories, costs, colours),
        coverage_plot(cells, colours),
    )
    return tuple(plot for plot in made if plot)
