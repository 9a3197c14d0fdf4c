"""Jobs that are well written and ask for what cannot be done: one sentence each, and exit code 2, or 1 for the item."""

# ruff: noqa: E501  (every message stands whole, so that searching for one finds it)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.recon.cli.conftest import JOB, Ran

PARTS = """\
import torch
from recon.operators import Functional, LinearOperator
from recon.priors import Term, VariationalPrior


class Understated(LinearOperator):
    def __init__(self, shape: list[int] = (6, 8)):
        super().__init__(shape, shape)

    def apply(self, x):
        return 2 * x

    apply_adjoint = apply

    def known_norm(self):
        return 1.0


class Nothing(LinearOperator):
    capabilities = frozenset()

    def __init__(self, shape: list[int] = (6, 8)):
        super().__init__(shape, shape)

    def apply(self, x):
        return 0 * x

    apply_adjoint = apply


class FourthPowers(Functional):
    def apply(self, x):
        return (x**4).flatten(x.ndim - self.ndim).sum(-1)


class NoProx(VariationalPrior):
    def unit_terms(self, shape):
        return (Term(FourthPowers(shape)),)
"""


def job(**changes: str) -> str:
    """The job that works, with some of its lines exchanged."""
    lines = dict(line.split(": ", 1) for line in JOB.splitlines())
    return "\n".join(f"{key}: {value}" for key, value in {**lines, **changes}.items()) + "\n"


