"""A PET transmission scan: every solver for its likelihood finds the same chest, in units of physics."""

from __future__ import annotations

from math import pi
from pathlib import Path

import pytest
import torch

from recon.files import Hdf5
from recon.operators import BeerLambertNoise, ParallelBeam, RayTransform, Volume
from recon.priors import NonNegative, TotalVariation
from recon.solvers import PDHG, SPS, Gap, MaxIter, Problem, Solver, StochasticPDHG

DATA = Path(__file__).resolve().parents[2] / "data" / "pet"
TISSUE, LUNG = (slice(46, 68), slice(60, 68)), (slice(58, 72), slice(40, 50))
WATER = 0.0096
"""1/mm at 511 keV."""


@pytest.fixture(scope="module")
def scan() -> tuple[RayTransform, torch.Tensor, BeerLambertNoise]:
    keys = {"data": "data", "blank": "blank"}
    item = Hdf5(str(DATA / "transmission.h5"), keys=keys).items()[0].load()
    rays = ParallelBeam([pi * view / 192 for view in range(192)], 160, pitch=3.375)
    A = RayTransform(Volume((128, 128), spacing=4.2), rays)
    return A, item.data, BeerLambertNoise(item.aux["blank"])


@pytest.mark.parametrize(
    "solver",
    [
        SPS(subsets=12, curvature="newton", stop=MaxIter(3)),
        SPS(subsets=12, curvature="precomputed", stop=MaxIter(3)),
        SPS(curvature="newton", stop=MaxIter(20)),
        pytest.param(SPS(stop=MaxIter(60)), marks=pytest.mark.slow),
    ],
    ids=lambda solver: f"{solver.curvature}, {solver.subsets}",
)
def test_likelihood_stopped_early(scan: tuple[RayTransform, torch.Tensor, BeerLambertNoise], solver: Solver) -> None:
    A, counts, noise = scan
    assert int((counts == 0).sum()) == 107
    problem = Problem(A, counts, noise)
    image = solver.solve(problem).image
    assert float(problem.objective(image)) < 0.56 * counts.numel()  # half a deviance per count, as noise leaves
    assert 0.85 * WATER < float(image[TISSUE].mean()) < 1.05 * WATER
    assert 0.2 * WATER < float(image[LUNG].mean()) < 0.55 * WATER


@pytest.mark.slow
def test_total_variation_to_a_proven_gap(scan: tuple[RayTransform, torch.Tensor, BeerLambertNoise]) -> None:
    A, counts, noise = scan
    problem = Problem(A, counts, noise, 150 * TotalVariation() + NonNegative())
    stop = MaxIter(3000) | Gap(1e-3)
    solvers = (PDHG(stop=stop), PDHG(preconditioner="diagonal", stop=stop), StochasticPDHG(subsets=12, stop=stop))
    results = [solver.solve(problem) for solver in solvers]
    for result in results:
        assert float(result.last("relative_gap")) <= 1e-3
        assert float(result.last("objective")) == pytest.approx(16022.5, rel=1e-3)
        assert 0.85 * WATER < float(result.image[TISSUE].mean()) < 1.05 * WATER
        assert 0.2 * WATER < float(result.image[LUNG].mean()) < 0.55 * WATER
