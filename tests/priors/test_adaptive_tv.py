"""Weights from a first reconstruction: formulas, limits, optima of an independent solver, items of their own."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch

from recon.operators import GaussianNoise, Identity, Mask, ParallelBeam, RayTransform, Volume
from recon.phantoms import shepp_logan
from recon.priors import AdaptiveTV, NonNegative, TotalVariation, VariationalPrior
from recon.solvers import PDHG, Gap, MaxIter, Problem, solve

from .optima import blurred, differences, lengths, optimum, reaches, scene


def test_weights_by_hand() -> None:
    """Differences 3, 4 and 0 on a line, and the slope of 5 where a row's and a column's difference meet."""
    line = torch.tensor([0.0, 3.0, 7.0, 7.0], dtype=torch.float64)
    w = AdaptiveTV(reference=line, eta=4.0).weights((4,))
    torch.testing.assert_close(w, torch.tensor([0.8, 0.5**0.5, 1.0, 1.0], dtype=torch.float64))
    half = AdaptiveTV(reference=line, eta=4.0, p=0.5).weights((4,))
    torch.testing.assert_close(half, w.sqrt())
    image = torch.tensor([[0.0, 4.0], [3.0, 3.0]], dtype=torch.float64)
    corner = AdaptiveTV(reference=image, eta=12.0, spacing=1.0).weights((2, 2))[0, 0]
    assert float(corner) == pytest.approx(12 / 13)
    assert float(AdaptiveTV(reference=image, eta=6.0, spacing=2.0).weights((2, 2))[0, 0]) == pytest.approx(12 / 13)


def test_eta_follows_the_reference() -> None:
    """By default weights do not depend on the unit of the reference, and are 1 where it is flat everywhere."""
    image = scene((6, 5))
    torch.testing.assert_close(
        AdaptiveTV(reference=image).weights((6, 5)), AdaptiveTV(reference=1e-4 * image).weights((6, 5))
    )
    flat = AdaptiveTV(reference=torch.full((6, 5), 3.0)).weights((6, 5))
    assert torch.equal(flat, torch.ones_like(flat))


@pytest.mark.parametrize("settings", [{"p": 1.0}, {"eta": 1e12}])
def test_weights_of_one_are_total_variation(settings: dict[str, float]) -> None:
    x, reference = scene((6, 5), complex_=True), scene((6, 5))
    for options in ({}, {"isotropic": False}, {"axis_weights": (0.3, 1.0)}, {"boundary": "circular"}):
        adaptive = AdaptiveTV(0.7, reference, **settings, **options)
        torch.testing.assert_close(adaptive.cost(x), TotalVariation(0.7, **options).cost(x))


@pytest.mark.parametrize("isotropic", [True, False])
@pytest.mark.parametrize("complex_", [False, True])
def test_reaches_the_optimum_of_an_independent_solver(isotropic: bool, complex_: bool) -> None:
    shape = (6, 5)
    reference = scene(shape, complex_)
    D = differences(shape)
    slope = sum(abs(d @ reference.reshape(-1).numpy()) ** 2 for d in D) ** 0.5
    w = 0.2 / (0.04 + slope**2) ** 0.5

    def penalty(x: cp.Variable) -> cp.Expression:
        size = lengths([d @ x for d in D], complex_) if isotropic else sum(cp.abs(d @ x) for d in D)
        return 5.0 * w @ size

    problem = blurred(shape, AdaptiveTV(5.0, reference, eta=0.2, isotropic=isotropic), complex_)
    reaches(problem, optimum(problem, penalty))


@pytest.mark.parametrize("isotropic", [True, False])
def test_items_have_references_of_their_own(isotropic: bool) -> None:
    """A batch with a reference each gives what each gives alone, in any number of batch dimensions."""
    references = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    prior = AdaptiveTV(2.0, references, per_item=True, isotropic=isotropic)
    problem = Problem(Identity((5, 4)), y, GaussianNoise(0.5), prior)
    found = PDHG(stop=MaxIter(3000) | Gap(1e-8)).solve(problem)
    alone = AdaptiveTV(2.0, references[1, 2], isotropic=isotropic)
    one = PDHG(stop=MaxIter(3000) | Gap(1e-8)).solve(Problem(Identity((5, 4)), y[1, 2], GaussianNoise(0.5), alone))
    torch.testing.assert_close(found.image[1, 2], one.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(prior.cost(y, (5, 4))[1, 2], alone.cost(y[1, 2]))
    torch.testing.assert_close(problem.objective(found.image)[1, 2], one.last("objective"), rtol=1e-6, atol=0)
    torch.testing.assert_close(prior.prox(y, 0.1, shape=(5, 4), tol=1e-9).x[1, 2], alone.prox(y[1, 2], 0.1, tol=1e-9).x)


def test_few_views_gain_from_the_edges_of_a_first_reconstruction() -> None:
    """Shepp-Logan's head from 16 views: weights from total variation's answer gain more than 6 dB over it."""
    n, sigma = 48, 0.002
    volume = Volume((n, n), 2 / n)
    head = shepp_logan(1.0).rasterise(volume, samples=1, dtype=torch.float64)
    A = RayTransform(volume, ParallelBeam(angles=torch.linspace(0, torch.pi, 17)[:-1], bins=70, pitch=2 / n))
    data = GaussianNoise(sigma).sample(A(head), torch.Generator().manual_seed(0))

    def psnr(image: torch.Tensor) -> float:
        return -10 * float((image - head).square().mean().log10())

    def answer(prior: VariationalPrior) -> torch.Tensor:
        problem = Problem(A, data, GaussianNoise(sigma), prior + NonNegative())
        return solve(problem, stop=MaxIter(500) | Gap(1e-3)).image

    tv = {lam: answer(TotalVariation(lam)) for lam in (1.0, 3.0, 10.0)}
    adaptive = answer(AdaptiveTV(30.0, tv[3.0], eta=0.2, spacing=2 / n))
    assert psnr(adaptive) > 6 + max(psnr(image) for image in tv.values())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "AdaptiveTV needs a reference, a first reconstruction (in a job: a file, from-file or first-guess)."),
        ({"reference": torch.ones(4, 4), "eta": 0.0}, "AdaptiveTV expects eta > 0, got 0.0."),
        ({"reference": torch.ones(4, 4), "p": 1.5}, "AdaptiveTV expects 0 <= p <= 1, got 1.5."),
        (
            {"reference": torch.ones(3, 4)},
            "AdaptiveTV expects a reference of the images' shape (4, 4), got (3, 4); say per_item=True for one per "
            "item.",
        ),
    ],
)
def test_what_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        AdaptiveTV(**settings).terms((4, 4))  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_references_for_another_batch_are_refused() -> None:
    prior = AdaptiveTV(reference=torch.rand(3, 4, 4), per_item=True)
    with pytest.raises(ValueError, match=r"references for items \(3,\), but the batch has the shape \(2,\)"):
        Problem(Mask(torch.ones(4, 4)), torch.rand(2, 4, 4), prior=prior)
