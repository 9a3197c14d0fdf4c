"""Pictures of one image: what is drawn, and under which window."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from recon.reports.benchmark.pictures import Panel, Spread, grid, pictured
from recon.reports.panels import Array


def _drawn(uri: str) -> Array:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.sub("^data:image/png;base64,", "", uri)))))


def _truth() -> Array:
    return np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)


def test_all_pictures_share_the_window_of_the_truth() -> None:
    truth = _truth()
    made = grid("a", truth, 0.5 * truth, {"tv": truth, "bright": truth + 5}, {"tv": "PSNR"})
    panels = {panel.title: panel for panel in made.panels}
    assert list(panels) == ["truth", "first guess", "tv", "bright"]
    low, high = made.window
    assert (low, high) == pytest.approx((0, 1), abs=0.02)
    expected = np.round(255 * np.clip((truth - low) / (high - low), 0, 1))
    assert np.abs(_drawn(panels["tv"].picture) - expected).max() <= 1
    assert np.array_equal(_drawn(panels["tv"].picture), _drawn(panels["truth"].picture))
    assert (_drawn(panels["bright"].picture) == 255).all()
    assert _drawn(panels["first guess"].picture).max() == pytest.approx(127, abs=3)
    assert panels["tv"].words == "PSNR"


def test_errors_are_on_one_scale_for_all_methods() -> None:
    truth = _truth()
    made = grid("a", truth, None, {"near": truth + 0.1, "far": truth - 0.2}, {})
    near, far = (_drawn(panel.error) for panel in made.panels if panel.error)
    assert made.error_top == pytest.approx(0.2, rel=1e-5)
    assert (far == 255).all()
    assert near == pytest.approx(np.full((8, 8), 128), abs=1)


def test_deviations_are_on_the_scale_of_errors_and_samples_on_that_of_images() -> None:
    truth = _truth()
    spread = Spread(np.full((8, 8), 0.3, np.float32), np.stack([truth, truth + 5]))
    made = grid("a", truth, None, {"tv": truth + 0.1, "dps": truth}, {}, {"dps": spread})
    tv, dps = made.panels[1:]
    assert made.error_top == pytest.approx(0.3, rel=1e-5)
    assert (tv.std, tv.samples) == ("", ())
    assert (_drawn(dps.std) == 255).all()
    assert _drawn(tv.error) == pytest.approx(np.full((8, 8), 85), abs=1)
    first, second = (_drawn(uri) for uri in dps.samples)
    assert np.array_equal(first, _drawn(dps.picture))
    assert (second == 255).all()


def test_without_a_truth_there_are_no_errors() -> None:
    made = grid("a", None, None, {"tv": _truth()}, {})
    assert [panel.error for panel in made.panels] == [""]
    assert made.window == pytest.approx((0, 1), abs=0.02)


def test_complex_volumes_are_their_middle_magnitude_and_large_pictures_a_fraction() -> None:
    volume = np.zeros((5, 8, 16), dtype=np.complex64)
    volume[2] = 3j
    volume[2, :4] = 1
    (panel,) = grid("a", None, None, {"tv": volume}, {}).panels
    drawn = _drawn(panel.picture)
    assert drawn.shape == (8, 16)
    assert (drawn[:4] == 0).all()
    assert (drawn[4:] == 255).all()
    large = grid("a", None, None, {"tv": np.random.default_rng(0).random((40, 1030))}, {})
    assert _drawn(large.panels[0].picture).shape == (13, 343)
    assert large.note == "shown at 1/3 of its size"
    assert large.aspect == pytest.approx(1030 / 40)


def test_values_that_are_not_finite_are_black() -> None:
    truth = _truth()
    broken = truth.copy()
    broken[3] = np.nan
    panels: tuple[Panel, ...] = grid("a", truth, None, {"tv": broken}, {}).panels
    assert (_drawn(panels[1].picture)[3] == 0).all()


def test_the_first_images_with_a_result_are_shown_each_with_its_least_seed() -> None:
    cells = [
        {"item": item, "seed": seed, "status": status}
        for item, seed, status in (("b", 1, "ok"), ("b", 0, "ok"), ("a", 0, "failed"), ("c", 2, "ok"), ("d", 0, "ok"))
    ]
    assert pictured(cells, 2) == [("b", 0), ("c", 2)]
