"""Penalties on the number or size of entries, against enumeration and exact search in each of their pieces."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
import torch
from torch import Tensor

from recon.operators import L0, L1, MCP, SCAD, Functional, GroupL1, KSparse

POINTS = torch.tensor([-4.1, -1.3, -0.2, 0.0, 0.37, 0.9, 1.0, 1.61, 2.7, 3.3, 8.0], dtype=torch.float64)
STEPS = (1e-3, 0.2, 0.79, 1.5, 2.0, 3.1, 5.0, 40.0)


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def best_of_pieces(f: Functional, x: float, tau: float, kinks: list[float]) -> tuple[float, float]:
    """The minimiser of f(z) + (z − x)²/2τ, a parabola between kinks, from three values in each piece."""

    def value(z: float) -> float:
        return float(f(torch.tensor([z], dtype=torch.float64))) + (z - x) ** 2 / (2 * tau)

    ends = [-100.0, *sorted({0.0, *kinks, *(-k for k in kinks)}), 100.0]
    candidates = list(ends)
    for low, high in pairwise(ends):
        middle, h = (low + high) / 2, (high - low) / 4
        left, centre, right = value(middle - h), value(middle), value(middle + h)
        bend = left - 2 * centre + right
        if bend > 0:
            candidates.append(min(max(middle + h * (left - right) / (2 * bend), low), high))
    return min((value(z), z) for z in candidates)


@pytest.mark.parametrize(
    ("f", "kinks"),
    [
        (SCAD((1,), 0.8, 3.2), [0.8, 2.56]),
        (SCAD((1,), 0.8, 1.2, weights=1.7), [0.8, 0.96]),
        (MCP((1,), 2.0), [2.0]),
        (MCP((1,), 1.4, weights=0.6), [1.4]),
    ],
    ids=["SCAD", "steep SCAD", "MCP", "weighted MCP"],
)
def test_folded_concave_proximal_maps_are_global_minimisers(f: Functional, kinks: list[float]) -> None:
    for tau in STEPS:
        for x in POINTS.tolist():
            best, place = best_of_pieces(f, x, tau, kinks)
            found = float(f.prox(torch.tensor([x], dtype=torch.float64), tau))
            value = float(f(torch.tensor([found], dtype=torch.float64))) + (found - x) ** 2 / (2 * tau)
            assert value <= best + 1e-9 * (1 + best)
            near = best_of_pieces(f, x + 1e-6, tau, kinks)[1], best_of_pieces(f, x - 1e-6, tau, kinks)[1]
            if abs(near[0] - near[1]) < 1e-3:  # not where the map jumps
                assert found == pytest.approx(place, abs=1e-8)


def test_folded_concave_penalties_are_those_of_their_papers() -> None:
    """p'(t)/λ of SCAD is 1 up to λ and (aλ − t)₊/(a − 1)λ beyond; that of MCP is (1 − t/γλ)₊."""
    t = torch.linspace(0.01, 6, 600, dtype=torch.float64)
    lam, a, gamma = 0.9, 3.7, 2.5
    t.requires_grad_()
    for f, slope in (
        (lam * SCAD((600,), lam, a), lam * torch.where(t <= lam, 1, (a * lam - t).clamp(min=0) / ((a - 1) * lam))),
        (lam * MCP((600,), gamma * lam), lam * (1 - t / (gamma * lam)).clamp(min=0)),
    ):
        (found,) = torch.autograd.grad(f(t), t)
        torch.testing.assert_close(found, slope.detach())


