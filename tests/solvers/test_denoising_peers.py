"""Total-variation denoising: scikit-image's answer is never better than ours, in either objective's own terms."""

from __future__ import annotations

import pytest
import torch
from skimage.restoration import denoise_tv_chambolle

from recon.operators import GaussianNoise, Identity
from recon.priors import TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, Problem


@pytest.mark.parametrize("weight", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("eps", [2e-4, 1e-8])
def test_objective_is_never_above_that_of_denoise_tv_chambolle(weight: float, eps: float) -> None:
    x = torch.zeros(24, 20, dtype=torch.float64)
    x[5:16, 4:14] = 1.0
    y = x + 0.1 * torch.randn(24, 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = Problem(Identity((24, 20)), y, GaussianNoise(1.0), TotalVariation(weight))
    mine = PDHG(stop=MaxIter(5000) | Gap(1e-9)).solve(problem)
    theirs = torch.from_numpy(denoise_tv_chambolle(y.numpy(), weight=weight, eps=eps, max_num_iter=2000))
    lower = float(mine.last("objective") - mine.last("gap"))
    assert float(mine.last("objective")) <= float(problem.objective(theirs)) * (1 + 1e-8)
    assert lower <= float(problem.objective(theirs))
    assert float(mine.last("relative_gap")) < 1e-6
    if eps < 1e-6:
        assert float(problem.objective(theirs)) == pytest.approx(float(mine.last("objective")), rel=1e-3)


@pytest.mark.parametrize("weight", [0.05, 0.3])
@pytest.mark.parametrize("shape", [(7, 8, 9), (40,)], ids=["volume", "line"])
def test_volumes_and_lines(shape: tuple[int, ...], weight: float) -> None:
    x = torch.zeros(shape, dtype=torch.float64)
    x[tuple(slice(n // 4, 3 * n // 4) for n in shape)] = 1.0
    y = x + 0.2 * torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    problem = Problem(Identity(shape), y, GaussianNoise(1.0), TotalVariation(weight))
    mine = PDHG(stop=MaxIter(5000) | Gap(1e-8)).solve(problem)
    theirs = torch.from_numpy(denoise_tv_chambolle(y.numpy(), weight=weight, eps=1e-8, max_num_iter=2000))
    assert float(mine.last("objective")) <= float(problem.objective(theirs)) * (1 + 1e-8)
    assert float(problem.objective(theirs)) == pytest.approx(float(mine.last("objective")), rel=3e-3)


def test_colours_are_denoised_one_by_one() -> None:
    """Theirs treats channels apart, as a batch does; ours with a weight of its own for each is never worse, either."""
    x = torch.zeros(3, 16, 18, dtype=torch.float64)
    x[0, 4:12], x[1, :, 5:11], x[2, 6:, 6:] = 1.0, 0.5, 0.8
    y = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    weights = torch.tensor([0.03, 0.1, 0.4], dtype=torch.float64)
    problem = Problem(Identity((16, 18)), y, GaussianNoise(1.0), TotalVariation(weights))
    mine = PDHG(stop=MaxIter(5000) | Gap(1e-8)).solve(problem)
    for k, weight in enumerate(weights.tolist()):
        theirs = denoise_tv_chambolle(y.numpy(), weight=weight, eps=1e-8, max_num_iter=2000, channel_axis=0)
        cost = problem.objective(torch.from_numpy(theirs))[k]
        assert float(mine.last("objective")[k]) <= float(cost) * (1 + 1e-8)
        assert float(cost) == pytest.approx(float(mine.last("objective")[k]), rel=1e-3)
