"""Expectation maximisation against closed forms, its own theory, and scikit-image's Richardson-Lucy."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import torch
from skimage.restoration import richardson_lucy
from torch import Tensor

from recon.operators import Blur, CapabilityError, Gradient, ParallelBeam, PoissonNoise, RayTransform, Volume
from recon.operators.diagonal import Diagonal
from recon.priors import NonNegative, TotalVariation
from recon.solvers import FISTA, MLEM, OSEM, Gap, MaxIter, Problem


def _scan(background: float = 0.0) -> tuple[Problem, Tensor]:
    A = RayTransform(Volume((16, 16)), ParallelBeam([pi * a / 18 for a in range(18)], 24), model="joseph")
    x = torch.ones(2, 16, 16, dtype=torch.float64)
    x[0, 4:10, 3:9], x[1, 8:12, 8:12] = 8.0, 15.0
    noise = PoissonNoise(background=background)
    return Problem(A, noise.sample(A(x), torch.Generator().manual_seed(0)), noise, NonNegative()), x


@pytest.mark.parametrize("background", [0.0, 3.0])
def test_divergence_never_rises_and_the_gap_holds(background: float) -> None:
    problem, _ = _scan(background)
    result = MLEM(stop=MaxIter(200), check_every=1).solve(problem)
    values, gaps = result.history["objective"], result.history["gap"]
    assert bool((values[1:] <= values[:-1] * (1 + 1e-12)).all())
    best = MLEM(stop=MaxIter(2000), check_every=2000).solve(problem)
    assert bool((gaps >= values - best.last("objective") - 1e-9).all())
    assert bool((best.last("relative_gap") < 0.05).all())
    assert bool((result.image >= 0).all())


def test_counts_are_kept_without_background() -> None:
    problem, _ = _scan()
    image = MLEM(stop=MaxIter(3)).solve(problem).image
    torch.testing.assert_close(problem.linear(image).sum((1, 2)), problem.data.sum((1, 2)), rtol=1e-10, atol=0)


def test_a_step_is_the_em_update() -> None:
    """With every event assigned to its pixel by p(pixel | bin) = a x / Σ a x, from the complete data."""
    matrix = torch.rand((7, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    from recon.operators import LinearOperator

    A = LinearOperator.from_functions(lambda v: v @ matrix.T.to(v), lambda w: w @ matrix.to(w), (5,), (7,))
    y, b = torch.arange(1.0, 8.0, dtype=torch.float64), 0.5
    start = torch.linspace(0.5, 2.0, 5, dtype=torch.float64)
    found = MLEM(stop=MaxIter(1)).solve(Problem(A, y, PoissonNoise(background=b)), start).image
    share = matrix * start / (matrix @ start + b)[:, None]
    torch.testing.assert_close(found, (share * y[:, None]).sum(0) / matrix.sum(0), rtol=1e-12, atol=0)


def test_separable_problem_reaches_its_closed_form() -> None:
    w = torch.linspace(0.3, 1.2, 6, dtype=torch.float64)
    y = torch.tensor([[3.0, 0.0, 1.0, 7.0, 2.0, 4.0]], dtype=torch.float64)
    problem = Problem(Diagonal(w), y, PoissonNoise(gain=0.5, background=0.5))
    result = MLEM(stop=MaxIter(20000) | Gap(1e-9)).solve(problem)
    torch.testing.assert_close(result.image, (y - 0.5).clamp(min=0) / w, rtol=1e-3, atol=1e-3)
    fast = FISTA(stop=MaxIter(3000) | Gap(1e-9)).solve(
        Problem(Diagonal(w), y, PoissonNoise(gain=0.5, background=0.5), NonNegative())
    )
    torch.testing.assert_close(result.last("objective"), fast.last("objective"), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("size", [(5, 5), (3, 7)])
def test_reproduces_scikit_image(size: tuple[int, int]) -> None:
    """Theirs convolves with zeros outside and does not divide by Aᵀ1.

    That is expectation maximisation for the full convolution, nothing having been counted outside the frame. (For point
    spread functions of even size their second convolution is not the transpose of their first.)
    """
    rng = np.random.default_rng(0)
    image = rng.random((20, 17))
    psf = rng.random(size)
    psf /= psf.sum()
    theirs = richardson_lucy(image, psf, num_iter=30, clip=False)
    full = tuple(n + k - 1 for n, k in zip(image.shape, size, strict=True))
    A = Blur(torch.from_numpy(psf).flip(0, 1), full, boundary="valid").H
    data = torch.zeros(full, dtype=torch.float64)
    first = [(k - 1) // 2 for k in size]
    data[first[0] : first[0] + 20, first[1] : first[1] + 17] = torch.from_numpy(image)
    start = torch.full(image.shape, 0.5, dtype=torch.float64)
    mine = MLEM(stop=MaxIter(30)).solve(Problem(A, data, PoissonNoise(background=1e-12)), start)
    np.testing.assert_allclose(mine.image.numpy(), theirs, rtol=1e-6, atol=1e-9)


def test_subsets_go_as_far_in_one_pass_as_many_steps() -> None:
    problem, _ = _scan(3.0)
    slow, fast = MLEM(stop=MaxIter(12)).solve(problem), OSEM(stop=MaxIter(3), subsets=6).solve(problem)
    assert bool((fast.last("objective") < slow.last("objective")).all())
    one = OSEM(stop=MaxIter(5), subsets=1).solve(problem)
    torch.testing.assert_close(one.image, MLEM(stop=MaxIter(5)).solve(problem).image, rtol=1e-12, atol=1e-12)


def test_background_per_bin_is_parted_with_the_views() -> None:
    A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 6 for a in range(6)], 12), model="joseph")
    background = torch.linspace(0.5, 4.0, 72, dtype=torch.float64).reshape(6, 12)
    x = 1 + torch.rand((8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = Problem(A, A(x) + background, PoissonNoise(background=background))
    result = OSEM(stop=MaxIter(500), subsets=3).solve(problem)
    assert float(result.last("objective")) < 1e-2


def test_refusals() -> None:
    A, y = Diagonal(torch.ones(4)), torch.ones(4)
    with pytest.raises(CapabilityError, match="MLEM needs Poisson noise, got SquaredL2"):
        MLEM().solve(Problem(A, y))
    with pytest.raises(CapabilityError, match="takes no other prior, got TotalVariation"):
        MLEM().solve(Problem(A, y, PoissonNoise(), TotalVariation()))
    with pytest.raises(CapabilityError, match="columns with a sum below zero"):
        MLEM().solve(Problem(Gradient((4,)), torch.ones(1, 4), PoissonNoise()))
    rays = RayTransform(Volume((8, 8)), ParallelBeam([0.0, 1.0], 13), "shear")
    for solver in (MLEM(), OSEM(subsets=2)):
        with pytest.raises(CapabilityError, match="has with model='joseph', not with model='shear'"):
            solver.solve(Problem(rays, torch.ones(2, 13), PoissonNoise()))
    with pytest.raises(CapabilityError, match="OSEM needs a ray transform, whose views it parts, got Diagonal"):
        OSEM().solve(Problem(A, y, PoissonNoise()))
    with pytest.raises(ValueError, match="number of subsets >= 1, got 0"):
        OSEM(subsets=0)
