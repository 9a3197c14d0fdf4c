"""Whole benchmark runs of a few small images: what is computed, what is said, and what is not done twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.bench.store import Store
from recon.config.show import to_yaml
from tests.recon.bench.tiny import BENCH, lay_out, squares
from tests.recon.cli.conftest import Ran

Run = Callable[..., Ran]


@pytest.fixture
def images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder with a benchmark of two images and two methods: bench.yaml, whose run goes to out/bench.

    No report is drawn of it, which takes longer than the run.
    """
    monkeypatch.setattr("recon.reports.benchmark.write_report", lambda _, folder: folder / "report.html")
    return lay_out(folder)


def records(folder: Path, name: str = "out/bench") -> list[dict[str, Any]]:
    return list(Store.open(folder / name).records())


def said(run: Run, *words: str) -> dict[str, Any]:
    """What a run says of itself as JSON."""
    found: dict[str, Any] = json.loads(run("bench", "bench.yaml", "--json", *words).out)
    return found


def test_a_run_solves_every_cell_and_writes_a_report(folder: Path, run: Run) -> None:
    images = lay_out(folder)
    ran = run("bench", "bench.yaml")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("[1/4] tv on images/0, gaussian_blur, gaussian, seed 0  max_iter, 5 iterations, ")
    psnr = records(images)[0]["metrics"]["psnr"]
    assert lines[0].endswith(f"PSNR {psnr:.2f} dB")
    assert lines[4:] == ["4 cells: 4 ok.", f"Report in {Path('out/bench/report.html')}"]
    found = {path.name for path in (images / "out" / "bench").iterdir()}
    assert {"run.yaml", "environment.json", "plan.jsonl", "cells", "measurements", "report.html"} <= found
    assert not any(path.name.endswith(".part") for path in images.rglob("*"))


def test_cells_are_what_jobs_make_of_the_same_measurements(images: Path, run: Run) -> None:
    assert run("bench", "bench.yaml").code == 0
    (images / "data").mkdir()
    store = Store.open(images / "out" / "bench")
    for cell in store.plan():
        np.savez(images / "data" / f"{cell.item}.npz", **store.measurement(cell.measurement))
    (images / "tv.yaml").write_text(
        "recon: 1\ninput: {name: numpy, path: data, keys: {data: data, truth: truth}}\n"
        "operator: {name: gaussian_blur, std: 1}\nnoise: {name: gaussian, sigma: 0.05}\n"
        "solver: {name: pdhg, stop: {max_iter: 5}}\nprior: {name: tv, lam: 2}\n"
        "output: {path: tv, formats: [npz], preview: no, convergence: no}\ndevice: cpu\n"
    )
    assert run("reconstruct", "tv.yaml").code == 0
    for record in store.records():
        if record["method"] == "tv":
            image = np.load(images / "tv" / f"{record['item']}.npz")["image"]
            assert store.arrays(record["key"])["image"].tobytes() == image.tobytes()
            sidecar = json.loads((images / "tv" / f"{record['item']}.json").read_text())
            assert record["metrics"] == {key: sidecar["metrics"][key] for key in ("psnr", "ssim", "nmse")}
            assert record["data_range"] == sidecar["metrics"]["data_range"]


def test_the_second_time_nothing_is_computed(images: Path, run: Run) -> None:
    run("bench", "bench.yaml")
    before = {path: path.stat().st_mtime_ns for path in (images / "out" / "bench" / "cells").rglob("*.*")}
    ran = run("bench", "bench.yaml")
    assert ran == Ran(0, "4 cells, 4 of them done before: 4 ok.\nReport in out/bench/report.html\n", "")
    assert {path: path.stat().st_mtime_ns for path in (images / "out" / "bench" / "cells").rglob("*.*")} == before


