"""Weights that jobs leave to the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recon.config.weights import AUTO
from recon.operators import GaussianNoise, Identity
from recon.priors import NonNegative, TotalVariation
from recon.solvers import PDHG, MaxIter, Problem, tune
from recon.solvers.tuning.tune import CRITERIA
from tests.recon.cli.conftest import JOB, Ran, folder, run

__all__ = ["folder", "run"]
Run = Callable[..., Ran]
SOLVER = PDHG(stop=MaxIter(80))


@pytest.fixture
def steps(folder: Path) -> Path:
    """x.npy: three levels in noise of σ = 0.1."""
    truth = np.zeros((12, 16), dtype=np.float32)
    truth[3:9, 4:10], truth[6:, 12:] = 1, 2
    np.save(folder / "x.npy", truth + 0.1 * np.random.default_rng(1).standard_normal(truth.shape).astype(np.float32))
    (folder / "job.yaml").write_text(JOB.replace("{max_iter: 3}", "{max_iter: 80}"))
    return folder


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "x.json").read_text())
    return found


def test_every_criterion_has_a_word_in_jobs() -> None:
    assert tuple(f"auto-{name}" for name in CRITERIA) == AUTO


@pytest.mark.parametrize("criterion", ["discrepancy", "gcv"])
def test_what_a_job_finds_is_what_tune_finds(criterion: Any, steps: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--set", f"prior.lam=auto-{criterion}", "--set", "dtype=float64")
    assert ran.code == 0, ran.err
    data = torch.from_numpy(np.load("x.npy")).double()
    problem = Problem(Identity((12, 16)), data, GaussianNoise(0.1), TotalVariation())
    found = record(steps)["lam"]
    tuned = tune(problem, criterion, SOLVER, initial=data)
    assert found["lam"] == pytest.approx(float(tuned.lam), rel=1e-3)
    assert found["criterion"] == criterion
    assert found["met"] == bool(tuned.met)
    assert found["evaluations"] == int(tuned.evaluations)
    assert f", lam {found['lam']:.4g} by {criterion} ({found['evaluations']} tried)" in ran.out
    assert record(steps)["config"]["prior"]["lam"] == f"auto-{criterion}"
    image = torch.from_numpy(np.load("out/x.npz")["image"])
    torch.testing.assert_close(image, tuned.result.image, rtol=0, atol=1e-3)


def test_evidence_of_quadratic_priors(steps: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--set", "prior={name: tikhonov, lam: auto-evidence}", "--set", "solver=auto")
    assert ran.code == 0, ran.err
    data = torch.from_numpy(np.load("x.npy")).double()
    wanted = data.numel() / float(data.square().sum() - 0.01 * data.numel())  # x + n ~ N(0, 1/λ + σ²)
    assert record(steps)["lam"]["lam"] == pytest.approx(wanted, rel=0.03)


def test_the_weight_of_one_prior_of_several(steps: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--set", "prior=[nonneg, {name: tv, lam: auto-discrepancy}]")
    assert ran.code == 0, ran.err
    data = torch.from_numpy(np.load("x.npy"))
    problem = Problem(Identity((12, 16)), data, GaussianNoise(0.1), NonNegative() + TotalVariation())
    assert record(steps)["lam"]["lam"] == pytest.approx(float(tune(problem, solver=SOLVER, initial=data).lam), rel=0.02)
    assert float(np.load("out/x.npz")["image"].min()) >= -1e-6


def test_colours_have_a_weight_each(steps: Path, run: Run) -> None:
    from PIL import Image

    data = np.load("x.npy")
    colours = np.stack([data / 4 + 0.2, data / 8 + 0.2, data / 16 + 0.2], -1).clip(0, 1)
    Image.fromarray((255 * colours).astype(np.uint8)).save("x.png")
    sets = ("input={name: images, path: x.png, color: rgb}", "prior.lam=auto-discrepancy", "noise.sigma=0.02")
    ran = run("reconstruct", "job.yaml", *(word for text in sets for word in ("--set", text)))
    assert ran.code == 0, ran.err
    lam = record(steps)["lam"]["lam"]
    assert len(lam) == len(set(lam)) == 3


def test_a_weight_that_is_not_there_is_said(steps: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml", "--set", "prior.lam=auto-discrepancy", "--set", "noise.sigma=50")
    assert ran.code == 0, ran.err
    assert record(steps)["lam"]["met"] is False
    assert "by discrepancy, which it does not meet" in ran.out


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (
            ["noise=null"],
            "prior 'tv' with lam: auto-discrepancy needs the level of the noise, such as noise: {name: gaussian, "
            "sigma: 0.01} or sigma: estimate.",
        ),
        (
            ["noise=null", "fidelity={name: huber, delta: 0.1}"],
            "prior 'tv' with lam: auto-discrepancy needs a noise model, and the job compares by a fidelity; use "
            "auto-l-curve.",
        ),
        (
            ["noise=poisson", "prior.lam=auto-sure"],
            "prior 'tv' with lam: auto-sure needs Gaussian noise, got noise 'poisson'; use auto-discrepancy.",
        ),
        (["prior.lam=auto-evidence"], "Evidence needs the prior Tikhonov alone, got TotalVariation; use SURE or GCV."),
        (
            ["prior={name: tgv, lam: auto-l-curve}"],
            "LCurve needs the cost of the prior, which TGV gives as a minimum only.",
        ),
        (
            ["prior=[{name: tv, lam: auto-gcv}, {name: wavelet, lam: auto-gcv}]"],
            "only one lam can be found; give the other priors a number.",
        ),
    ],
)
def test_what_cannot_be_found_is_refused(sets: list[str], said: str, steps: Path, run: Run) -> None:
    words = ["--set", "prior.lam=auto-discrepancy", *(word for text in sets for word in ("--set", text))]
    ran = run("reconstruct", "job.yaml", "--quiet", *words)
    assert ran.code == 2
    assert ran.err.startswith("--set prior")
    assert ran.err.endswith(f": {said}\n")
