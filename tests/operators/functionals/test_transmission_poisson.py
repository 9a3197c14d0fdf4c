"""The transmission likelihood against closed forms, search in high precision, and solvers that rest on it."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import torch
from scipy.special import lambertw

from recon.operators import CapabilityError, Identity, ParallelBeam, RayTransform, TransmissionPoisson, Volume
from recon.phantoms import disc
from recon.priors import NonNegative, TotalVariation
from recon.solvers import ADMM, PDHG, Gap, MaxIter, Problem

COUNTS = torch.tensor([0.0, 1.0, 30.0, 2e5], dtype=torch.float64)
BLANK = torch.tensor([5.0, 5.0, 100.0, 1e6], dtype=torch.float64)


def test_prox_is_lamberts_function() -> None:
    f = TransmissionPoisson((4,), COUNTS, BLANK)
    for tau in (1e-6, 0.05, 1.0, 7.0):
        for x in (-2.0, 0.0, 0.7, 9.0):
            start = torch.tensor([x], dtype=torch.float64) - tau * COUNTS[:3]
            w = lambertw((tau * BLANK[:3] * torch.exp(-start)).numpy()).real
            wanted = start + torch.from_numpy(np.asarray(w))
            found = f.prox(torch.full((4,), x, dtype=torch.float64), tau)
            torch.testing.assert_close(found[:3], wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("tau", [1e-9, 1e-3, 1.0, 1e3, 1e9])
@pytest.mark.parametrize("x", [-20.0, 0.0, 3.0, 200.0])
def test_prox_satisfies_its_equation_to_rounding(tau: float, x: float) -> None:
    """(z − x)/τ + y = I₀e^{−z}, as nearly as a rounded z and rounded terms allow."""
    f = TransmissionPoisson((4,), COUNTS, BLANK)
    z = f.prox(torch.full((4,), x, dtype=torch.float64), tau)
    residual = z - x + tau * (COUNTS - BLANK * torch.exp(-z))
    size = abs(x) + z.abs() + tau * (COUNTS + BLANK * torch.exp(-z))
    slope = 1 + tau * BLANK * torch.exp(-z)  # of the residual in z: rounding of z itself is multiplied by it
    assert bool((residual.abs() <= 4e-16 * (size + slope * z.abs().clamp_min(1))).all())


def test_prox_in_single_precision_does_not_cancel() -> None:
    f = TransmissionPoisson((4,), COUNTS, BLANK)
    x = torch.linspace(-1, 4, 4, dtype=torch.float64)
    for tau in (1e-4, 1.0, 1e4):
        single = TransmissionPoisson((4,), COUNTS.float(), BLANK).prox(x.float(), tau)
        torch.testing.assert_close(single.double(), f.prox(x.float().double(), tau), rtol=3e-6, atol=3e-6)


def test_value_is_zero_at_the_logarithm_of_the_counts() -> None:
    f = TransmissionPoisson((3,), COUNTS[1:], BLANK[1:])
    z = torch.log(BLANK[1:] / COUNTS[1:])
    assert abs(float(f(z))) < 1e-9
    assert float(f.grad(z).abs().max()) < 1e-9
    assert float(f(z + 0.1)) > 0


def test_values_far_out_stay_finite() -> None:
    f = TransmissionPoisson((1,), torch.tensor([7.0]), 50.0)
    assert float(f(torch.tensor([5000.0]))) == pytest.approx(7 * 5000, rel=1e-2)
    assert float(TransmissionPoisson((1,), torch.tensor([0.0]), 50.0)(torch.tensor([5000.0]))) == 0
    assert float(TransmissionPoisson((1,), torch.tensor([3.0]), 50.0, 5.0)(torch.tensor([5000.0]))) == 0


def test_conjugate_is_the_supremum() -> None:
    z = torch.linspace(-6, 12, 400001, dtype=torch.float64)
    for count, p in ((4.0, 1.5), (4.0, -9.0), (0.0, -2.0), (1.0, 0.99)):
        f = TransmissionPoisson((1,), torch.tensor([count], dtype=torch.float64), 9.0)
        best = float((p * z - f(z[:, None])).max())
        assert float(f.conjugate(torch.tensor([p], dtype=torch.float64))) == pytest.approx(best, abs=1e-6)
        assert float(f.conjugate(torch.tensor([count + 1e-3]))) == float("inf")


def test_level_radius_is_nearly_attained() -> None:
    """Along the steeper side of one bin the bound is within a third."""
    f = TransmissionPoisson((1,), torch.tensor([4.0], dtype=torch.float64), 4.0)
    z = torch.tensor([3.0], dtype=torch.float64)
    radius = float(f.level_radius(f(z)))
    assert 3.0 <= radius < 4.0


def test_a_background_leaves_the_gradient_only() -> None:
    f = TransmissionPoisson((1,), torch.tensor([9.0], dtype=torch.float64), 20.0, 4.0)
    z = torch.tensor([1.0], dtype=torch.float64)
    assert f.capabilities == {"grad"}
    assert f.lipschitz() is None
    left, middle, right = (float(f(z + step)) for step in (1.5, 2.0, 2.5))
    assert middle > (left + right) / 2  # 20 e^−3 < √36 − 4: not convex here
    with pytest.raises(CapabilityError, match="has no proximal map with a background, where it is not convex"):
        f.prox(z, 1.0)
    with pytest.raises(CapabilityError, match="has no convex conjugate with a background"):
        f.conjugate(z)
    problem = Problem(Identity((1,)), torch.tensor([[9.0]], dtype=torch.float64), fidelity=f, prior=NonNegative())
    with pytest.raises(CapabilityError, match="PDHG needs convex terms; TransmissionPoisson is not convex"):
        PDHG().solve(problem)


def test_solvers_agree_and_prove_it() -> None:
    """Counts of a disc, some of them zero: both methods end at one objective, as their certificates say."""
    A = RayTransform(Volume((20, 20)), ParallelBeam([pi * a / 15 for a in range(15)], 24))
    clean = A(disc(7.0, 0.25).rasterise(Volume((20, 20)), dtype=torch.float64))
    data = torch.poisson(30 * torch.exp(-clean), torch.Generator().manual_seed(0))[None]
    assert bool((data == 0).any())
    fidelity = TransmissionPoisson(A.range_shape, data, 30.0)
    problem = Problem(A, data, fidelity=fidelity, prior=6.0 * TotalVariation() + NonNegative())
    results = [
        PDHG(stop=MaxIter(4000) | Gap(1e-4)).solve(problem),
        ADMM(stop=MaxIter(1500) | Gap(1e-4)).solve(problem),
    ]
    for result in results:
        assert float(result.last("relative_gap")) <= 1e-4
    first, second = (float(problem.objective(result.image)) for result in results)
    assert first == pytest.approx(second, rel=2e-4)


@pytest.mark.parametrize(
    ("data", "blank", "background", "sentence"),
    [
        ([-1.0, 2.0], 5.0, 0.0, "TransmissionPoisson expects nonnegative counts, got negative values."),
        (
            [1.0, 2.0],
            torch.tensor([5.0, 0.0]),
            0.0,
            "TransmissionPoisson expects a positive blank, got 0: bins that receive no counts without an object say "
            "nothing; leave them out of the geometry or the data.",
        ),
        ([1.0, 2.0], 5.0, -1.0, "TransmissionPoisson expects a nonnegative background, got -1."),
        ([1.0, 2.0], float("nan"), 0.0, "TransmissionPoisson expects finite numbers in blank, got NaN or infinity."),
        (
            [1.0, 2.0],
            torch.ones(3),
            0.0,
            "TransmissionPoisson expects a blank that broadcasts against one item of (2,), got shape (3,).",
        ),
    ],
)
def test_what_is_refused(data: list[float], blank: float, background: float, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        TransmissionPoisson((2,), torch.tensor(data), blank, background)
    assert str(caught.value) == sentence