CASES = {
    "a nonconvex prior": (
        job(prior="{name: sparsity, penalty: scad}"),
        "job.yaml:6:9: PDHG needs convex terms; SCAD is not convex: use ProximalGradient, GhadimiLan or IRLS.",
    ),
    "a nonconvex prior and fista": (
        job(prior="{name: sparsity, penalty: l0}", solver="fista"),
        "job.yaml:6:9: FISTA needs convex terms; L0 is not convex: use ProximalGradient, GhadimiLan or IRLS.",
    ),
    "no prox": (
        job(prior="'parts.py:NoProx'", solver="fista"),
        "job.yaml:6:9: FISTA needs the prox or a Lipschitz gradient of every term; FourthPowers has none.",
    ),
    "kinks and gradients": (
        job(solver="lbfgs"),
        "job.yaml:6:9: LBFGS takes differentiable terms and bounds; GroupL1 of TotalVariation has no gradient. Use PDHG, FISTA or IRLS instead.",
    ),
    "kinks and conjugate gradients": (
        job(solver="nlcg"),
        "job.yaml:6:9: NonlinearCG takes differentiable terms; GroupL1 of TotalVariation has no gradient. Use PDHG, FISTA or IRLS instead.",
    ),
    "a prior and none wanted": (
        job(solver="cgls"),
        "job.yaml:6:9: CGLS uses no prior, got TotalVariation; leave it out, or use FISTA or PDHG.",
    ),
    "no denoiser": (
        job(solver="pnp_admm"),
        "job.yaml:6:9: PnPADMM needs a denoiser as prior, for example DenoiserPrior(denoiser), got TotalVariation.",
    ),
    "steps too large": (
        job(solver="{name: pdhg, steps: constant, tau: 2, sigma: 3}"),
        "x: tau = 2 and sigma = 3 are too large: tau·sigma·‖K‖² is 51.48 and must be at most 1, with ‖K‖² = 8.57981; leave them out to have steps found.",
    ),
    "one step of two": (
        job(solver="{name: pdhg, steps: constant, tau: 2}"),
        "job.yaml:6:29: PDHG takes tau and sigma together, with steps='constant' and without preconditioner.",
    ),
    "an understated norm": (
        job(operator="'parts.py:Understated'"),
        "x: Understated declares the norm 1, but ‖Ax‖/‖x‖ reaches 2: steps made from it would be too large; declare the true norm, or none to have it estimated.",
    ),
    "a negative weight": (
        job(prior="{name: tv, lam: -1}"),
        "job.yaml:5:24: TotalVariation expects a positive lam, got -1.0.",
    ),
    "an infinite weight": (
        job(prior="{name: tv, lam: .inf}"),
        "job.yaml:5:24: TotalVariation expects a positive lam, got inf.",
    ),
    "counts below zero": (
        job(input="{name: numpy, path: negative.npy}", noise="poisson"),
        "negative: PoissonKL expects nonnegative data, got negative values.",
    ),
    "counts that are no whole numbers": (
        job(noise="{name: beer_lambert, blank: 10}"),
        "x: BeerLambertNoise expects whole numbers of counts, got 0.636962; divide by the gain, leave out flat field and logarithm, or pass fidelity=TransmissionPoisson(...) for counts that were corrected.",
    ),
    "a blank of another shape": (
        job(input="{name: numpy, path: ones.npy}", noise="{name: beer_lambert, blank: [1, 2, 3]}"),
        "ones: TransmissionPoisson expects a blank that broadcasts against one item of (6, 8), got shape (3,).",
    ),
    "complex data and real images": (
        job(input="{name: numpy, path: complex.npy}", prior="[tv, nonneg]"),
        "job.yaml:6:9: TotalVariation + NonNegative needs real images; those of Identity are complex here.",
    ),
    "complex counts": (
        job(input="{name: numpy, path: complex.npy}", noise="poisson"),
        "complex: PoissonKL expects a real tensor, got complex64; use x.real or x.abs().",
    ),
    "infinity in the data": (
        job(input="{name: numpy, path: infinite.npy}"),
        "infinite: infinite.npy holds 1 of 48 values that are NaN or infinite, the first at [1, 1]; repair or mask them before reconstructing.",
    ),
    "a gap where there is none": (
        job(prior="{name: sparsity, penalty: mcp}", solver="{name: spiral, stop: {gap: 1e-3}}"),
        "x: the rule MaxIter(n=300) | Gap(tol=0.001) needs a duality gap, which only convex problems have; this one is not: stop by RelChange, Residuals or MaxIter.",
    ),
    "a rule that the solver cannot measure": (
        job(solver="{name: mlem, stop: {residuals: 1e-3}}", noise="poisson"),
        "job.yaml:6:29: solver 'mlem' does not measure what 'stop' needs for 'residuals'; it can stop on 'max_iter', 'gap', 'change', 'discrepancy' and 'seconds'.",
    ),
    "discrepancy of counts": (
        job(noise="poisson", solver="{name: pdhg, stop: {discrepancy: 1}}"),
        "x: the discrepancy principle needs Gaussian noise, whose misfit it knows, got PoissonKL.",
    ),
    "subsets of no scan": (
        job(noise="poisson", solver="osem", prior="null"),
        "job.yaml:6:9: OSEM needs a ray transform, whose views it parts, got Identity; use MLEM instead.",
    ),
    "more subsets than views": (
        job(
            noise="poisson",
            solver="{name: osem, subsets: 7}",
            prior="null",
            operator="{name: ray_transform, model: joseph, geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 6}, angle_unit: deg}}",
        ),
        "job.yaml:6:9: OSEM expects no more subsets than views, 6, got 7.",
    ),
    "sheared rays and mlem": (
        job(
            noise="poisson",
            solver="mlem",
            prior="null",
            device="cpu",
            operator="{name: ray_transform, geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 6}, angle_unit: deg}}",
        ),
        "job.yaml:6:9: MLEM needs an operator with entries >= 0, which a ray transform has with model='joseph', not with model='auto' on this device.",
    ),
    "nothing to see": (
        job(operator="'parts.py:Nothing'", noise="poisson", prior="null", solver="mlem"),
        "job.yaml:6:9: MLEM needs an operator that is not zero, got Nothing.",
    ),
}


@pytest.fixture
def files(folder: Path) -> Path:
    """Everything that the jobs name."""
    (folder / "parts.py").write_text(PARTS)
    ones = np.ones((6, 8), dtype=np.float32)
    np.save(folder / "ones.npy", ones)
    np.save(folder / "negative.npy", -ones)
    np.save(folder / "complex.npy", ones + 1j)
    np.save(folder / "infinite.npy", np.where(np.arange(48).reshape(6, 8) == 9, np.inf, ones))
    return folder


@pytest.mark.parametrize("case", CASES)
def test_one_sentence(case: str, files: Path, run: Callable[..., Ran]) -> None:
    text, sentence = CASES[case]
    (files / "job.yaml").write_text(text)
    ran = run("reconstruct", "job.yaml")
    if sentence.startswith("job.yaml"):
        assert ran.code == 2
        assert ran.err.strip() == sentence
    else:
        assert ran.code == 1
        item, _, message = sentence.partition(": ")
        assert f"{item}  failed: {message}" in ran.out
        assert json.loads((files / "out" / f"{item}.json").read_text())["status"] == "failed"
