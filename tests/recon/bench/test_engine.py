"""Cells that go wrong are results: each with its status, a sentence and a traceback, and none stops the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from recon.bench import guard
from recon.bench.engine import Engine
from recon.bench.store import FORMAT
from recon.run.errors import Interrupted
from recon.run.prepare import Workshop
from recon.run.solve import Bench
from recon.solvers import PDHG, MaxIter, Reason
from tests.recon.bench.tiny import BENCH, engine_of, lay_out, run, statuses

SOLVERS = """
import time
from dataclasses import dataclass
from typing import NamedTuple
import torch
from recon.solvers import MaxIter, Rule, Solver


class State(NamedTuple):
    x: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Plain(Solver):
    stop: Rule = MaxIter(3)

    def init(self, problem, initial=None):
        return State(torch.ones_like(problem.data))

    def step(self, problem, state):
        return state

    def image(self, state):
        return state.x


class Raises(Plain):
    def step(self, problem, state):
        raise ArithmeticError("nothing\\n  adds up")


class Silent(Plain):
    def step(self, problem, state):
        raise AssertionError


class Leaves(Plain):
    def step(self, problem, state):
        raise SystemExit(3)


class Grows(Plain):
    def step(self, problem, state):
        return State(10 * state.x)


class Hangs(Plain):
    def step(self, problem, state):
        while True:
            time.sleep(0.001)


class Slow(Plain):
    def step(self, problem, state):
        time.sleep(0.01)
        return state


class Hungry(Plain):
    def step(self, problem, state):
        raise torch.OutOfMemoryError("CUDA out of memory.")


class Gluttonous(Plain):
    def step(self, problem, state):
        held = []
        while True:
            held.append(torch.ones(2**18))
            time.sleep(0.001)


class Pressed(Plain):
    def step(self, problem, state):
        raise KeyboardInterrupt
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A benchmark whose first method is one of :data:`SOLVERS`, to be named, and the second works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd_solvers.py").write_text(SOLVERS)
    text = BENCH.replace("{name: pdhg, stop: {max_iter: 5}}", "odd_solvers.py:SOLVER").replace(
        ", prior: {name: tv, lam: 2}", ""
    )
    return lay_out(tmp_path, 2, text.replace("id: tv", "id: odd"))


def solved(folder: Path, name: str, *overrides: str) -> dict[str, object]:
    """The record of the first cell, where its method is of that name; the others are done as ever."""
    text = (folder / "bench.yaml").read_text().replace("SOLVER", name)
    (folder / "bench.yaml").write_text(text)
    store, summary = run(folder, "datasets.limit=1", *overrides)
    assert statuses(store)[1] == "ok", "the other method"
    assert sum(summary.statuses.values()) == summary.total == 2
    assert store.claims() == []
    record = next(iter(store.records()))
    if record["status"] not in ("ok", "diverged"):
        assert summary.exit_code == 1
        assert record["error"]["traceback"] or record["status"] == "timeout"
    return record


def test_a_method_that_raises(folder: Path) -> None:
    record = solved(folder, "Raises")
    assert record["status"] == "failed"
    assert record["error"]["sentence"] == "ArithmeticError: nothing adds up"  # type: ignore[index]
    assert "in step\n    raise ArithmeticError" in record["error"]["traceback"]  # type: ignore[index]
    assert (record["metrics"], record["seconds"], record["iterations"]) == ({}, None, None)


@pytest.mark.parametrize(("name", "sentence"), [("Silent", "AssertionError: no message"), ("Leaves", "SystemExit: 3")])
def test_methods_that_say_little_or_leave(folder: Path, name: str, sentence: str) -> None:
    record = solved(folder, name)
    assert record["status"] == "failed"
    assert record["error"]["sentence"] == sentence  # type: ignore[index]


def test_a_method_that_diverges_keeps_its_last_good_image(folder: Path) -> None:
    record = solved(folder, "Grows", "methods.0.solver.stop.max_iter=50")
    assert (record["status"], record["reason"]) == ("diverged", "diverged")
    assert record["error"]["sentence"] == Reason.DIVERGED.sentence  # type: ignore[index]
    assert record["iterations"] < 50  # type: ignore[operator]
    store = engine_of(folder, "datasets.limit=1").store
    assert np.isfinite(store.arrays(record["key"])["image"]).all()  # type: ignore[arg-type]


