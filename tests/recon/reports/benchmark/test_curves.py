"""What plots show, by the numbers that they are given."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from recon.reports.benchmark.curves import colours_of, convergence_plot, quality_curves, quality_plot
from recon.reports.benchmark.measures import measure


def test_quality_along_the_iterations_is_psnr() -> None:
    histories = {
        "tv": {"seconds": np.array([0.1, 0.2, 0.3]), "mse": np.array([0.01, 0.0001, np.nan])},
        "short": {"seconds": np.array([0.1]), "mse": np.array([0.01])},
        "blind": {"seconds": np.array([0.1, 0.2])},
        "constant": {"seconds": np.array([0.1, 0.2]), "mse": np.array([1.0, 1.0])},
    }
    found = quality_curves(histories, {"tv": 10.0, "short": 1.0, "blind": 1.0, "constant": None})
    assert set(found) == {"tv"}
    seconds, quality = found["tv"]
    assert seconds.tolist() == [0.1, 0.2]
    assert quality.tolist() == pytest.approx([40.0, 60.0])


def _cell(method: str, psnr: float, seconds: float | None, device: str = "cpu") -> dict[str, Any]:
    took = None if seconds is None else {"solve": seconds}
    return {"method": method, "status": "ok", "metrics": {"psnr": psnr}, "seconds": took, "device": device}


def test_every_method_with_times_is_in_the_plot_and_its_legend() -> None:
    cells = [_cell("tv", 30, 0.5), _cell("tv", 31, 0.7), _cell("pnp", 33, 9.0, "gpu"), _cell("none", 20, None)]
    colours = colours_of(["tv", "pnp", "none"])
    plot = quality_plot(cells, measure("psnr"), colours, {"tv": (np.array([0.1, 0.5]), np.array([20.0, 30.0]))})
    assert plot.startswith("<svg")
    for method, drawn in (("tv", True), ("pnp", True), ("none", False)):
        assert (colours[method].lower() in plot.lower()) is drawn
    assert quality_plot([_cell("none", 20, None)], measure("psnr"), colours) == ""


def test_the_excess_is_over_the_least_objective_of_methods_with_the_same_cost() -> None:
    seconds = np.array([1.0, 2.0])
    histories = {
        "a": {"seconds": seconds, "objective": np.array([2.0, 1.5])},
        "b": {"seconds": seconds, "objective": np.array([1.2, 1.0])},
        "other": {"seconds": seconds, "objective": np.array([0.5, 0.1])},
    }
    colours = colours_of(list(histories))
    together = convergence_plot(histories, {"a": "tv", "b": "tv", "other": "wavelet"}, colours)
    alone = convergence_plot({"a": histories["a"]}, {"a": "tv"}, colours)
    assert "relative excess" in _text(together)
    # against b, a has two points to draw; against itself its last one is zero
    assert _points(together, colours["a"]) == 2
    assert _points(alone, colours["a"]) == 1
    assert convergence_plot({"c": {"seconds": seconds}}, {"c": ""}, {"c": "#000000"}) == ""


def _text(plot: str) -> str:
    return " ".join(re.findall(r"<!-- (.*?) -->", plot)) + " ".join(re.findall(r">([^<>]+)</text>", plot))


def _points(plot: str, colour: str) -> int:
    """Points of the first line of a colour."""
    paths = re.findall(r'<path d="([^"]*)"[^>]*stroke: ' + colour, plot, re.IGNORECASE)
    return len(re.findall("[ML]", paths[0]))
