"""How often the intervals of samplers hold the truth, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from recon.reports.benchmark.curves import Drawing, legend
from recon.reports.benchmark.ranking import Record
from recon.reports.posterior import draw_coverage
from recon.solvers import CoverageCurve
from recon.solvers.sampling.calibration.resampling import band


def coverage_plot(records: Sequence[Record], colours: Mapping[str, str]) -> str:
    """Empirical over nominal coverage of the intervals of pixels; "" without methods that draw samples.

    An image counts once, by the mean over its seeds; bands are those of resampling the images.
    """
    curves = coverage_curves(records)
    if not curves:
        return ""
    with Drawing(3.9, 3.3) as drawing:
        draw_coverage(drawing.axes, curves, dict(colours))
        drawing.axes.set(xlabel="nominal coverage", ylabel="pixels inside", title="")
        legend(drawing.axes, [(method, colours[method], "-") for method in curves])
    return drawing.svg


def coverage_curves(records: Sequence[Record]) -> dict[str, CoverageCurve]:
    """The curve of every method that draws samples."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    levels: list[float] = []
    for record in records:
        known = (record.get("samples") or {}).get("coverage")
        if record["status"] == "ok" and known:
            levels = known["levels"]
            found.setdefault(record["method"], {}).setdefault(record["item"], []).append(known["shares"])
    curves = {}
    for method, items in found.items():
        shares = torch.stack([torch.tensor(seeds, dtype=torch.float64).mean(0) for seeds in items.values()])
        nominal = torch.tensor(levels, dtype=torch.float64)
        curves[method] = CoverageCurve(nominal, shares.mean(0), *band(shares, seed=0), len(shares))
    return curves
