"""Posterior sampling asked for what cannot be: one sentence each, with its place in the job where it has one."""

# ruff: noqa: E501  (every message stands whole, so that searching for one finds it)

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from recon.cli.guard import _plain_warnings
from tests.recon.cli.conftest import Ran

JOB = """\
recon: 1
input: {name: numpy, path: x.npy}
operator: identity
noise: {name: gaussian, sigma: 0.02}
prior: gaussian_prior
solver: {name: mmps, steps: 4}
output: {path: out, formats: [npz], preview: no, convergence: no}
device: cpu
"""
PARTS = """\
import numpy as np
from recon.priors import GaussianPrior


class Ranged(GaussianPrior):
    def __init__(self, low: float = 0.0, high: float = 1.0, mean: float = 0.4):
        super().__init__(mean, std=0.3)
        self.value_range = (low, high)


def simulate(image):
    return np.hypot(image, 1.0)
"""


@pytest.fixture(autouse=True)
def sampling(folder: Path) -> None:
    (folder / "job.yaml").write_text(JOB)
    (folder / "parts.py").write_text(PARTS)


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ("solver.steps=1", 2, "--set solver.steps=1: MMPS expects steps >= 2, got 1."),
        ("solver.steps=2.5", 2, "--set solver.steps=2.5: solver 'mmps' expects a whole number for 'steps', got 2.5."),
        ("solver.seed=x", 2, "--set solver.seed=x: solver 'mmps' expects a whole number for 'seed', got 'x'."),
        (
            "solver.noise_schedule=cosine",
            2,
            "there is no noise schedule 'cosine'; known are 'karras_schedule', 'karras', 'vp_schedule' and 'vp'",
        ),
        ("noise.sigma=0", 2, "--set noise.sigma=0: GaussianNoise expects sigma > 0, got 0.0."),
        (
            "noise={name: correlated, spectrum: [1, 2, 3], sigma: 0.1}",
            2,
            "CorrelatedNoise expects a spectrum that is nonnegative and even, S(k) = S(-k).",
        ),
        (
            "noise={name: correlated, covariance: [[1, 0], [0, 1]]}",
            1,
            "CorrelatedNoise has a covariance for data of shape (2,), got data of shape (6, 8).",
        ),
        ("noise={name: structured, prior: gaussian_prior, sigma: 0}", 2, "StructuredNoise expects sigma > 0, got 0.0."),
        (
            "noise={name: laplace, sigma: 0.1}",
            2,
            "job.yaml:6:9: MMPS is made for noise with a covariance (GaussianNoise, CorrelatedNoise, PoissonNoise or BeerLambertNoise), got LaplaceNoise.",
        ),
        ("prior=tv", 2, "MMPS needs a diffusion prior such as VPDiffusion or GaussianPrior, got TotalVariation."),
        (
            "solver={name: joint_dps, steps: 4}",
            2,
            "JointDPS is made for StructuredNoise, whose prior it steps in; use DPS.",
        ),
        (
            "solver={name: enkg, guided: [0.5, 0.5]}",
            2,
            "EnKG expects guided = (first, last) with 0 <= first < last <= 1, got (0.5, 0.5).",
        ),
        (
            "operator={name: black_box, function: parts.py:simulate, domain_shape: [6, 8], range_shape: [6, 8]}",
            2,
            "MMPS needs the derivative of the operator, and BlackBox is known by its values only; use EnKG.",
        ),
        (
            "prior={name: parts.py:Ranged, low: 0.9}",
            1,
            "no image with values in [0.9, 1], which Ranged is for, explains the data of item 0 to within the noise: scale the data, give the prior the value_range of the images, or check operator and sigma.",
        ),
    ],
)
def test_one_sentence(run: Callable[..., Ran], change: str, code: int, sentence: str) -> None:
    ran = run("reconstruct", "job.yaml", "--set", change)
    assert ran.code in (1, 2)
    assert sentence in (ran.out + ran.err).replace("\n", " ")
    assert ran.code == code


def test_values_in_the_other_half_are_warned_of(run: Callable[..., Ran], folder: Path) -> None:
    np.save(folder / "x.npy", np.random.default_rng(0).random((6, 8)).astype(np.float32) * 0.9 + 0.05)
    sentence = (
        r"Ranged is for images with values in \[-1, 1\], around -0.6 on the average, and images in \[0, 1\] explain"
    )
    with pytest.warns(UserWarning, match=sentence):
        ran = run("reconstruct", "job.yaml", "--set", "prior={name: parts.py:Ranged, low: -1.0, mean: -0.6}")
    assert ran.code == 0


def test_warnings_are_a_sentence_without_a_line_of_code() -> None:
    with _plain_warnings():
        assert warnings.formatwarning("Too bright.", UserWarning, "parts.py", 7) == "Warning: Too bright.\n"
    assert "parts.py:7" in warnings.formatwarning("Too bright.", UserWarning, "parts.py", 7)


def test_black_boxes_and_structured_noise_run(run: Callable[..., Ran]) -> None:
    box = "operator={name: black_box, function: parts.py:simulate, domain_shape: [6, 8], range_shape: [6, 8]}"
    assert (
        run("reconstruct", "job.yaml", "--set", box, "--set", "solver={name: enkg, steps: 8, particles: 8}").code == 0
    )
    noise = "noise={name: structured, prior: {name: gaussian_prior, std: 0.1}, sigma: 0.05}"
    assert run("reconstruct", "job.yaml", "--set", noise, "--set", "output.path=other").code == 0