def test_the_prox_is_continuous_just_where_it_says() -> None:
    f = SCAD((1,), 0.8, 3.2)
    x = torch.linspace(0, 8, 400001, dtype=torch.float64)[:, None]
    assert float(f.prox(x, 1.75).diff(dim=0).max()) < 1e-2  # t < s − k = 1.76
    assert float(f.prox(x, 1.9).diff(dim=0).max()) > 0.1


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("groups", [False, True])
def test_l0_and_k_sparse_find_the_best_of_all_supports(dtype: torch.dtype, groups: bool) -> None:
    shape, free = ((2, 3), 3) if groups else ((2, 2), 4)
    for seed in range(6):
        x = random(*shape, dtype=dtype, seed=seed)
        weights = torch.linspace(0.2, 1.5, free, dtype=torch.float64).reshape(shape[1:] if groups else shape)
        energy = x.abs().square().sum(0) if groups else x.abs().square()
        flat, cost = energy.flatten(), weights.flatten()
        tau = 0.6
        supports = [list(chosen) for k in range(free + 1) for chosen in combinations(range(free), k)]
        dropped = [float(flat.sum() - flat[s].sum()) / (2 * tau) for s in supports]
        best = min(d + float(cost[s].sum()) for d, s in zip(dropped, supports, strict=True))
        f = L0(shape, weights, groups)
        p = f.prox(x, tau)
        assert float(f(p)) + float((p - x).abs().square().sum()) / (2 * tau) == pytest.approx(best, abs=1e-12)
        for k in (1, 2):
            best = min(d for d, s in zip(dropped, supports, strict=True) if len(s) <= k)
            p = KSparse(shape, k, groups).prox(x, tau)
            assert float(KSparse(shape, k, groups)(p)) == 0
            assert float((p - x).abs().square().sum()) / (2 * tau) == pytest.approx(best, abs=1e-12)
        assert float(KSparse(shape, 1, groups)(x)) == float("inf")


def test_steps_per_element_weigh_entries() -> None:
    x, tau = torch.tensor([1.0, 1.5]), torch.tensor([0.2, 2.0])
    torch.testing.assert_close(KSparse((2,), 1).prox(x, tau), torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(L0((2,)).prox(x, tau), torch.tensor([1.0, 0.0]))


def test_equal_entries_leave_exactly_k() -> None:
    assert int((KSparse((3, 4), 5).prox(torch.ones(2, 3, 4), 1.0) != 0).sum()) == 10


@pytest.mark.parametrize("make", [lambda n: SCAD(n, 0.4), lambda n: MCP(n, 0.9), L0, lambda n: KSparse(n, 7)])
def test_complex_numbers_keep_their_phase(make: object) -> None:
    f = make((12,))  # type: ignore[operator]
    x = random(12, dtype=torch.complex128)
    torch.testing.assert_close(f.prox(x, 0.5), torch.polar(f.prox(x.abs(), 0.5), x.angle()))
    torch.testing.assert_close(f(x), f(x.abs()))


@pytest.mark.parametrize(
    ("f", "one"),
    [(SCAD((3, 4), 0.4, groups=True), SCAD((4,), 0.4)), (MCP((3, 4), 1.1, groups=True), MCP((4,), 1.1))],
)
def test_groups_act_by_their_norms(f: Functional, one: Functional) -> None:
    x = random(3, 4)
    size = x.norm(dim=0)
    torch.testing.assert_close(f(x), one(size))
    torch.testing.assert_close(f.prox(x, 0.7), x * one.prox(size, 0.7) / size)
    smooth, convex = f.smooth_split()
    assert isinstance(convex, GroupL1)
    torch.testing.assert_close(smooth(x) + convex(x), f(x))
    with pytest.raises(ValueError, match="one step per group only"):
        f.prox(x, torch.ones(3, 4, dtype=torch.float64) + x.abs())


def test_split_and_majorant_hold_the_constants_they_promise() -> None:
    f = MCP((5,), 0.9, torch.tensor([0.5, 0.0, 2.0, 1.0, 1.0], dtype=torch.float64))
    smooth, convex = f.smooth_split()
    assert isinstance(convex, L1)
    assert smooth.lipschitz() == pytest.approx(2.0 / 0.9)
    x = torch.tensor([0.0, 0.1, 0.45, 0.9, 5.0], dtype=torch.float64)
    weights, centre = f.majorant(x)
    assert weights.tolist() == pytest.approx([float("inf"), 0.0, 2.0 * 0.5 / 0.45, 0.0, 0.0])
    assert not bool(centre.any())
    assert bool(torch.isfinite(f.majorant(x, 0.1)[0]).all())


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: SCAD((3,), a=1.0), "SCAD expects a knee > 0 and a > 1, got 1.0 and 1.0."),
        (lambda: MCP((3,), 0.0), "MCP expects a saturation > 0, got 0.0."),
        (lambda: L0((3,), -1.0), "L0 expects nonnegative weights."),
        (lambda: L0((3,), groups=True), "L0 with groups expects items (components, *shape), got shape (3,)."),
        (lambda: KSparse((2, 3), 4, groups=True), "KSparse expects k from 1 to 3 for items of shape (2, 3), got 4."),
    ],
)
def test_what_is_refused(call: object, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == sentence
