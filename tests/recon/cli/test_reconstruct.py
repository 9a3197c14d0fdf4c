"""Whole runs of small jobs: what is written, what is said, and what is not done twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

import recon
from recon.run.job import _Run
from tests.recon.cli.conftest import JOB, Ran

Run = Callable[..., Ran]


def many(folder: Path, count: int = 3) -> None:
    """Several items with a truth each, instead of x.npy."""
    rng = np.random.default_rng(1)
    (folder / "data").mkdir()
    for i in range(count):
        truth = np.zeros((12, 16), dtype=np.float32)
        truth[3:9, 4 : 10 + i] = 1
        noisy = truth + 0.1 * rng.standard_normal(truth.shape).astype(np.float32)
        np.savez(folder / "data" / f"s{i}.npz", data=noisy, truth=truth)
    text = JOB.replace("path: x.npy", "path: data, keys: {data: data, truth: truth}")
    (folder / "job.yaml").write_text(text.replace("lam: 0.1", "lam: 8").replace("max_iter: 3", "max_iter: 40"))


def sidecar(folder: Path, item: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / f"{item}.json").read_text())
    return record


def test_solvers_that_regularise_by_stopping_early_start_from_zero(folder: Path, run: Run) -> None:
    """Half of the way from zero to the data, which are the first guess of the identity."""
    solver = "solver={name: sirt, relaxation: 0.5, stop: {max_iter: 1}}"
    ran = run("reconstruct", "job.yaml", "--set", solver, "--set", "prior=null")
    assert ran.code == 0, ran.err
    np.testing.assert_allclose(np.load("out/x.npz")["image"], np.load("x.npy") / 2, rtol=1e-6)


def test_an_item_leaves_image_sidecar_preview_and_plot(folder: Path, run: Run) -> None:
    many(folder, 1)
    text = (folder / "job.yaml").read_text().replace("[npz], preview: no, convergence: no", "[npz, hdf5, tiff32, png]")
    (folder / "job.yaml").write_text(text)
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 0, ran.err
    assert {path.name for path in (folder / "out").iterdir()} == {
        "s0.npz", "s0.h5", "s0.tiff", "s0.png", "s0.json", "s0.preview.png", "s0.convergence.png",
    }  # fmt: skip
    record = sidecar(folder / "out", "s0")
    assert record["status"] == "done"
    assert record["reason"] == "max_iter"
    assert record["iterations"] == 40
    assert record["kind"] == "point estimate"
    assert record["version"] == recon.__version__
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert record["config"]["prior"]["lam"] == 8.0
    assert record["metrics"]["psnr"] > record["metrics"]["first_guess_psnr"] + 3
    assert {"objective", "relative_gap"} <= set(record["measurements"])
    image = np.load(folder / "out" / "s0.npz")["image"]
    truth = np.load(folder / "data" / "s0.npz")["truth"]
    psnr = 10 * np.log10(1 / np.mean((image - truth) ** 2))
    assert record["metrics"]["psnr"] == pytest.approx(psnr, abs=1e-4)
    with h5py.File(folder / "out" / "s0.h5") as file:
        np.testing.assert_array_equal(file["image"], image)


def test_the_lines_and_the_table(folder: Path, run: Run) -> None:
    many(folder)
    ran = run("reconstruct", "job.yaml")
    lines = ran.out.splitlines()
    assert lines[0].startswith("[1/3] s0  max_iter, 40 iterations, ")
    assert lines[3].split() == ["item", "reason", "iterations", "seconds", "PSNR", "dB", "first", "guess", "dB"]
    psnr = sidecar(folder / "out", "s1")["metrics"]["psnr"]
    assert lines[5].split()[:3] == ["s1", "max_iter", "40"]
    assert lines[5].split()[4] == f"{psnr:.2f}"
    assert lines[-1] == "Results in out"
    assert ran.err == ""


def test_json_is_one_document_and_quiet_is_nothing(folder: Path, run: Run) -> None:
    many(folder)
    ran = run("reconstruct", "job.yaml", "--json")
    report = json.loads(ran.out)
    assert (report["total"], report["done"], report["failed"], report["skipped"]) == (3, 3, 0, 0)
    assert [item["id"] for item in report["items"]] == ["s0", "s1", "s2"]
    assert run("reconstruct", "job.yaml", "--quiet") == Ran(0, "", "")
    report = json.loads(run("reconstruct", "job.yaml", "--json").out)
    assert report["skipped"] == 3
    assert all(item["skipped"] and item["metrics"]["psnr"] for item in report["items"])


def test_json_says_what_is_wrong_with_a_job(run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--json", "--set", "prior.lamm=1")
    assert json.loads(ran.out) == {"error": "--set prior.lamm=1: prior 'tv' takes no 'lamm'; did you mean 'lam'?"}
    assert ran.code == 2


def solved(run: Run, *words: str) -> list[str]:
    """The items that a run did not skip."""
    report = json.loads(run("reconstruct", "job.yaml", "--json", *words).out)
    return [item["id"] for item in report["items"] if not item["skipped"]]


def test_only_what_has_changed_is_done_again(folder: Path, run: Run) -> None:
    many(folder)
    assert solved(run) == ["s0", "s1", "s2"]
    assert solved(run) == []
    assert solved(run, "--set", "batch_size=3", "--set", "device=auto") == [], "where it runs makes no difference"
    assert solved(run, "--set", "prior.lam=7") == ["s0", "s1", "s2"], "another job"
    assert solved(run) == ["s0", "s1", "s2"], "the results of the other job have replaced those of this one"
    with np.load(folder / "data" / "s1.npz") as file:
        np.savez(folder / "data" / "s1.npz", data=file["data"] + 1, truth=file["truth"])
    assert solved(run) == ["s1"], "other data"
    (folder / "out" / "s2.npz").unlink()
    assert solved(run) == ["s2"], "a missing result"
    (folder / "out" / "s0.json").write_text("{")
    assert solved(run) == ["s0"], "a broken sidecar"


def test_an_array_file_that_changes_makes_another_job(folder: Path, run: Run) -> None:
    np.save(folder / "w.npy", np.ones((6, 8)))
    words = ("--set", "prior.weights=w.npy")
    assert solved(run, *words) == ["x"]
    assert solved(run, *words) == []
    np.save(folder / "w.npy", 2 * np.ones((6, 8)))
    assert solved(run, *words) == ["x"]


def test_files_of_formats_no_longer_wanted_go(folder: Path, run: Run) -> None:
    run("reconstruct", "job.yaml", "--set", "output.formats=[npz, tiff32]")
    assert (folder / "out" / "x.tiff").exists()
    run("reconstruct", "job.yaml")
    assert {path.name for path in (folder / "out").iterdir()} == {"x.npz", "x.json"}


def test_one_bad_item_is_recorded_and_the_rest_go_on(folder: Path, run: Run) -> None:
    many(folder)
    bad = np.full((12, 16), np.nan, dtype=np.float32)
    np.savez(folder / "data" / "s1.npz", data=bad, truth=bad)
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 1
    sentence = (
        "data/s1.npz:data holds 192 of 192 values that are NaN or infinite, the first at [0, 0]; "
        "repair or mask them before reconstructing."
    )
    assert f"[2/3] s1  failed: {sentence}" in ran.out
    assert sidecar(folder / "out", "s1")["error"] == sentence
    assert sidecar(folder / "out", "s1")["status"] == "failed"
    assert sidecar(folder / "out", "s2")["status"] == "done"
    assert solved(run) == ["s1"], "a failed item is tried again"


def test_batches_do_not_change_results(folder: Path, run: Run) -> None:
    many(folder, 5)
    run("reconstruct", "job.yaml", "--out", "one")
    run("reconstruct", "job.yaml", "--out", "two", "--set", "batch_size=2")
    for i in range(5):
        one, two = (np.load(folder / out / f"s{i}.npz")["image"] for out in ("one", "two"))
        np.testing.assert_allclose(one, two, atol=1e-6)
        assert sidecar(folder / "one", f"s{i}")["key"] == sidecar(folder / "two", f"s{i}")["key"]


def test_items_of_different_shapes_share_no_batch(folder: Path, run: Run) -> None:
    many(folder)
    np.savez(folder / "data" / "s1.npz", data=np.ones((5, 7), np.float32), truth=np.ones((5, 7), np.float32))
    assert run("reconstruct", "job.yaml", "--quiet", "--set", "batch_size=3").code == 0
    assert sidecar(folder / "out", "s1")["shape"] == [5, 7]


def test_a_batch_that_fails_is_done_one_by_one(folder: Path, run: Run) -> None:
    many(folder)
    (folder / "picky.py").write_text(
        "from recon.operators import Identity\n"
        "class Picky(Identity):\n"
        "    def apply(self, x):\n"
        "        if x.ndim > 2 and len(x) > 1:\n"
        "            raise RuntimeError('DefaultCPUAllocator: not enough memory')\n"
        "        return x\n"
    )
    words = ("--set", "operator=picky.py:Picky", "--set", "batch_size=3")
    assert run("reconstruct", "job.yaml", "--quiet", *words) == Ran(0, "", "")
    assert sidecar(folder / "out", "s2")["status"] == "done"


def test_divergence_is_a_failure_with_the_last_good_image(folder: Path, run: Run) -> None:
    (folder / "wild.py").write_text(
        "from dataclasses import dataclass\n"
        "from typing import NamedTuple\n"
        "from torch import Tensor\n"
        "from recon.solvers import Solver\n"
        "class State(NamedTuple):\n    x: Tensor\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Wild(Solver):\n"
        "    def init(self, problem, initial=None):\n        return State(problem.data)\n"
        "    def step(self, problem, state):\n        return State(state.x * 1e6)\n"
        "    def image(self, state):\n        return state.x\n"
    )
    ran = run("reconstruct", "job.yaml", "--quiet", "--set", "solver=wild.py:Wild")
    assert ran.code == 1
    assert ran.err == "x: The iterates became non-finite or grew without bound; the last good iterate is kept.\n"
    record = sidecar(folder / "out", "x")
    assert (record["status"], record["reason"]) == ("diverged", "diverged")
    assert np.isfinite(np.load(folder / "out" / "x.npz")["image"]).all()


def test_a_traceback_comes_with_debug_only(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: _Run) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(_Run, "go", fail)
    ran = run("reconstruct", "job.yaml")
    assert ran == Ran(1, "", "RuntimeError: a bug (--debug shows where.)\n")
    ran = run("reconstruct", "job.yaml", "--debug")
    assert ran.code == 1
    assert ran.err.startswith("Traceback (most recent call last):")
    assert ran.err.endswith("RuntimeError: a bug (--debug shows where.)\n")


def test_samples_are_written_beside_their_mean(folder: Path, run: Run) -> None:
    text = JOB.replace("{name: tv, lam: 0.1}", "{name: gaussian, mean: 0.5, std: 0.2}")
    text = text.replace("{name: pdhg, stop: {max_iter: 3}}", "{name: dps, steps: 20, zeta: 0.1}")
    (folder / "job.yaml").write_text(text + "samples: 3\nseed: 4\n")
    assert run("reconstruct", "job.yaml", "--quiet") == Ran(0, "", "")
    image, samples, std = (np.load(folder / "out" / f"x{end}.npz")["image"] for end in ("", ".samples", ".std"))
    assert samples.shape == (3, 6, 8)
    np.testing.assert_allclose(image, samples.mean(0), atol=1e-6)
    np.testing.assert_allclose(std, samples.std(0, ddof=1), atol=1e-6)
    record = sidecar(folder / "out", "x")
    assert (record["reason"], record["kind"]) == ("completed", "heuristic")
    np.save(folder / "a.npy", np.zeros((6, 8), np.float32))  # another item, before this one
    run("reconstruct", "job.yaml", "--quiet", "--out", "both", "--set", "input.path=.")
    np.testing.assert_array_equal(np.load(folder / "both" / "x.samples.npz")["image"], samples)


SAMPLING = JOB.replace("{name: tv, lam: 0.1}", "{name: gaussian, mean: 0.5, std: 0.2}").replace(
    "{name: pdhg, stop: {max_iter: 3}}", "{name: dps, steps: 20, zeta: 0.1}"
)


def test_quantiles_and_what_the_sidecar_says_of_samples(folder: Path, run: Run) -> None:
    text = SAMPLING.replace("preview: no", "preview: yes, quantiles: [0.1, 0.5], samples: no")
    np.savez(folder / "x.npz", data=np.load(folder / "x.npy"), truth=np.load(folder / "x.npy"))
    text = text.replace("path: x.npy", "path: x.npz, keys: {data: data, truth: truth}")
    (folder / "job.yaml").write_text(text + "samples: 9\n")
    assert run("reconstruct", "job.yaml", "--quiet") == Ran(0, "", "")
    record = sidecar(folder / "out", "x")
    assert record["files"] == ["x.npz", "x.std.npz", "x.quantiles.npz", "x.preview.png", "x.posterior.png"]
    with np.load(folder / "out" / "x.quantiles.npz") as stored:
        assert stored["image"].shape == (2, 6, 8)
        low, middle = stored["image"]
    assert (low <= middle).all()
    assert low.mean() < np.load(folder / "out" / "x.npz")["image"].mean()
    said = record["samples"]
    assert (said["count"], said["complete"], said["quantiles"]) == (9, 9, [0.1, 0.5])
    assert (said["calls"]["denoise"], said["calls"]["vjp"]) == (20, 20)
    assert said["calls_per_image"]["denoise"] == 20
    assert said["data_consistency"] > 0
    assert 1 < said["diversity"]["participation"] <= 8
    std = np.load(folder / "out" / "x.std.npz")["image"]
    assert record["metrics"]["spread"] == pytest.approx(np.sqrt((std**2).mean()), rel=1e-5)
    assert 0 <= record["metrics"]["coverage"] <= 1


def test_chunks_make_no_difference(folder: Path, run: Run) -> None:
    """Neither to what comes out nor to what counts as done; and nothing of them is left behind."""
    (folder / "job.yaml").write_text(SAMPLING + "samples: 5\n")
    assert run("reconstruct", "job.yaml", "--quiet") == Ran(0, "", "")
    run("reconstruct", "job.yaml", "--quiet", "--out", "parts", "--set", "chunk=2")
    for name in ("x.npz", "x.std.npz", "x.samples.npz"):
        whole, parts = (np.load(folder / out / name)["image"] for out in ("out", "parts"))
        np.testing.assert_array_equal(whole, parts)
    assert sidecar(folder / "parts", "x")["samples"]["calls"]["denoise"] == 60
    assert sorted(path.name for path in (folder / "parts").iterdir()) == sorted(
        path.name for path in (folder / "out").iterdir()
    )
    again = run("reconstruct", "job.yaml", "--set", "chunk=3")
    assert "done before" in again.out


def test_double_precision_and_complex_data(folder: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.random((6, 8)) + 1j * rng.random((6, 8)))
    run("reconstruct", "job.yaml", "--quiet", "--set", "dtype=float64")
    assert sidecar(folder / "out", "x")["dtype"] == "complex128"
    assert np.load(folder / "out" / "x.npz")["image"].dtype == np.complex128


def test_colours_are_reconstructed_alike_and_written_together(folder: Path, run: Run) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    pixels = (rng.random((12, 14, 3)) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "colour.png")
    words = ("--set", "input={name: images, path: colour.png, color: rgb}", "--set", "output.formats=[npz, png]")
    assert run("reconstruct", "job.yaml", "--quiet", *words) == Ran(0, "", "")
    image = np.load(folder / "out" / "colour.npz")["image"]
    assert image.shape == (3, 12, 14)
    np.save(folder / "x.npy", (pixels[..., 1] / 255).astype(np.float32))
    run("reconstruct", "job.yaml", "--quiet")
    np.testing.assert_allclose(np.load(folder / "out" / "x.npz")["image"], image[1], atol=1e-5)
    assert np.asarray(Image.open(folder / "out" / "colour.png")).shape == (12, 14, 3)


def test_a_job_without_a_solver_says_once_which_it_takes_and_why(folder: Path, run: Run) -> None:
    many(folder, 2)
    ran = run("reconstruct", "job.yaml", "--set", "solver=null")
    assert ran.code == 0, ran.err
    why = "ADMM: Identity and the prior's operators are nearly convolutions: easy subproblems."
    assert (ran.out + ran.err).count(f"Solver chosen: {why}") == 1
    record = sidecar(folder / "out", "s0")
    assert record["solver"] == "admm"
    assert record["chosen_because"] == why
    assert record["config"]["solver"]["name"] == "auto"
    assert record["reason"] == "converged"
    assert record["measurements"]["relative_gap"] <= 1e-4


def test_auto_takes_a_closed_form_and_rules_of_the_job(folder: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--set", "solver=auto", "--set", "prior={name: tikhonov, lam: 300}")
    assert ran.code == 0, ran.err
    assert sidecar(folder / "out", "x")["solver"] == "tikhonov_inverse"
    np.testing.assert_allclose(np.load("out/x.npz")["image"], np.load("x.npy") / 4, rtol=1e-6)
    ran = run("reconstruct", "job.yaml", "--set", "solver={name: auto, stop: {max_iter: 4, gap: null}}")
    assert ran.code == 0, ran.err
    record = sidecar(folder / "out", "x")
    assert (record["solver"], record["iterations"], record["reason"]) == ("admm", 4, "max_iter")


def test_a_solver_that_the_job_names_is_not_called_chosen(folder: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 0, ran.err
    assert "Solver chosen" not in ran.out + ran.err
    assert sidecar(folder / "out", "x")["chosen_because"] is None