def test_a_method_that_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.guarded.__wrapped__, "__kwdefaults__", {"grace": 0.1})  # type: ignore[attr-defined]
    record = solved(folder, "Hangs", "limits.seconds=0.3")
    assert record["status"] == "timeout"
    assert record["error"]["sentence"] == "the limit of 0.3 s was reached."  # type: ignore[index]
    assert "in step" in record["error"]["traceback"]  # type: ignore[index]


def test_a_slow_method_stops_itself_and_has_an_image(folder: Path) -> None:
    record = solved(folder, "Slow", "limits.seconds=0.3", "methods.0.solver.stop.max_iter=1000")
    assert (record["status"], record["reason"]) == ("timeout", "time_limit")
    assert record["error"]["sentence"] == "the limit of 0.3 s was reached."  # type: ignore[index]
    assert 5 < record["iterations"] < 100  # type: ignore[operator]
    assert set(record["metrics"]) == {"psnr", "ssim", "nmse"}  # type: ignore[call-overload]


def test_a_time_that_the_method_gives_itself_is_no_timeout(folder: Path) -> None:
    record = solved(folder, "Slow", "limits.seconds=5", "methods.0.solver.stop={max_iter: 1000, seconds: 0.2}")
    assert (record["status"], record["reason"], record["error"]) == ("ok", "time_limit", None)


def test_memory_that_runs_out(folder: Path) -> None:
    record = solved(folder, "Hungry")
    assert record["status"] == "out_of_memory"
    assert record["error"]["sentence"] == "memory ran out on cpu with 1 at a time; make the images smaller."  # type: ignore[index]


def test_memory_beyond_the_limit(folder: Path) -> None:
    record = solved(folder, "Gluttonous", "limits.memory=0.05")
    assert record["status"] == "out_of_memory"
    assert record["error"]["sentence"] == "the limit of 0.05 GiB was reached."  # type: ignore[index]


def test_an_item_that_is_not_finite(folder: Path) -> None:
    image = np.load(folder / "images" / "0.npy")
    image[0, 0] = np.nan
    np.save(folder / "images" / "0.npy", image)
    text = (folder / "bench.yaml").read_text().replace("SOLVER", "Plain")
    (folder / "bench.yaml").write_text(text)
    store, summary = run(folder)
    assert statuses(store) == ["failed", "failed", "ok", "ok"]
    sentence = next(iter(store.records()))["error"]["sentence"]
    assert sentence.endswith(
        "images/0.npy holds 1 of 256 values that are NaN or infinite, the first at [0, 0]; repair or mask them before "
        "reconstructing."
    )
    assert summary.exit_code == 1


def test_an_operator_that_does_not_fit(folder: Path) -> None:
    record = next(iter(run(folder, "operators={name: mask, mask: [[1, 0]]}", "methods=[{solver: cgls}]")[0].records()))
    assert record["status"] == "failed"
    assert "\n" not in record["error"]["sentence"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, Interrupted])
