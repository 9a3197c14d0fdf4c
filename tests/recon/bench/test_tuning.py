"""Parameters found on validation items: where the best one is known in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recon.bench.measurements import Measurements
from recon.config.errors import ConfigError
from recon.files import ItemRef
from tests.recon.bench.tiny import engine_of, lay_out, run, squares, statuses

SIGMA = 0.3
BENCH = f"""\
recon: 1
datasets: {{name: numpy, path: images, id: images, validation: 2}}
operators: identity
noise: {{name: gaussian, sigma: {SIGMA}}}
methods: {{id: shrink, solver: tikhonov_inverse, prior: {{name: tikhonov, lam: {{tune: [0.1, 1000]}}}}}}
tuning: {{tol: 0.02, max_solves: 60}}
timing: {{warm_up: 0}}
device: cpu
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return lay_out(tmp_path, 4, BENCH)


def best_of(folder: Path) -> float:
    """The λ of least error: x̂ = y/(1 + λσ²) is a y, and the error of a y is least at a = Σ⟨y, x⟩/Σ‖y‖²."""
    engine = engine_of(folder)
    cross = square = 0.0
    for ref in engine.plan.validation(0):
        key = engine.plan.measurement_key(0, ref, 0)
        item = engine.measurements.get(0, ref, 0, key)
        assert item.truth is not None
        cross += float((item.data * item.truth).double().sum())
        square += float(item.data.double().square().sum())
    return (square / cross - 1) / SIGMA**2


def test_the_best_parameter_is_found(folder: Path) -> None:
    store, summary = run(folder)
    assert summary.statuses == {"ok": 2}
    (found,) = store.tunings()
    assert found["value"] == pytest.approx(best_of(folder), rel=0.05)
    assert (found["parameter"], found["metric"], found["inside"], found["error"]) == ("prior.lam", "mse", True, None)
    assert found["items"] == ["2", "3"]
    assert min(found["tried"], key=lambda pair: pair[1])[0] == found["value"]
    for record in store.records():
        assert record["tuned"] == {"key": found["key"], "parameter": "prior.lam", "value": found["value"]}
        image, data = store.arrays(record["key"])["image"], store.measurement(record["measurement"])["data"]
        np.testing.assert_allclose(image, data / (1 + found["value"] * SIGMA**2), rtol=1e-4, atol=1e-6)


def test_it_is_found_once_and_its_time_is_apart(folder: Path) -> None:
    store, _ = run(folder)
    (found,) = store.tunings()
    assert found["seconds"] > 0
    store, summary = run(folder, "datasets.limit=1")
    assert summary.before == 1, "how many items are tested makes no difference to it"
    assert [one["finished"] for one in store.tunings()] == [found["finished"]]


def test_test_items_are_never_touched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    get = Measurements.get

    def watched(self: Measurements, place: int, ref: ItemRef, seed: int, key: str) -> object:
        asked.append(ref.id)
        return get(self, place, ref, seed, key)

    monkeypatch.setattr(Measurements, "get", watched)
    run(folder)
    solved = [item for item in asked if item in "01"]
    assert solved == ["0", "1"], "each is asked for once, to be reconstructed"
    np.save(folder / "images" / "1.npy", 50 * squares(1))
    first, _ = (run(folder)[0].tunings() for _ in range(2))
    again, _ = (run(folder, "datasets.limit=1")[0].tunings() for _ in range(2))
    assert [one["value"] for one in first] == [one["value"] for one in again]


def test_validation_items_decide(folder: Path) -> None:
    before = best_of(folder)
    value = next(iter(run(folder)[0].tunings()))["value"]
    np.save(folder / "images" / "3.npy", 0.3 * squares(3))
    store, summary = run(folder)
    assert summary.before == 0, "what rests on other validation items is another result"
    found = [one["value"] for one in store.tunings()]
    assert found == [pytest.approx(best_of(folder), rel=0.05)]
    assert found[0] > 1.3 * value
    assert value == pytest.approx(before, rel=0.05)


def test_of_given_values_the_best_is_taken(folder: Path) -> None:
    best = best_of(folder)
    values = [best / 8, best * 1.1, best * 9]
    store, _ = run(folder, f"methods.prior.lam={{tune: {{values: {values}}}}}")
    (found,) = store.tunings()
    assert found["value"] == pytest.approx(values[1])
    assert [value for value, _ in found["tried"]] == pytest.approx(values)
    assert found["inside"]


def test_a_range_that_ends_before_the_best_is_said(folder: Path) -> None:
    best = best_of(folder)
    store, _ = run(folder, f"methods.prior.lam={{tune: [{best / 50}, {best / 5}]}}")
    (found,) = store.tunings()
    assert found["value"] == pytest.approx(best / 5, rel=0.1)
    assert not found["inside"]


@pytest.mark.parametrize("metric", ["psnr", "nmse"])
def test_other_metrics(folder: Path, metric: str) -> None:
    """Here they are best near where the squared error is."""
    store, _ = run(folder, f"tuning.metric={metric}")
    (found,) = store.tunings()
    assert found["metric"] == metric
    assert found["value"] == pytest.approx(best_of(folder), rel=0.3)
    assert found["inside"]


def test_every_condition_has_its_own(folder: Path) -> None:
    store, _ = run(folder, "noise.sigma={each: [0.3, 0.6]}")
    low, high = store.tunings()
    assert (low["noise"], high["noise"]) == ("gaussian-sigma=0.3", "gaussian-sigma=0.6")
    assert high["key"] != low["key"]


def test_the_number_of_solves_is_limited(folder: Path) -> None:
    store, _ = run(folder, "tuning.max_solves=4")
    assert len(next(iter(store.tunings()))["tried"]) <= 4


BROKEN = """
from dataclasses import dataclass
from pathlib import Path
from recon.solvers import TikhonovInverse

@dataclass(frozen=True, kw_only=True)
class Broken(TikhonovInverse):
    def reconstruct(self, problem):
        if Path("broken").exists():
            raise ArithmeticError("out of order")
        return super().reconstruct(problem)
"""


def test_a_search_that_fails_fails_its_cells_until_they_are_retried(folder: Path) -> None:
    """The failure was stored for good: retrying the cells only repeated its sentence."""
    (folder / "own_solver.py").write_text(BROKEN)
    (folder / "broken").touch()
    change = "methods.solver=own_solver.py:Broken"
    store, summary = run(folder, change)
    assert statuses(store) == ["failed", "failed"]
    sentence = next(iter(store.records()))["error"]["sentence"]
    assert sentence == "prior.lam could not be found: ArithmeticError: out of order"
    (found,) = store.tunings()
    assert found["value"] is None
    assert "out of order" in found["error"]["traceback"]
    (folder / "broken").unlink()
    store, summary = run(folder, change)
    assert (summary.before, statuses(store)) == (2, ["failed", "failed"])
    store, summary = run(folder, change, retry_failed=True)
    assert (summary.before, statuses(store)) == (0, ["ok", "ok"])


def test_without_truth_nothing_can_be_found(folder: Path) -> None:
    store, _ = run(folder, "datasets.measured=yes")
    assert statuses(store) == ["failed", "failed"]
    sentence = next(iter(store.records()))["error"]["sentence"]
    assert sentence.endswith("2.npy has no truth, by which a parameter could be found.")


def test_without_validation_items_it_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="the dataset 'images' keeps no items for that; say validation: 2 there"):
        run(folder, "datasets.validation=0")
