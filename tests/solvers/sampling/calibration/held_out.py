"""Held-out problems whose posterior is known, and samplers that are asked to cover their images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators import GaussianNoise, Mask
from recon.priors import GaussianPrior
from recon.solvers import (
    DAPS,
    DDRM,
    DPS,
    MMPS,
    SKROCK,
    ULA,
    ConformalIntervals,
    ConformalRegion,
    CoverageCurve,
    DDNMPlus,
    DiffPIR,
    DPMSolver,
    KarrasSchedule,
    PiGDM,
    PosteriorSamples,
    Problem,
    Sampler,
    SplitGibbs,
    TwistedSMC,
    sample,
)

K = torch.fft.fftfreq(6)
PRIOR = GaussianPrior(0.5, spectrum=0.02 / (0.02 + K[:, None] ** 2 + K**2))
MASK = (torch.rand(6, 6, generator=torch.Generator().manual_seed(0)) < 0.5).double()
LEVELS = KarrasSchedule(0.005, 50.0)
SIGMA, DRAWS, ITEMS = 0.2, 39, 600
"""Of the noise; samples of an image, which tell quantiles from 1/40 on; images in each of two sets."""


class Method(NamedTuple):
    """A sampler, and whether its regions are to cover without calibration."""

    sampler: Sampler
    covers: bool
    particles: int = 1


METHODS = {
    "`MMPS`, 48 steps of `DPMSolver`": Method(
        MMPS(steps=48, integrator=DPMSolver(), noise_schedule=LEVELS, cg_max_iter=40, cg_rtol=1e-5), True
    ),
    "`SplitGibbs(rho=0.06)`, 150 steps": Method(SplitGibbs(steps=150, rho=0.06, rho_start=2.0), True),
    "`ULA(sigma=0.05, step_size=0.1)`, 600 steps": Method(ULA(steps=600, sigma=0.05, step_size=0.1), True),
    "`SKROCK(sigma=0.05, step_size=0.05)`, 200 steps": Method(SKROCK(steps=200, sigma=0.05, step_size=0.05), True),
    "`TwistedSMC`, 39 of 156 particles, 400 steps": Method(
        TwistedSMC(steps=400, particles=156, noise_schedule=LEVELS), True, 156
    ),
    "`PiGDM`, 40 steps": Method(PiGDM(steps=40, noise_schedule=LEVELS), False),
    "`DPS(zeta=0.3)`, 40 steps": Method(DPS(steps=40, zeta=0.3, noise_schedule=LEVELS), False),
    "`DDRM`, 20 steps": Method(DDRM(steps=20, noise_schedule=LEVELS), False),
    "`DDNMPlus`, 40 steps": Method(DDNMPlus(steps=40, noise_schedule=LEVELS), False),
    "`DiffPIR`, 40 steps": Method(DiffPIR(steps=40, noise_schedule=LEVELS), False),
    "`DAPS`, 30 steps": Method(DAPS(steps=30, noise_schedule=KarrasSchedule(0.1, 50.0)), False),
}


def held_out(items: int, seed: int) -> tuple[Problem, Tensor]:
    """Half of the pixels of so many fields of the prior, with noise, and the fields."""
    draw = torch.Generator().manual_seed(seed)
    x, noise = PRIOR.sample(items, draw), GaussianNoise(SIGMA)
    return Problem(Mask(MASK), MASK * noise.sample(MASK * x, draw), noise, PRIOR), x


class Coverage(NamedTuple):
    """Shares of pixels, or of images, in regions of nominal 90 %, as drawn and after calibration on other images."""

    pixels: float
    images: float
    calibrated_pixels: float
    calibrated_images: float


def coverage(method: Method) -> Coverage:
    """Of one set of held-out images; the other one calibrates."""
    (known, x), (new, y) = held_out(ITEMS, 1), held_out(ITEMS, 2)
    found, other = drawn(method, known, 0), drawn(method, new, ITEMS)
    intervals, region = ConformalIntervals.fit(found, x), ConformalRegion.fit(found, x)
    return Coverage(
        CoverageCurve.of(other.level_of(y)).at(0.9),
        CoverageCurve.of(other.level_of_image(y, "ball")).at(0.9),
        1 - float(intervals.risk(other, y).mean()),
        float(region(other).contains(y).double().mean()),
    )


def drawn(method: Method, problem: Problem, first: int) -> PosteriorSamples:
    items = range(first, first + len(problem.data))
    chunk = 6000 if method.particles == 1 else 40 * method.particles
    return sample(method.sampler, problem, DRAWS, chunk=chunk, items=items)
