"""Total generalised variation: what it gives for nothing, what it costs, and optima of an independent solver."""

from __future__ import annotations

from itertools import combinations

import cvxpy as cp
import numpy as np
import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, GaussianNoise, Identity
from recon.priors import TGV, NonNegative, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, Problem, solve

from .optima import Penalty, blurred, difference, lengths, masked, optimum, reaches


def penalty(
    shape: tuple[int, ...],
    lam: float,
    ratio: float,
    spacing: tuple[float, ...] | None = None,
    axes: tuple[int, ...] | None = None,
    complex_: bool = False,
) -> Penalty:
    """λ(Σ|Dx − w| + r h Σ|Ew|), written entry by entry."""
    axes = tuple(range(len(shape))) if axes is None else axes
    h = (1.0,) * len(axes) if spacing is None else spacing
    n = int(np.prod(shape))
    index = np.indices(shape).reshape(len(shape), -1)
    inside = [index[a] < shape[a] - 1 for a in axes]
    D = [difference(shape, a, s) for a, s in zip(axes, h, strict=True)]

    def cost(z: cp.Variable) -> cp.Expression:
        x, w = z[:n], [z[n * (1 + k) : n * (2 + k)] for k in range(len(axes))]
        slope = [D[k] @ x - w[k] for k in range(len(axes))]
        strain = []
        for k, a in enumerate(axes):
            strain.append(np.diag((index[a] < shape[a] - 2).astype(float)) @ D[k] @ w[k])
        for k, m in combinations(range(len(axes)), 2):
            both = np.diag((inside[k] & inside[m]).astype(float))
            strain.append(both @ (D[m] @ w[k] + D[k] @ w[m]) / np.sqrt(2))
        return lam * (cp.sum(lengths(slope, complex_)) + ratio * min(h) * cp.sum(lengths(strain, complex_)))

    return cost


def ramp(shape: tuple[int, ...], slopes: tuple[float, ...]) -> Tensor:
    grid = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in shape), indexing="ij")
    return 1.5 + torch.stack([s * g for s, g in zip(slopes, grid, strict=True)]).sum(0)


@pytest.mark.parametrize(
    ("shape", "slopes", "factor"),
    [((9,), (0.3,), 1 - 2j), ((6, 7), (0.3, -0.1), 1), ((4, 5, 3), (0.2, -0.4, 0.1), 1)],
    ids=str,
)
def test_affine_images_cost_nothing(shape: tuple[int, ...], slopes: tuple[float, ...], factor: complex) -> None:
    """Data without curvature are their own reconstruction, however large λ is."""
    y = factor * ramp(shape, slopes)
    problem = Problem(Identity(shape), y, GaussianNoise(0.1), TGV(30.0, spacing=0.5))
    result = PDHG(stop=MaxIter(800), check_every=100).solve(problem)
    torch.testing.assert_close(result.image, y, atol=1e-4, rtol=0)
    assert float(result.last("objective")) < 1e-2 < 0.01 * float(TotalVariation(30.0, spacing=0.5).cost(y))


def test_least_value_of_a_step_on_a_ramp() -> None:
    """A jump costs as much as in total variation, whatever slope it stands on; total variation also counts the slope.

    For a jump of height 1 in the middle of a line, fields w are best that are the slope next to the jump, too.
    """
    line = 0.1 * torch.arange(20, dtype=torch.float64)
    line[10:] += 1.0
    problem = Problem(Identity((20,)), line, GaussianNoise(1e-4), TGV())
    assert float(solve(problem, stop=MaxIter(20000) | Gap(1e-5)).last("objective")) == pytest.approx(1.0, rel=1e-4)
    assert float(TotalVariation().cost(line)) == pytest.approx(1.0 + 1.9)


CASES = {
    "line": ((14,), {}, False),
    "image": ((7, 6), {}, False),
    "complex": ((6, 5), {}, True),
    "other pixels": ((6, 5), {"ratio": 1.2, "spacing": (2.0, 0.5)}, False),
    "one axis": ((3, 8), {"axes": (-1,)}, False),
    "volume": ((3, 4, 4), {"spacing": (2.0, 1.0, 1.0)}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_reaches_the_optimum_of_an_independent_solver(name: str) -> None:
    shape, settings, complex_ = CASES[name]
    prior = TGV(4.0, **settings)
    axes = tuple(a % len(shape) for a in settings.get("axes", range(len(shape))))
    problem = blurred(shape, prior, complex_)
    cost = penalty(shape, 4.0, settings.get("ratio", 2.0), settings.get("spacing"), axes, complex_)
    reaches(problem, optimum(problem, cost, extra=len(axes)))


def test_with_pixels_missing_and_bounds() -> None:
    problem = masked((7, 6), TGV(4.0) + NonNegative())
    reaches(problem, optimum(problem, penalty((7, 6), 4.0, 2.0), extra=2, nonnegative=True))


def test_spacing_only_sets_the_unit() -> None:
    """Differences per unit of length: with pixels of size h, R is R of unit pixels over h."""
    y = blurred((6, 5), TGV()).data
    found = [
        solve(Problem(Identity((6, 5)), y, GaussianNoise(0.2), prior), stop=MaxIter(5000) | Gap(1e-6))
        for prior in (TGV(2.0), TGV(1.0, spacing=0.5))
    ]
    torch.testing.assert_close(found[0].image, found[1].image, atol=1e-3, rtol=0)
    torch.testing.assert_close(found[0].last("objective"), found[1].last("objective"), rtol=1e-6, atol=0)


def test_a_shaded_image_has_no_stairs() -> None:
    """On a slope with a step and noise, total variation errs a third more at the best λ of each."""
    clean = ramp((24, 24), (0.03, 0.02)) + (ramp((24, 24), (1.0, 0.0)) > 13.5).double()
    y = clean + 0.1 * torch.randn(24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    best = {}
    for prior in (TGV, TotalVariation):
        errors = []
        for lam in (3.0, 6.0, 12.0):
            problem = Problem(Identity((24, 24)), y, GaussianNoise(0.1), prior(lam))
            image = solve(problem, stop=MaxIter(300) | Gap(1e-3)).image
            errors.append(float((image - clean).norm() / clean.norm()))
        best[prior] = min(errors)
    assert 1.33 * best[TGV] < best[TotalVariation]


@pytest.mark.parametrize(
    ("settings", "shape", "sentence"),
    [
        ({"ratio": 0.0}, None, "TGV expects ratio > 0, got 0.0."),
        ({"spacing": -1.0}, None, "TGV expects positive numbers for spacing, got -1.0."),
        ({}, (2, 2), r"TGV needs at least 3 pixels along one of the axes (0, 1), got images of shape (2, 2)."),
        ({"spacing": (1.0, 2.0)}, (4,), "TGV expects one entry of spacing for each of 1 axes, got 2."),
    ],
)
def test_what_is_refused(settings: dict[str, object], shape: tuple[int, ...] | None, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        TGV(**settings).terms(shape or (4, 4))  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_cost_and_prox_say_what_to_do_instead() -> None:
    for call in (TGV().cost, TGV().prox):
        with pytest.raises(CapabilityError, match=r"TGV is a minimum over further fields .* PDHG minimise over both"):
            call(torch.zeros(4, 4))
