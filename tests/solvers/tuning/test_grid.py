"""The residual that a pixel grid leaves, against line integrals that are known exactly."""

from __future__ import annotations

from math import pi

import pytest
import torch

from recon.operators import FanBeam, Geometry, ParallelBeam, RayTransform, Volume
from recon.operators.noise import GaussianNoise
from recon.phantoms import shepp_logan
from recon.priors import TotalVariation
from recon.solvers import PDHG, DiscrepancyPrinciple, Problem
from recon.solvers.tuning.grid import coarse, grid_error
from recon.solvers.tuning.trials import Trials


def test_averages_over_blocks() -> None:
    x = torch.arange(15.0).reshape(3, 5)
    wanted = [[3.0, 3.0, 5.0, 5.0, 6.5], [3.0, 3.0, 5.0, 5.0, 6.5], [10.5, 10.5, 12.5, 12.5, 14.0]]
    assert coarse(x, 2).tolist() == wanted
    assert torch.equal(coarse(x, 1), x.unflatten(0, (3, 1)).squeeze(1)[..., [0, 0, 2, 2, 4]] + 0.5 * torch.tensor(
        [1.0, 1.0, 1.0, 1.0, 0.0]
    ))  # fmt: skip
    assert torch.equal(coarse(torch.ones(2, 4, 3, 5), 3), torch.ones(2, 4, 3, 5))


@pytest.mark.parametrize("pixels", [96, 160])
@pytest.mark.parametrize("fan", [False, True])
def test_the_order_of_the_error_is_right(pixels: int, fan: bool) -> None:
    """Within a factor of two, from averages over pixels alone, of what they lack of the object's own line integrals."""
    head = shepp_logan(radius=0.45 * pixels, value=0.1)
    angles = [2 * pi * view / 30 for view in range(30)]
    scan: Geometry = FanBeam(angles, pixels, 2.5 * pixels, 3.75 * pixels, 1.5) if fan else ParallelBeam(angles, pixels)
    volume = Volume((pixels, pixels))
    A, truth = RayTransform(volume, scan), head.rasterise(volume)[None]
    lines = head.line_integrals(scan, samples=8)[None]
    problem = Problem(A, lines.to(truth), GaussianNoise(0.02), TotalVariation())
    trials, items = Trials(problem, PDHG(), None), torch.tensor([0])
    found, wanted = float(grid_error(trials, items, truth)), float(trials.misfit(items, truth))
    assert 0.5 < found / wanted < 2
    assert DiscrepancyPrinciple().counts_grid(problem)
    assert not DiscrepancyPrinciple(grid=False).counts_grid(problem)
