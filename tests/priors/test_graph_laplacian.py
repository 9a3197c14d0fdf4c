"""Sparsity of graph Laplacians: what costs nothing, optima of an independent solver, what a reference gains."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch

from recon.operators import GaussianNoise, Gradient, ParallelBeam, RayTransform, Volume
from recon.phantoms import shepp_logan
from recon.priors import GraphLaplacianPrior, NonNegative, Tikhonov, TotalVariation
from recon.solvers import Gap, MaxIter, Problem, solve

from .optima import blurred, matrix, optimum, reaches, scene


def test_images_constant_where_the_reference_is_cost_nothing() -> None:
    reference = (scene((6, 5)) > 0.9).double() + 2 * (torch.arange(5) > 3)
    prior = GraphLaplacianPrior(3.0, reference)
    assert float(prior.cost(5 - 2 * reference)) < 1e-12
    assert float(prior.cost(torch.arange(30, dtype=torch.float64).reshape(6, 5))) > 1


def test_default_sigma_follows_the_reference() -> None:
    x = scene((6, 5))
    one, other = (GraphLaplacianPrior(reference=factor * scene((6, 5))) for factor in (1.0, 1e-3))
    torch.testing.assert_close(one.cost(x), other.cost(x))


@pytest.mark.parametrize("complex_", [False, True])
@pytest.mark.parametrize("sigma", [1.0, 0.01], ids=["one piece", "pieces"])
def test_reaches_the_optimum_of_an_independent_solver(sigma: float, complex_: bool) -> None:
    shape = (6, 5)
    prior = GraphLaplacianPrior(1.0, scene(shape), sigma=sigma)
    L = matrix(prior.laplacian)
    problem = blurred(shape, prior, complex_)

    def penalty(x: cp.Variable) -> cp.Expression:
        return cp.sum(cp.abs(L @ x))

    reaches(problem, optimum(problem, penalty), tol=9e-7)


def test_volumes() -> None:
    prior = GraphLaplacianPrior(1.0, scene((3, 4, 3)), sigma=0.5, radius=1)
    L = matrix(prior.laplacian)
    problem = blurred((3, 4, 3), prior)
    reaches(problem, optimum(problem, lambda x: cp.norm1(L @ x)), tol=9e-7)


@pytest.mark.slow
def test_few_views_gain_over_the_first_reconstruction() -> None:
    """Shepp-Logan's head from 16 views: 5 dB over Tikhonov's answer, and 3 dB over total variation's."""
    n, sigma = 40, 0.004
    volume = Volume((n, n), 2 / n)
    head = shepp_logan(1.0).rasterise(volume, samples=1, dtype=torch.float64)
    A = RayTransform(volume, ParallelBeam(angles=torch.linspace(0, torch.pi, 17)[:-1], bins=60, pitch=2 / n))
    data = GaussianNoise(sigma).sample(A(head), torch.Generator().manual_seed(0))

    def psnr(image: torch.Tensor) -> float:
        return -10 * float((image - head).square().mean().log10())

    def answer(prior) -> torch.Tensor:  # type: ignore[no-untyped-def]
        return solve(Problem(A, data, GaussianNoise(sigma), prior + NonNegative()), stop=MaxIter(400) | Gap(1e-3)).image

    smooth, rough = answer(Tikhonov(100.0, Gradient((n, n)))), answer(TotalVariation(3.0))
    assert psnr(answer(GraphLaplacianPrior(1.0, smooth, sigma=1e-2))) > psnr(smooth) + 5
    assert psnr(answer(GraphLaplacianPrior(3.0, rough, sigma=2e-3))) > psnr(rough) + 3


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {},
            "GraphLaplacianPrior needs a reference, a first reconstruction (in a job: a file, from-file or "
            "first-guess).",
        ),
        (
            {"reference": torch.ones(3, 4)},
            "GraphLaplacianPrior expects images of its reference's shape (3, 4), got (4, 4).",
        ),
        ({"reference": torch.ones(4, 4), "sigma": -1.0}, "GraphLaplacian expects sigma > 0, got -1.0."),
    ],
)
def test_what_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        GraphLaplacianPrior(**settings).terms((4, 4))  # type: ignore[arg-type]
    assert str(caught.value) == sentence