def test_what_is_new_is_computed_and_only_that(images: Path, run: Run) -> None:
    assert said(run)["before"] == 0
    assert said(run, "--set", "seeds=[0, 1]") == {
        "folder": "out/bench",
        "report": "out/bench/report.html",
        "total": 8,
        "before": 4,
        "stale": 0,
        "interrupted": False,
        "stopped": "",
        "statuses": {"ok": 8},
    }
    assert said(run, "--set", "methods.0.prior.lam=3")["before"] == 2
    assert said(run)["before"] == 4, "what the other settings made has not replaced it"
    np.save(images / "images" / "1.npy", squares(3))
    assert said(run)["before"] == 2
    np.save(images / "images" / "2.npy", squares(2))
    found = said(run)
    assert (found["total"], found["before"]) == (6, 4)


def test_out_is_where_the_run_goes(images: Path, run: Run) -> None:
    assert run("bench", "bench.yaml", "--out", "there").out.splitlines()[-1] == "Report in there/report.html"
    assert len(records(images, "there")) == 4
    assert not (images / "out").exists()
    assert Store.open(images / "there").command == "recon bench bench.yaml --out there"


def test_the_resolved_benchmark_makes_the_same_run(images: Path, run: Run) -> None:
    run("bench", "bench.yaml")
    resolved = (images / "out" / "bench" / "run.yaml").read_text()
    (images / "again.yaml").write_text(resolved)
    found = json.loads(run("bench", "again.yaml", "--json").out)
    assert (found["total"], found["before"]) == (4, 4)


def test_quiet_says_nothing(images: Path, run: Run) -> None:
    assert run("bench", "bench.yaml", "--quiet") == Ran(0, "", "")
    assert run("bench", "bench.yaml", "-q") == Ran(0, "", "")


ODD = """
import time
from pathlib import Path
from recon.solvers import CGLS


class Odd(CGLS):
    '''Does the odd on the first image as long as the file `odd` says what.'''

    def step(self, problem, state):
        odd = Path("odd").read_text() if Path("odd").exists() else ""
        if problem.data[..., 9, 12].mean() > 0.4:
            return super().step(problem, state)
        if odd == "raise":
            raise ArithmeticError("this does not add up")
        while odd == "hang":
            time.sleep(0.001)
        if odd == "diverge":
            return state._replace(x=state.x * float("inf"))
        return super().step(problem, state)
"""


@pytest.fixture
def odd(images: Path) -> Path:
    """The benchmark with a second method that may do the odd on the first image."""
    first = squares(0)
    first[:, 11:] = 0
    np.save(images / "images" / "0.npy", first)
    second = squares(3)
    second[6:13, 9:16] = 1
    np.save(images / "images" / "1.npy", second)
    (images / "odd_method.py").write_text(ODD)
    text = BENCH.replace("{name: cgls, stop: {max_iter: 3}}", "{name: 'odd_method.py:Odd', stop: {max_iter: 3}}")
    (images / "bench.yaml").write_text(text)
    return images


@pytest.mark.parametrize(
    ("what", "status", "sentence", "code"),
    [
        ("raise", "failed", "ArithmeticError: this does not add up", 1),
        ("hang", "timeout", "the limit of 0.2 s was reached.", 1),
        ("diverge", "diverged", "The iterates grew without bound or became NaN; the last good one is kept.", 0),
    ],
)
def test_a_cell_that_goes_wrong_is_a_result(
    odd: Path, run: Run, what: str, status: str, sentence: str, code: int
) -> None:
    (odd / "odd").write_text(what)
    ran = run("bench", "bench.yaml", "--set", "limits.seconds=0.2")
    assert (ran.code, ran.err) == (code, "")
    found = {(record["item"], record["method"]): record for record in records(odd)}
    assert [record["status"] for record in found.values()] == ["ok", status, "ok", "ok"]
    error = found["0", "least"]["error"]
    assert error["sentence"] == sentence or status == "diverged"
    assert "odd_method.py" in error["traceback"] or status == "diverged"
    assert f"4 cells: 3 ok, 1 {status}." in ran.out
    line = next(line for line in ran.out.splitlines() if "least on images/0" in line)
    assert (f"failed: {status}: {sentence}" in line) or status == "diverged"

    found_again = said(run, "--set", "limits.seconds=0.2")
    assert found_again["statuses"] == {"ok": 3, status: 1}, "a failure is not tried again by itself"
    (odd / "odd").unlink()
    retried = said(run, "--set", "limits.seconds=0.2", "--retry-failed")
    if status == "diverged":
        assert retried["before"] == 4
    else:
        assert (retried["before"], retried["statuses"]) == (3, {"ok": 4})