def test_an_interrupt_is_no_result(folder: Path, error: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a solve once was a cell that failed, and the run went on."""
    text = (folder / "bench.yaml").read_text().replace("SOLVER", "Pressed")
    (folder / "bench.yaml").write_text(text)

    def press(*_: object, **__: object) -> None:
        raise error

    store, summary = run(folder)
    assert (summary.interrupted, summary.exit_code, statuses(store)) == (True, 130, [])
    monkeypatch.setattr(Bench, "answer", press)
    store, summary = run(folder)
    assert (summary.interrupted, statuses(store), store.claims()) == (True, [], [])


def test_a_cell_is_what_a_solver_makes_of_the_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    engine: Engine = engine_of(lay_out(tmp_path))
    cell = engine.plan.cells[0]
    record = engine.run(cell)
    job = engine.spec.combinations[cell.place].job
    case = Workshop(job, torch.float32, simulated=True).case(engine.measurements.of(cell))
    posed = Bench(PDHG(stop=MaxIter(5)), torch.device("cpu"), 1, job.solver.mark).pose([case])
    result = PDHG(stop=MaxIter(5)).solve(posed.problem, posed.initial)
    assert engine.store.arrays(cell.key)["image"].tobytes() == result.image[0].numpy().tobytes()
    assert record["iterations"] == 5


def test_what_a_record_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, _ = run(lay_out(tmp_path), "timing={repeats: 3, warm_up: 2}")
    first, second, *_ = store.records()
    assert set(first) >= {
        "format", "key", "slot", "status", "dataset", "item", "operator", "noise", "method", "seed", "config",
        "measurement", "metrics", "data_range", "iterations", "reason", "gap", "seconds", "memory", "calls", "device",
        "machine", "threads", "error", "finished", "history_keys", "solver", "kind", "tuned", "lam", "notes",
    }  # fmt: skip
    assert (first["format"], first["status"], first["method"], first["solver"]) == (FORMAT, "ok", "tv", "PDHG")
    assert first["config"]["prior"]["lam"] == 2
    assert len(first["seconds"]["all"]) == 3
    assert first["seconds"]["solve"] == sorted(first["seconds"]["all"])[1]
    assert first["seconds"]["warm_up"] > 0
    later = list(store.records())[2]
    assert later["seconds"]["warm_up"] == 0, "a method warms up once"
    assert second["calls"]["adjoint"] > 0
    assert first["device"] == "cpu"
    arrays = store.arrays(first["key"])
    assert [f"history/{key}" for key in first["history_keys"]] == sorted(name for name in arrays if name != "image")
    assert arrays["image"].dtype == np.float32
    json.dumps(first)


def test_records_tell_of_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    method = "methods=[{id: dps, solver: {name: dps, steps: 5}, prior: gaussian, samples: 6, chunk: 4}, {solver: cgls}]"
    lay_out(tmp_path, 1)
    names = "metrics=[coverage, spread, data_consistency, diversity, data_residual]"
    store, _ = run(tmp_path, method, "operators=identity", names)
    sampler, solver = store.records()
    assert solver["samples"] is None
    assert set(solver["metrics"]) == {"data_consistency", "data_residual"}
    said, found = sampler["samples"], sampler["metrics"]
    assert (said["count"], said["complete"]) == (6, 6)
    assert said["data_consistency"] == found["data_consistency"] > found["data_residual"]
    assert said["diversity"]["participation"] == found["diversity"]
    place = said["coverage"]["levels"].index(0.9)
    assert said["coverage"]["shares"][place] == pytest.approx(found["coverage"], abs=1e-9)
    assert (sampler["calls"]["denoise"], sampler["calls"]["vjp"]) == (10, 10), "two chunks of five steps"
    assert said["calls"] == {name: count for name, count in sampler["calls"].items() if count}
    assert said["calls_per_image"]["denoise"] == 5
    assert store.arrays(sampler["key"])["samples"].shape == (4, 16, 16)


def test_samplers_have_seeds_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    method = "methods=[{id: dps, solver: {name: dps, steps: 5}, prior: gaussian, samples: 3}]"
    lay_out(tmp_path, 1)
    more = ("datasets.measured=yes", "operators=identity", "metrics=[spread]")
    store, _ = run(tmp_path, method, "seeds=[0, 1]", *more)
    first, second = (store.arrays(record["key"]) for record in store.records())
    assert first["std"].shape == (16, 16)
    assert not np.array_equal(first["image"], second["image"])
    assert all(record["metrics"]["spread"] > 0 for record in store.records())
    assert all("seed" not in record["config"]["solver"] for record in store.records()), "it is the cell's"
    assert first["samples"].shape == (3, 16, 16)
    np.testing.assert_allclose(first["samples"].mean(0), first["image"], rtol=1e-5, atol=1e-5)
    store, _ = run(tmp_path, method, "seeds=[1]", *more)
    assert np.array_equal(store.arrays(next(iter(store.records()))["key"])["image"], second["image"])
