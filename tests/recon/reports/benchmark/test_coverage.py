"""Coverage of several methods in one plot."""

from __future__ import annotations

from typing import Any

import pytest

from recon.reports.benchmark import page
from recon.reports.benchmark.coverage import coverage_curves, coverage_plot
from recon.reports.benchmark.curves import colours_of
from recon.reports.panels import Array
from tests.recon.reports.benchmark.made_up_run import MadeUpRun

LEVELS = [0.25, 0.5, 0.75]


def cell(method: str, item: str, shares: list[float] | None, status: str = "ok") -> dict[str, Any]:
    coverage = None if shares is None else {"levels": LEVELS, "shares": shares}
    return {"method": method, "item": item, "status": status, "samples": {"count": 8, "coverage": coverage}}


def test_an_image_counts_once_whatever_its_seeds() -> None:
    cells = [
        cell("mmps", "a", [0.2, 0.4, 0.6]),
        cell("mmps", "a", [0.4, 0.6, 0.8]),
        cell("mmps", "b", [0.0, 0.1, 0.1]),
        cell("dps", "a", None),
        cell("mmps", "c", [1.0, 1.0, 1.0], status="diverged"),
        {"method": "tv", "item": "a", "status": "ok"},
    ]
    curves = coverage_curves(cells)
    assert set(curves) == {"mmps"}
    assert curves["mmps"].coverage.tolist() == pytest.approx([0.15, 0.3, 0.4])
    assert curves["mmps"].count == 2
    assert curves["mmps"].low.tolist() == pytest.approx([0.0, 0.1, 0.1])


def test_a_line_for_every_sampler() -> None:
    colours = colours_of(["tv", "mmps"])
    plot = coverage_plot([cell("mmps", "a", [0.2, 0.4, 0.6])], colours)
    assert plot.startswith("<svg")
    assert colours["mmps"] in plot.lower()
    assert colours["tv"] not in plot.lower()
    assert coverage_plot([cell("mmps", "a", None)], colours) == ""


class Sampled(MadeUpRun):
    """A run in which one of the methods draws samples."""

    def _record(self, place: int, item: int, seed: int, method: str, level: float) -> dict[str, Any]:
        record = super()._record(place, item, seed, method, level)
        if method == "pnp":
            record["samples"] = cell(method, "", [0.2, 0.5, 0.7])["samples"]
            record["calls"] = {"denoise": 100, "vjp": 200}
        return record

    def arrays(self, key: str) -> dict[str, Array]:
        found = dict(super().arrays(key))
        if key.endswith("pnp"):
            found |= {"std": 0.1 + 0 * found["image"], "samples": found["image"][None].repeat(3, 0)}
        return found


def test_the_page_shows_deviation_samples_and_coverage_of_samplers_only() -> None:
    text = page(Sampled(items=1, seeds=1, conditions=1))
    assert "nominal coverage" in text
    assert text.count('aria-label="standard deviation of ') == text.count('aria-label="standard deviation of pnp"') == 1
    assert text.count('aria-label="sample ') == 3
    assert "Of methods that draw samples" in text
    plain = page(MadeUpRun(items=1, seeds=1, conditions=1))
    assert "nominal coverage" not in plain
    assert "draw samples" not in plain
