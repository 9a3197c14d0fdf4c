"""SPIRAL-TAP: penalised Poisson likelihood on nonnegative images by Barzilai-Borwein steps that may go uphill.

Goals: KKT conditions to 1e-6; steps that go uphill, none above the largest of the last objectives; the proximal map of
recursive dyadic partitions equal to enumeration at n = 8; smaller errors than least-squares ℓ1, each at its best λ.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, GaussianNoise, LinearOperator, PoissonNoise, gaussian_psf
from recon.priors import (
    DyadicDenoiser,
    DyadicPartition,
    NonNegative,
    Sparsity,
    TotalVariation,
    VariationalPrior,
    WaveletSparsity,
)
from recon.solvers import Gap, MaxIter, PnPPDHG, Problem, ProximalGradient, Reason, RelChange, Residuals

from .conftest import Figure

MEMORY = 11
STOP = MaxIter(4000) | Residuals(1e-8)


def counting(seed: int) -> tuple[Tensor, LinearOperator, PoissonNoise, Tensor]:
    """64 counts, each over a tenth of 100 pixels, of which 14 shine with brightnesses from 1 to 20."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.zeros(100, dtype=torch.float64)
    bright = torch.randperm(100, generator=draw)[:14]
    x[bright] = torch.exp(3 * torch.rand(14, generator=draw, dtype=torch.float64))
    seen = (torch.rand(64, 100, generator=draw, dtype=torch.float64) < 0.1).double()
    A = LinearOperator.from_functions(lambda v: v @ seen.T.to(v), lambda w: w @ seen.to(w), (100,), (64,))
    noise = PoissonNoise(background=0.5)
    return x, A, noise, noise.sample(A(x), draw)


def error(image: Tensor, truth: Tensor) -> float:
    return float((image - truth).norm() / truth.norm())


def test_kkt_conditions_and_steps_that_go_uphill(figure: Figure) -> None:
    _, A, noise, counts = counting(0)
    lam = 0.2
    problem = Problem(A, counts, noise, Sparsity(lam) + NonNegative())
    result = ProximalGradient(stop=STOP, memory=MEMORY, check_every=1).solve(problem)
    assert result.reason is Reason.CONVERGED

    def slope(x: Tensor) -> Tensor:
        return A.adjoint(problem.likelihood.grad(A(x)))

    x, force = result.image, slope(result.image) + lam
    violation = torch.where(x > 0, force.abs(), (-force).clamp(min=0)).max() / slope(torch.zeros_like(x)).abs().max()
    figure("violation of the KKT conditions", f"{float(violation):.1e}")
    assert float(violation) <= 1e-6

    values = result.history["objective"]
    accepted = torch.cat([values[:1], values[1:][result.history["accepted"].diff() > 0]])
    rises = accepted[1:] > accepted[:-1]
    figure("steps uphill", f"{int(rises.sum())} of {len(accepted)}")
    assert int(rises.sum()) >= 10
    for k in range(1, len(accepted)):
        assert float(accepted[k]) <= float(accepted[max(0, k - MEMORY) : k].max()) * (1 + 1e-12)


def blurred() -> tuple[Tensor, Problem]:
    x = torch.full((16, 16), 1.0, dtype=torch.float64)
    x[3:9, 2:11], x[10:14, 7:14] = 16.0, 8.0
    A = Blur(gaussian_psf(1.0), (16, 16), method="direct")
    noise = PoissonNoise(background=0.3)
    return x, Problem(A, noise.sample(A(x), torch.Generator().manual_seed(1)), noise)


@pytest.mark.slow
@pytest.mark.parametrize(
    "prior", [0.3 * WaveletSparsity(wavelet="haar", level=2), 0.3 * TotalVariation()], ids=["wavelets", "TV"]
)
def test_wavelets_and_total_variation_reach_a_proven_optimum(prior: VariationalPrior) -> None:
    _, asked = blurred()
    problem = Problem(asked.operator, asked.data, asked.noise, prior + NonNegative())
    result = ProximalGradient(stop=MaxIter(400) | Gap(1e-6)).solve(problem)
    assert float(result.last("relative_gap")) <= 1e-6
    assert float(result.last("dual_residual")) <= 1e-6


def partitions(first: int, end: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """All recursive dyadic partitions of an interval."""
    yield ((first, end),)
    if end - first > 1:
        middle = (first + end) // 2
        for left in partitions(first, middle):
            for right in partitions(middle, end):
                yield left + right


def test_dyadic_prox_is_the_best_of_all_partitions() -> None:
    every = list(partitions(0, 8))
    assert len(every) == 26
    for seed in range(10):
        v = 3 * torch.randn(8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        for lam in (0.1, 0.5, 2.0):
            fits = [torch.cat([v[a:b].mean().expand(b - a) for a, b in cells]) for cells in every]
            costs = [float((z - v).square().sum()) / 2 + lam * len(cells) for z, cells in zip(fits, every, strict=True)]
            best = min(range(len(every)), key=costs.__getitem__)
            torch.testing.assert_close(DyadicPartition(lam).prox(v).x, fits[best], rtol=0, atol=1e-12)


@pytest.mark.slow
def test_dyadic_partitions_and_their_means_over_shifts(figure: Figure) -> None:
    """Partitions beat the likelihood alone, and their means over shifts the fixed grid and the data."""
    x, asked = blurred()
    A, data, noise = asked.operator, asked.data, asked.noise
    stop = MaxIter(300) | RelChange(1e-5)
    alone = error(ProximalGradient(stop=stop).solve(Problem(A, data, noise, NonNegative())).image, x)

    def fixed(lam: float) -> float:
        prior = DyadicPartition(lam) + NonNegative()
        return error(ProximalGradient(stop=stop).solve(Problem(A, data, noise, prior)).image, x)

    def shifted(lam: float) -> float:
        prior = DyadicDenoiser(1.0, lam, shifts=4, nonnegative=True)
        return error(PnPPDHG(stop=stop).solve(Problem(A, data, noise, prior)).image, x)

    one, mean = min(fixed(lam) for lam in (0.5, 1.0)), min(shifted(lam) for lam in (1.0, 2.0))
    figure("likelihood alone, partitions, shifted partitions", f"{alone:.2f}, {one:.2f}, {mean:.2f}")
    assert mean < 0.8 * one < 0.8 * alone
    assert mean < error(data, x)


@pytest.mark.slow
def test_poisson_likelihood_beats_least_squares(figure: Figure) -> None:
    found: dict[str, list[float]] = {"poisson": [], "squares": []}
    for seed in range(6):
        x, A, noise, counts = counting(seed)

        def best(problems: list[Problem], truth: Tensor = x) -> float:
            return min(error(ProximalGradient(stop=STOP).solve(problem).image, truth) for problem in problems)

        found["poisson"].append(
            best([Problem(A, counts, noise, Sparsity(lam) + NonNegative()) for lam in (0.05, 0.1, 0.2, 0.3, 0.5)])
        )
        squares = [Sparsity(lam) + NonNegative() for lam in (0.3, 1.0, 3.0, 6.0, 12.0)]
        found["squares"].append(best([Problem(A, counts - 0.5, GaussianNoise(1.0), prior) for prior in squares]))
    poisson, squares_ = (torch.tensor(found[key]).mean() for key in ("poisson", "squares"))
    figure("relative error, Poisson against least squares", f"{poisson:.3f}, {squares_:.3f}")
    assert all(p < s for p, s in zip(found["poisson"], found["squares"], strict=True))
    assert float(poisson) <= 0.85 * float(squares_)
