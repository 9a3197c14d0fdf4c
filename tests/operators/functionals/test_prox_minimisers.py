"""Proximal maps against minimisers found with 30 digits, entry by entry, from formulas written anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from recon.operators import (
    L1,
    BesselPotential,
    BoxIndicator,
    Diagonal,
    Entropy,
    Functional,
    Gradient,
    Huber,
    L2Ball,
    MetricL2,
    PoissonKL,
    SimplexIndicator,
    SquaredL2,
    StudentT,
    SupportIndicator,
    TransmissionPoisson,
)

Phi = Callable[[mp.mpf], mp.mpf]

INF = mp.inf


def one(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def huber(t: mp.mpf, delta: float) -> mp.mpf:
    return t * t / 2 if abs(t) <= delta else delta * (abs(t) - mp.mpf(delta) / 2)


CASES: dict[str, tuple[Functional, Phi]] = {
    "L1": (L1((1,), 0.7), lambda z: mp.mpf(0.7) * abs(z)),
    "L1 with data": (L1((1,), 0.7, one(1.5)), lambda z: mp.mpf(0.7) * abs(z - 1.5)),
    "SquaredL2": (SquaredL2((1,), one(1.5), 2.0), lambda z: (z - 1.5) ** 2),
    "SquaredL2 of weight 0": (SquaredL2((2,), one(1.5, 1.0), one(0.0, 1.0)), lambda z: mp.mpf(0)),
    "Box": (BoxIndicator((1,), -0.5, 2.0), lambda z: INF if z < -0.5 or z > 2 else mp.mpf(0)),
    "Huber": (Huber((1,), 0.4, one(0.3), 1.5), lambda z: mp.mpf(1.5) * huber(z - mp.mpf(0.3), 0.4)),
    "PoissonKL": (
        PoissonKL((1,), one(2.0), 0.5, 0.25),
        lambda z: INF if z <= -0.25 else 2 * (z + 0.25 - 2 * mp.log(z + 0.25)),
    ),
    "PoissonKL without counts": (
        PoissonKL((1,), one(0.0), 0.5, 0.25),
        lambda z: INF if z < -0.25 else 2 * (z + 0.25),
    ),
    "TransmissionPoisson": (TransmissionPoisson((1,), one(3.0), 7.0), lambda z: 7 * mp.exp(-z) + 3 * z),
    "TransmissionPoisson without counts": (TransmissionPoisson((1,), one(0.0), 7.0), lambda z: 7 * mp.exp(-z)),
    "Entropy": (
        Entropy((1,), 0.8),
        lambda z: INF if z < 0 else (z * mp.log(z / mp.mpf(0.8)) if z > 0 else mp.mpf(0)) - z,
    ),
    "StudentT": (
        StudentT((1,), 0.5, 3.0, one(0.25)),
        lambda z: 2 * mp.log(1 + (z - mp.mpf(0.25)) ** 2 / mp.mpf(0.75)),
    ),
    "StudentT, narrow": (StudentT((1,), 0.0625, 1.0), lambda z: mp.log(1 + z**2 * 256)),
    "Support, inside": (
        SupportIndicator((2,), torch.tensor([True, False]), nonnegative=True),
        lambda z: INF if z < 0 else mp.mpf(0),
    ),
    "scaled": (2.5 * L1((1,), 0.2), lambda z: 2.5 * mp.mpf(0.2) * abs(z)),
}


def minimiser(phi: Phi, x: float, tau: float) -> mp.mpf:
    """The least point of φ(z) + (z − x)²/2τ: by a grid, then golden sections around each of its best points."""

    def cost(z: mp.mpf) -> mp.mpf:
        return phi(z) + (z - x) ** 2 / (2 * mp.mpf(tau))

    grid = mp.linspace(-12, 12, 193)
    values = [cost(z) for z in grid]
    ratio = (mp.sqrt(5) - 1) / 2
    dips = [i for i in range(1, len(grid) - 1) if values[i] < INF and values[i] <= min(values[i - 1], values[i + 1])]
    best: list[tuple[mp.mpf, mp.mpf]] = []
    for i in sorted(dips, key=lambda i: values[i])[:2]:
        low, high = grid[i - 1], grid[i + 1]
        while high - low > mp.mpf(10) ** -12:
            a, b = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (low, b) if cost(a) <= cost(b) else (a, high)
        middle = (low + high) / 2
        best.append((cost(middle), middle))
    return min(best)[1]


@pytest.mark.parametrize("tau", [0.3, 2.0])
@pytest.mark.parametrize("name", CASES)
def test_prox_of_sums_over_elements(name: str, tau: float) -> None:
    f, phi = CASES[name]
    with mp.workdps(30):
        for point in (-3.0, -0.1, 0.4, 5.0):
            x = torch.full(f.domain_shape, point, dtype=torch.float64)
            assert abs(mp.mpf(float(f.prox(x, tau)[0])) - minimiser(phi, point, tau)) < 1e-11


def test_prox_of_student_t_takes_the_deepest_of_two_minima() -> None:
    """Where the two are equally deep, the prox jumps."""
    f = StudentT((1,), 0.0625, 1.0)
    x = torch.linspace(0, 8, 801, dtype=torch.float64)[:, None]
    p = f.prox(x, 1.0)
    grid = torch.linspace(0, 8, 8001, dtype=torch.float64)
    values = f(grid[:, None])
    least = torch.stack([(values + (grid - point).square() / 2).min() for point in x[:, 0]])
    assert bool((f(p) + (p - x).square()[:, 0] / 2 <= least + 1e-12).all())
    assert float(p.diff(dim=0).max()) > 1
    complex_ = f.prox(torch.polar(x, torch.full_like(x, 0.7)), 1.0)
    torch.testing.assert_close(complex_, torch.polar(p, torch.full_like(p, 0.7)))


def test_projection_on_the_simplex_is_the_nearest_of_all_faces() -> None:
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = SimplexIndicator((5,), 1.5).prox(x, 0.7)
    for point, p in zip(x.numpy(), found.numpy(), strict=True):
        best = None
        for size in range(1, 6):
            for face in itertools.combinations(range(5), size):
                z = np.zeros(5)
                z[list(face)] = point[list(face)] + (1.5 - point[list(face)].sum()) / size
                distance = float(((z - point) ** 2).sum())
                if (z >= 0).all() and (best is None or distance < best[0]):
                    best = (distance, z)
        assert best is not None
        np.testing.assert_allclose(p, best[1], atol=1e-14)


def test_simplex_of_far_points_and_along_axes() -> None:
    f = SimplexIndicator((3, 2), axes=0)
    x = 1e6 * torch.randn(200, 3, 2, generator=torch.Generator().manual_seed(1))
    p = f.prox(x, 1.0)
    assert bool((f(p) == 0).all())
    assert bool((f(p + 1e-4) > 0).all())
    alone = SimplexIndicator((3,)).prox(x.movedim(1, -1), 1.0)
    torch.testing.assert_close(p, alone.movedim(-1, 1))


def test_projection_on_the_ball_by_its_multiplier() -> None:
    y, x = np.array([1.0, -2.0, 0.5]), np.array([3.0, 1.0, -1.0])
    multiplier = brentq(lambda m: np.linalg.norm((x - y) / (1 + m)) - 0.7, 0, 100, xtol=1e-14)
    f = L2Ball((3,), torch.from_numpy(y), 0.7)
    np.testing.assert_allclose(f.prox(torch.from_numpy(x), 0.3).numpy(), y + (x - y) / (1 + multiplier), atol=1e-13)
    inside = torch.from_numpy(y + 0.1)
    assert torch.equal(f.prox(inside, 2.0), inside)


@pytest.mark.parametrize(
    "V", [Diagonal(one(1.0, 2.0, -0.5)), BesselPotential((6,), 0.7, 0.5), Gradient((3, 2))], ids=str
)
def test_prox_and_conjugate_of_metrics_by_matrices(V: Diagonal | BesselPotential | Gradient) -> None:
    n = int(np.prod(V.domain_shape))
    matrix = V(torch.eye(n, dtype=torch.float64).reshape(n, *V.domain_shape)).reshape(n, -1).T.numpy()
    W = matrix.T @ matrix
    generator = torch.Generator().manual_seed(2)
    x, y = (torch.randn(V.domain_shape, generator=generator, dtype=torch.float64) for _ in range(2))
    f = MetricL2(V, y)
    flat = [v.numpy().ravel() for v in (x, y)]
    assert float(f(x)) == pytest.approx(0.5 * (flat[0] - flat[1]) @ W @ (flat[0] - flat[1]), rel=1e-12)
    if "prox" in f.capabilities:
        expected = np.linalg.solve(W + np.eye(n) / 0.7, W @ flat[1] + flat[0] / 0.7)
        np.testing.assert_allclose(f.prox(x, 0.7).numpy().ravel(), expected, atol=1e-12)
    assert ("conjugate" in f.capabilities) == (np.linalg.matrix_rank(W) == n)
    if "conjugate" in f.capabilities:
        expected = 0.5 * flat[0] @ np.linalg.solve(W, flat[0]) + flat[0] @ flat[1]
        assert float(f.conjugate(x)) == pytest.approx(expected, rel=1e-12)