def test_failures_are_errors_where_nothing_else_is_said(odd: Path, run: Run) -> None:
    (odd / "odd").write_text("raise")
    sentence = "1 of 4 cells without a result: 3 ok, 1 failed; see out/bench.\n"
    assert run("bench", "bench.yaml", "--quiet") == Ran(1, "", sentence)
    ran = run("bench", "bench.yaml", "--json")
    assert (ran.code, ran.err) == (1, sentence)
    assert json.loads(ran.out)["statuses"] == {"ok": 3, "failed": 1}


def test_an_item_that_is_not_finite(images: Path, run: Run) -> None:
    image = squares(0)
    image[4, 5] = np.nan
    np.save(images / "images" / "0.npy", image)
    ran = run("bench", "bench.yaml")
    assert ran.code == 1
    assert "4 cells: 2 ok, 2 failed." in ran.out
    record = records(images)[0]
    assert record["error"]["sentence"].endswith(
        "0.npy holds 1 of 256 values that are NaN or infinite, the first at [4, 5]; repair or mask them before "
        "reconstructing."
    )
    assert "DataError" in record["error"]["traceback"]


def test_stale_cells_are_announced(images: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("bench", "bench.yaml")
    monkeypatch.setattr("recon.bench.plan.majors", lambda: "recon 99")
    ran = run("bench", "bench.yaml")
    assert ran.out.startswith("4 cells were made by other code and are done again.\n[1/4] ")
    assert said(run)["stale"] == 0
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.yaml"], "none.yaml: there is no such file."),
        (["bench.yaml", "--set", "seed=3"], "--set seed=3: a benchmark takes no 'seed'; did you mean 'seeds'?"),
        (["bench.yaml", "--set", "device=cuda:99"], "--set device=cuda:99: device 'cuda:99' is not there: "),
        (["bench.yaml", "--set", "datasets.path=empty"], "--set datasets.path=empty: "),
        (["bench.yaml", "--out", "job.yaml"], "--out job.yaml: nothing can be written to the folder 'job.yaml': "),
        (["job.yaml"], "job.yaml:2:1: 'input' makes this a job rather than a benchmark; recon reconstruct runs it."),
    ],
)
def test_wrong_benchmarks_are_two(images: Path, run: Run, words: list[str], sentence: str) -> None:
    (images / "empty").mkdir()
    ran = run("bench", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith(sentence)
    assert ran.err.count("\n") == 1
    assert not (images / "out").exists()


def test_wrong_benchmarks_as_json(images: Path, run: Run) -> None:
    ran = run("bench", "bench.yaml", "--json", "--set", "seed=3")
    assert json.loads(ran.out) == {"error": "--set seed=3: a benchmark takes no 'seed'; did you mean 'seeds'?"}
    assert ran.code == 2


def test_a_benchmark_is_no_job(images: Path, run: Run) -> None:
    sentence = "bench.yaml:2:1: 'datasets' makes this a benchmark rather than a job; recon bench runs it.\n"
    assert run("reconstruct", "bench.yaml") == Ran(2, "", sentence)


def listing(folder: Path) -> list[str]:
    return sorted(os.path.join(where, name) for where, _, names in os.walk(folder) for name in names)


def test_a_dry_run_prints_the_grid_and_writes_nothing(images: Path, run: Run) -> None:
    before = listing(images)
    ran = run("bench", "bench.yaml", "--dry-run", "--set", "methods.1={id: wrong, solver: mlem}")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].split() == ["dataset", "operator", "noise", "method", "cells", "done", "s", "each"]
    assert lines[1].split()[:7] == ["images", "gaussian_blur", "gaussian", "tv", "2", "0", "~"]
    assert lines[2].split() == ["images", "gaussian_blur", "gaussian", "wrong", "2", "0", "–"]
    assert lines[3].startswith("wrong on images, gaussian_blur, gaussian: ")
    assert lines[4].startswith("4 cells, 0 of them done; about ")
    assert lines[4].endswith(" s left in one process where all iterations are made. Nothing was written.")
    found = json.loads(run("bench", "bench.yaml", "--dry-run", "--json").out)
    assert (found["cells"], [row["names"]["method"] for row in found["rows"]]) == (4, ["tv", "least"])
    assert found["seconds"] == pytest.approx(sum(row["left"] for row in found["rows"]))
    assert listing(images) == before


