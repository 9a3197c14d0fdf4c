"""Weights chosen from the data of the shipped jobs, and how far their images are from the best there are.

Loss in dB of the discrepancy principle, which knows data and σ, against the best λ, found with the truth, 2026-11-21:

    ct_cone_beam 0.00, ct_fan_beam 0.12, ct_few_view 0.01, deblur_tv 0.14, inpaint_tv 0.02, mri_tv 0.80,
    mri_wavelet 0.30
"""

from __future__ import annotations

from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from recon.config.resolve import load_job
from recon.priors import VariationalPrior
from recon.run.build import Surroundings, build
from recon.run.guess import first_guess
from recon.run.prepare import Workshop
from recon.solvers import Gap, MaxIter, Oracle, Problem, Solver, tune

CONFIGS = Path(__file__).parents[2] / "configs" / "reconstruct"
QUICK = MaxIter(400) | Gap(5e-3)
JOBS = ("ct_cone_beam", "ct_fan_beam", "ct_few_view", "deblur_tv", "inpaint_tv", "mri_tv", "mri_wavelet")


def question(name: str) -> tuple[Problem, Solver, Tensor]:
    """The problem of a shipped job with λ = 1, its solver and the truth."""
    place = "prior.0.lam" if name == "deblur_tv" else "prior.lam"
    job = load_job(CONFIGS / f"{name}.yaml", [f"{place}=1"])
    (ref,) = build(job.input, Surroundings()).items()
    case = Workshop(job, torch.float32).case(ref.load())
    problem = Problem(case.operator, case.data, case.noise, case.prior)
    assert case.item.truth is not None
    return problem, build(job.solver, Surroundings()), case.item.truth.reshape(*problem.batch, *problem.shape)


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_discrepancy_is_within_a_decibel_of_the_best(name: str) -> None:
    problem, solver, truth = question(name)
    assert isinstance(problem.prior, VariationalPrior)
    if "gap" in solver.measures:
        solver = replace(solver, stop=QUICK)
    guess = first_guess(problem.operator, problem.data)
    options: dict[str, Any] = {"solver": solver, "which": 0 if name == "deblur_tv" else None}
    options["initial"] = None if guess is None else guess[0]
    best = tune(problem, Oracle(truth=truth), tol=0.3, **options)
    found = tune(problem, "discrepancy", **options)
    errors = [float((tuned.result.image - truth).abs().square().sum()) for tuned in (found, best)]
    assert bool(found.met.all())
    assert 10 * log10(errors[0] / errors[1]) < 1
