from __future__ import annotations

import os
from pathlib import Path

import pytest

from recon.bench.forecast import Row, forecast
from tests.recon.bench.tiny import BENCH, lay_out, run, spec_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path)


def rows(folder: Path, *overrides: str) -> list[Row]:
    return list(forecast(spec_of(folder, *overrides, out=folder / "run")))


def listing(folder: Path) -> list[str]:
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)


def test_nothing_is_written(folder: Path) -> None:
    before = listing(folder)
    assert [(row.names["method"], row.cells, row.done, row.measured, row.error) for row in rows(folder)] == [
        ("tv", 2, 0, False, ""),
        ("least", 2, 0, False, ""),
    ]
    assert listing(folder) == before
    run(folder)
    before = listing(folder)
    rows(folder, "seeds=[0, 1]")
    assert listing(folder) == before


def test_cells_that_are_done_tell_how_long_the_others_take(folder: Path) -> None:
    store, _ = run(folder)
    records = [record["seconds"] for record in store.records() if record["method"] == "tv"]
    whole = sum(sum(each["all"]) + each["load"] for each in records) / 2
    tv = rows(folder, "seeds=[0, 1]")[0]
    assert (tv.cells, tv.done, tv.measured) == (4, 2, True)
    assert tv.seconds == pytest.approx(whole)
    assert tv.left == pytest.approx(2 * whole)
    assert rows(folder)[0].left == 0


def test_more_iterations_and_repeats_take_longer(folder: Path) -> None:
    """Two and ten iterations were once so quick that noise decided, and thousands seemed to take no time."""
    few = rows(folder, "methods.0.solver.stop.max_iter=1000")[0].seconds
    many = rows(folder, "methods.0.solver.stop.max_iter=20000", "timing.repeats=3")[0].seconds
    assert few is not None
    assert many is not None
    assert 15 * few < many < 240 * few


def test_a_method_that_ends_early_is_measured_whole(folder: Path) -> None:
    found = rows(folder, "methods.0.solver.stop={max_iter: 100000000, change: 0.5}", "limits.seconds=null")
    assert found[0].seconds is not None
    assert found[0].seconds < 1


def test_a_sampler_takes_all_its_steps(folder: Path) -> None:
    change = "methods=[{id: dps, solver: {name: dps, steps: STEPS}, prior: gaussian}]"
    few, many = (rows(folder, change.replace("STEPS", number))[0].seconds for number in ("200", "1000"))
    assert few is not None
    assert many is not None
    assert 2 * few < many < 15 * few


def test_the_limit_bounds_it(folder: Path) -> None:
    found = rows(folder, "methods.0.solver.stop.max_iter=100000000", "limits.seconds=9", "timing.repeats=2")
    assert found[0].seconds == 18


def test_parameters_that_are_to_be_found_count(folder: Path) -> None:
    text = BENCH.replace("lam: 2", "lam: {tune: [1, 10]}").replace("id: images}", "id: images, validation: 1}")
    (folder / "bench.yaml").write_text(text)
    found = rows(folder)[0]
    assert (found.cells, found.solves) == (1, 20)
    assert found.left == pytest.approx(21 * (found.seconds or 0))
    run(folder)
    assert rows(folder)[0].solves == 0
    (folder / "bench.yaml").write_text(text.replace("[1, 10]", "{values: [1, 2, 3]}"))
    assert rows(folder)[0].solves == 3


def test_a_method_that_fails_is_told_and_the_rest_is_estimated(folder: Path) -> None:
    found = rows(folder, "methods.1={id: none, solver: zero_filled}", "operators={name: mask, mask: [[1, 0]]}")
    assert all(row.error.startswith("mask") or row.error for row in found)
    found = rows(folder, "methods.1={id: wrong, solver: mlem}")
    assert (found[0].error, found[1].seconds, found[1].left) == ("", None, 0)
    assert "\n" not in found[1].error
    assert found[1].error


@pytest.mark.parametrize("solver", ["wiener", "pseudo_inverse"])
def test_methods_without_iterations(folder: Path, solver: str) -> None:
    found = rows(folder, f"methods=[{{id: direct, solver: {solver}}}]")[0]
    assert found.error == ""
    assert found.seconds is not None
    assert found.seconds < 1