def test_a_dry_run_of_what_nothing_limits(images: Path, run: Run) -> None:
    """Its JSON once held Infinity, which is none."""
    endless = ["--set", "methods.0.solver.stop={max_iter: null, change: 1e-30}", "--set", "limits.seconds=null"]
    ran = run("bench", "bench.yaml", "--dry-run", *endless)
    assert (
        ran.out.splitlines()[-1] == "4 cells, 0 of them done; nothing limits how long they take. Nothing was written."
    )
    found = json.loads(run("bench", "bench.yaml", "--dry-run", "--json", *endless).out, parse_constant=pytest.fail)
    assert found["seconds"] is None


def test_watch_once(images: Path, run: Run) -> None:
    run("bench", "bench.yaml")
    ran = run("watch", "out/bench", "--once")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["bench:", "4", "of", "4", "cells"]
    assert ["method", "cells", "ok", "mean", "PSNR", "dB"] in lines
    mean = np.mean([record["metrics"]["psnr"] for record in records(images) if record["method"] == "tv"])
    assert ["tv", "2", "2", f"{mean:.2f}"] in lines
    assert run("watch", "out/bench").out == ran.out, "without a terminal it looks once"


def test_watch_as_json(odd: Path, run: Run) -> None:
    (odd / "odd").write_text("raise")
    run("bench", "bench.yaml")
    cell = next(iter(Store.open(odd / "out" / "bench").plan()))
    Store(odd / "out" / "bench").forget(cell.key)
    (odd / "out" / "bench" / "claims" / cell.key).write_text("another-machine 1")
    assert json.loads(run("watch", "out/bench", "--json").out) == {
        "total": 4,
        "done": 3,
        "methods": {"tv": {"all": 2, "ok": 1}, "least": {"all": 2, "failed": 1, "ok": 1}},
        "working": [cell.label],
    }


def test_watch_of_no_run(run: Run) -> None:
    sentence = "recon watch: none holds no benchmark run: there is no plan.jsonl; recon bench makes one.\n"
    assert run("watch", "none", "--once") == Ran(2, "", sentence)


def test_config_check_show_and_schema(images: Path, run: Run) -> None:
    ran = run("config", "check", "bench.yaml", "--set", "operators.std={each: [1, 2]}")
    assert ran == Ran(0, "bench.yaml: the benchmark is sound, with 4 combinations for each item.\n", "")
    ran = run("config", "check", "bench.yaml", "--set", "methods.0.prior.lamm=3")
    assert ran == Ran(2, "", "--set methods.0.prior.lamm=3: prior 'tv' takes no 'lamm'; did you mean 'lam'?\n")
    shown = json.loads(run("config", "show", "bench.yaml", "--json", "--set", "seeds=[4]").out)
    assert (shown["seeds"], shown["datasets"][0]["id"], shown["methods"][0]["prior"]["lam"]) == ([4], "images", 2)
    (images / "resolved.yaml").write_text(run("config", "show", "bench.yaml", "--set", "seeds=[4]").out)
    again = json.loads(run("config", "show", "resolved.yaml", "--json").out)
    assert again == shown
    assert (images / "resolved.yaml").read_text() == to_yaml(shown)
    assert json.loads(run("config", "schema", "--bench").out)["title"] == "recon benchmark"
    assert json.loads(run("config", "schema").out)["title"] == "recon job"
