"""Runs and jobs done by workers: the same results, whatever becomes of the workers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.cli import main
from tests.recon.bench.running import (
    ROOT,
    make_bench,
    results,
    start,
    store_of,
    tables,
    times_solved,
    wait_until,
    written,
)

pytest.importorskip("distributed", reason="workers need dask.distributed: install recon-imaging[cluster]")

TV = """\
  - {id: tv, prior: {name: tv, lam: 0.1}, solver: {name: pdhg, stop: {max_iter: 8}}}
"""


def ended(process: subprocess.Popen[str], seconds: float = 240.0) -> tuple[int, str, str]:
    """Exit code and output of a process that is expected to end."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"it does not end: {out}{err}") from None
    return process.returncode, out, err


def test_workers_find_what_one_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With workers that are threads of this process, which start at once."""
    from distributed import LocalCluster

    make_bench(tmp_path, items=4, more=TV, marked=2, solver="Marked")
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "bench.yaml", "-q", "--out", "out/alone"]) == 1
    once = times_solved(tmp_path)
    address = {"dashboard_address": "127.0.0.1:0"}
    with LocalCluster(2, processes=False, threads_per_worker=1, scheduler_kwargs=address) as cluster:
        assert main(["bench", "bench.yaml", "-q", "--cluster", cluster.scheduler_address]) == 1
        assert times_solved(tmp_path) == once + once
        before = written(store_of(tmp_path))
        assert main(["bench", "bench.yaml", "-q", "--cluster", cluster.scheduler_address]) == 1
    assert written(store_of(tmp_path)) == before
    assert results(store_of(tmp_path)) == results(store_of(tmp_path, "alone"))
    assert tables(store_of(tmp_path)) == tables(store_of(tmp_path, "alone"))
    failed = [record for record in store_of(tmp_path).records() if record["status"] == "failed"]
    assert {record["item"] for record in failed} == {"item02"}
    assert len(failed) == 4


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    for place in (folder, whole):
        make_bench(place, items=4, solver="DiesOnce", marked=2, more=TV)
    (whole / "died").touch()
    alone, spread = start(whole), start(folder, "--workers", "2")
    assert ended(alone)[0] == 0
    code, out, err = ended(spread)
    assert (code, err) == (0, "")
    assert "24 cells: 24 ok." in out
    assert (folder / "died").exists()
    assert results(store_of(folder)) == results(store_of(whole))
    assert tables(store_of(folder)) == tables(store_of(whole))
    again = times_solved(folder)
    assert len(again) == 16
    assert sum(again.values()) <= 18, "only what the dead worker had in hand was done twice"
    assert not list((store_of(folder).folder / "claims").iterdir())


@pytest.mark.slow
def test_a_cell_that_kills_every_worker_is_recorded_and_the_others_are_done(tmp_path: Path) -> None:
    make_bench(tmp_path, items=4, steps=1, solver="Dies", marked=1, more=TV)
    code, out, err = ended(start(tmp_path, "--workers", "2"))
    assert (code, err) == (1, "")
    assert "16 cells: 14 ok, 2 failed." in out
    for record in store_of(tmp_path).records():
        marked = record["item"] == "item01" and record["method"] != "tv"
        assert record["status"] == ("failed" if marked else "ok")
        if marked:
            assert record["error"]["sentence"] == "the worker died 3 times of this cell."
            assert "KilledWorker" in record["error"]["traceback"]
    before = written(store_of(tmp_path))
    code, out, _ = ended(start(tmp_path, "--workers", "2"))
    assert code == 1
    assert "16 cells, 16 of them done before: 14 ok, 2 failed." in out
    assert written(store_of(tmp_path)) == before


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["Sleeps", "Stuck"])
@pytest.mark.parametrize("words", [(), ("--workers", "2")], ids=["in-process", "workers"])
def test_a_cell_that_hangs_is_out_of_time_and_the_run_goes_on(
    tmp_path: Path, solver: str, words: tuple[str, ...]
) -> None:
    make_bench(tmp_path, items=3, steps=1, solver=solver, marked=1, more=TV)
    limit = ("--set", "limits.seconds=0.5")
    code, out, err = ended(start(tmp_path, *limit, *words))
    assert (code, err) == (1, "")
    records = {(r["item"], r["operator"], r["method"]): r for r in store_of(tmp_path).records()}
    assert len(records) == 12
    late = {key for key, record in records.items() if record["status"] == "timeout"}
    assert late == {key for key in records if key[0] == "item01" and key[2] != "tv"}
    assert len(late) == 2
    assert all(record["status"] == "ok" for key, record in records.items() if key not in late)
    end = "; the method could not be interrupted, and its process was ended." if solver == "Stuck" else "."
    assert {records[key]["error"]["sentence"] for key in late} == {f"the limit of 0.5 s was reached{end}"}
    assert max(times_solved(tmp_path).values()) == 1, "nothing that was done was done again"
    assert re.search(r"10 ok, 2 timeout\.", out)


@pytest.mark.slow
def test_an_interrupt_of_workers_says_how_to_go_on_and_it_goes_on(tmp_path: Path) -> None:
    make_bench(tmp_path, items=6, steps=2, pause=0.1)
    process = start(tmp_path, "--workers", "2")
    wait_until(lambda: len(store_of(tmp_path).finished()) >= 4, process)
    os.killpg(process.pid, signal.SIGINT)
    code, out, err = ended(process)
    assert code == 130, out + err
    assert err == "Interrupted. To continue:\n  recon bench bench.yaml --workers 2\n"
    before = written(store_of(tmp_path))
    code, out, err = ended(start(tmp_path))
    assert (code, err) == (0, "")
    after = written(store_of(tmp_path))
    assert len(after) == 24
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
def test_workers_and_their_command_killed_together(tmp_path: Path) -> None:
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    for place in (folder, whole):
        make_bench(place, items=6, steps=2, pause=0.05, more=TV)
    assert ended(start(whole))[0] == 0
    process = start(folder, "--workers", "2")
    wait_until(lambda: len(store_of(folder).finished()) >= 6, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = written(store_of(folder))
    assert 6 <= len(before) < 36
    assert ended(start(folder, "--workers", "2"))[0] == 0
    after = written(store_of(folder))
    assert {key: after[key] for key in before} == before
    assert results(store_of(folder)) == results(store_of(whole))


@pytest.mark.slow
def test_a_parameter_is_found_once_for_all_workers(tmp_path: Path) -> None:
    tuned = "  - {id: tuned, prior: {name: tv, lam: {tune: [0.01, 1.0]}}, solver: {name: pdhg, stop: {max_iter: 8}}}\n"
    file = make_bench(tmp_path, items=6, steps=1, more=tuned)
    file.write_text(file.read_text().replace("path: data}", "path: data, validation: 2}"))
    code, _, err = ended(start(tmp_path, "--workers", "2"))
    assert (code, err) == (0, "")
    found = list(store_of(tmp_path).tunings())
    assert [(one["operator"], one["parameter"], one["error"]) for one in found] == [
        ("identity", "prior.lam", None),
        ("gaussian_blur", "prior.lam", None),
    ]
    spread = results(store_of(tmp_path))
    code, _, err = ended(start(tmp_path, "--out", "out/alone"))
    assert (code, err) == (0, "")
    assert results(store_of(tmp_path, "alone")) == spread


@pytest.mark.slow
def test_a_scheduler_that_runs_already(tmp_path: Path) -> None:
    from distributed import LocalCluster

    make_bench(tmp_path, items=2, steps=1)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster:
        code, out, err = ended(start(tmp_path, "--cluster", cluster.scheduler_address))
        assert (code, err) == (0, "")
        assert "4 cells: 4 ok." in out
        code, out, err = ended(start(tmp_path, "--out", "again", "--cluster", cluster.scheduler_address))
        assert (code, err) == (0, ""), "the workers serve a second run"
        assert "4 cells: 4 ok." in out
    assert set(times_solved(tmp_path).values()) == {2}
    code, out, err = ended(start(tmp_path, "--cluster", "tcp://127.0.0.1:9"))
    assert code == 2
    assert err.startswith("--cluster tcp://127.0.0.1:9: no scheduler answers there: ")
    assert err.count("\n") == 1


SBATCH = """\
#!/bin/sh
for script; do :; done
cp "$script" "{folder}/job-$$.sh"
{action}
echo "Submitted batch job $$"
"""


def pretend_slurm(folder: Path, action: str) -> str:
    """A PATH on which sbatch keeps the job's script and does something with it, and scancel ends it."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "sbatch").write_text(SBATCH.format(folder=folder, action=action))
    (tools / "scancel").write_text('#!/bin/sh\nkill -TERM -- "-$(cat job.pid)" 2>/dev/null\ntrue\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return f"{tools}{os.pathsep}{os.environ['PATH']}"


SLURM = """\
name: slurm
workers: 2
queue: gpu
cores: 1
processes: 1
memory: 2GB
walltime: '02:00:00'
job_extra_directives: ['--gres=gpu:1']
"""


def test_what_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue", reason="the test needs dask-jobqueue: install recon-imaging[cluster]")
    from recon.config.errors import ConfigError
    from recon.run.cluster import workers

    monkeypatch.setenv("PATH", pretend_slurm(tmp_path, ":"))
    file = tmp_path / "slurm.yaml"
    file.write_text(SLURM)
    with workers(None, str(file)):
        end = time.monotonic() + 20
        while len(list(tmp_path.glob("job-*.sh"))) < 2 and time.monotonic() < end:
            time.sleep(0.02)
    first, second = (path.read_text() for path in tmp_path.glob("job-*.sh"))
    for script in (first, second):
        assert {"#SBATCH -p gpu", "#SBATCH --cpus-per-task=1", "#SBATCH -t 02:00:00", "#SBATCH --gres=gpu:1"} <= set(
            script.splitlines()
        )
        assert "--nanny" in script
    for text, said in (
        ("name: slum\n", r"slurm\.yaml:1:1: a cluster file has a 'name', one of slurm, pbs"),
        ("[1, 2]\n", r"slurm\.yaml:1:1: a cluster file has a 'name'"),
        ("name: slurm\n", r"slurm\.yaml:1:1: SLURMCluster cannot be made: .*cores"),
        ("name: slurm\ncores: 1\nmemory: 1GB\nqueu: gpu\n", r"slurm\.yaml:1:1: SLURMCluster cannot be made: .*queu"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=said), workers(None, str(file)):
            pass


@pytest.mark.slow
def test_a_run_on_slurm(tmp_path: Path) -> None:
    """On a Slurm of one machine that starts its jobs at once."""
    pytest.importorskip("dask_jobqueue", reason="the test needs dask-jobqueue: install recon-imaging[cluster]")
    make_bench(tmp_path, items=2, steps=1)
    (tmp_path / "slurm.yaml").write_text(SLURM.replace("workers: 2", "workers: 1"))
    path = pretend_slurm(tmp_path, "setsid sh job-$$.sh > worker.log 2>&1 & echo $! > job.pid")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PATH", path)
        process = start(tmp_path, "--cluster", "slurm.yaml")
    code, out, err = ended(process)
    assert (code, err) == (0, ""), (tmp_path / "worker.log").read_text()
    assert "4 cells: 4 ok." in out
    assert sum(times_solved(tmp_path).values()) == 4


JOB = """\
recon: 1
input: {name: numpy, path: data}
operator: identity
noise: {name: gaussian, sigma: 0.1}
prior: {name: tv, lam: 0.1}
solver: {name: pdhg, stop: {max_iter: 5}}
output: {path: OUT, formats: [npz], preview: no, convergence: no}
device: cpu
"""


def make_job(folder: Path, items: int) -> None:
    """A folder of small files of which one is broken."""
    (folder / "data").mkdir()
    stream = np.random.default_rng(0)
    for number in range(items):
        np.save(folder / "data" / f"item{number:03d}.npy", stream.random((8, 8)).astype(np.float32))
    (folder / "data" / "item005.npy").write_text("this is no array")
    (folder / "job.yaml").write_text(JOB)


def reconstruct(folder: Path, out: str, *words: str) -> subprocess.Popen[str]:
    """``recon reconstruct job.yaml`` into a folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "recon", "reconstruct", "job.yaml", "--out", out, "--json", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def left(folder: Path) -> dict[str, Any]:
    """The results of a job, but for times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".json":
            record = json.loads(path.read_text().replace(str(folder), ""))
            found[path.name] = {key: value for key, value in record.items() if key not in ("seconds", "finished")}
        else:
            with np.load(path) as arrays:
                found[path.name] = {name: arrays[name].tobytes() for name in arrays.files if name != "meta"}
    return found


@pytest.mark.slow
def test_a_folder_of_files_reconstructed_by_workers(tmp_path: Path) -> None:
    make_job(tmp_path, 200)
    alone = reconstruct(tmp_path, "alone")
    code, out, err = ended(alone)
    assert code == 1
    assert json.loads(out)["failed"] == 1
    spread = reconstruct(tmp_path, "spread", "--workers", "2")
    wait_until(lambda: len(list((tmp_path / "spread").glob("*.json"))) >= 40, spread)
    os.killpg(spread.pid, signal.SIGKILL)
    spread.communicate()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "spread").glob("*.json")}
    assert 40 <= len(before) < 200
    code, out, err = ended(reconstruct(tmp_path, "spread", "--workers", "2"))
    assert code == 1
    said = json.loads(out)
    assert (said["total"], said["done"], said["failed"]) == (200, 199, 1)
    assert [item["id"] for item in said["items"]] == [f"item{number:03d}" for number in range(200)]
    assert "item005" in err
    assert left(tmp_path / "spread") == left(tmp_path / "alone")
    good = {name: changed for name, changed in before.items() if name != "item005.json"}
    assert {name: (tmp_path / "spread" / name).stat().st_mtime_ns for name in good} == good
