"""Low rank plus sparse: optima of an independent solver, and the parts of a series that is known to have them."""

from __future__ import annotations

from math import prod

import cvxpy as cp
import numpy as np
import pytest
import torch
from torch import Tensor

from recon.operators import CartesianMRI, GaussianNoise, Identity, Mask
from recon.priors import ICTV, LowRankPlusSparse, NonNegative
from recon.solvers import PDHG, Gap, MaxIter, Problem, Solver

from .optima import Penalty, blurred, optimum, reaches


def penalty(shape: tuple[int, ...], lam: float, ratio: float, fourier: bool = False) -> Penalty:
    """λ min_s ‖x − s‖_* + r ‖Ts‖₁ with time along the first axis."""
    frames, pixels = shape[0], prod(shape[1:])
    T = np.fft.fft(np.eye(frames), norm="ortho") if fourier else np.eye(frames)

    def cost(z: cp.Variable) -> cp.Expression:
        x, s = (cp.reshape(part, (frames, pixels), order="C") for part in (z[: prod(shape)], z[prod(shape) :]))
        return lam * (cp.normNuc(x - s) + ratio * cp.sum(cp.abs(T @ s)))

    return cost


@pytest.mark.parametrize("transform", ["none", "fourier"])
def test_reaches_the_optimum_of_an_independent_solver(transform: str) -> None:
    shape = (4, 3, 5)
    prior = LowRankPlusSparse(4.0, 0.3, transform=transform)  # type: ignore[arg-type]
    problem = blurred(shape, prior, transform == "fourier")
    reaches(problem, optimum(problem, penalty(shape, 4.0, 0.3, transform == "fourier"), extra=1))


def series(frames: int = 24, n: int = 10, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """A background of rank two, and sparse changes in it."""
    generator = torch.Generator().manual_seed(0)
    courses = torch.randn(frames, 2, generator=generator, dtype=dtype)
    low = (courses @ torch.randn(2, n * n, generator=generator, dtype=dtype)).reshape(frames, n, n)
    changed = torch.rand(frames, n, n, generator=generator) < 0.03
    sparse = torch.where(changed, 5 * torch.randn(frames, n, n, generator=generator, dtype=dtype), 0)
    return low, sparse


def parts(problem: Problem, solver: Solver | None = None) -> tuple[Tensor, Tensor]:
    found = (solver or PDHG(stop=MaxIter(800) | Gap(1e-7))).solve(problem)
    low, sparse = found.components["low_rank"], found.components["sparse"]
    torch.testing.assert_close(low + sparse, found.image)
    return low, sparse


def test_principal_component_pursuit_finds_both_parts() -> None:
    """Candès and others (2011), theorem 1.1: for r = max(n, m)^{−½} the parts are found exactly."""
    low, sparse = series()
    prior = LowRankPlusSparse(1.0, 0.1, transform="none")
    found = parts(Problem(Identity(tuple(low.shape)), low + sparse, GaussianNoise(0.01), prior))
    assert float((found[0] - low).norm() / low.norm()) < 1e-5
    assert float((found[1] - sparse).norm() / sparse.norm()) < 1e-5
    assert torch.linalg.matrix_rank(found[0].flatten(1), atol=1e-2) == 2


def test_periodic_motion_and_background_are_told_apart_from_half_of_kspace() -> None:
    """A still background, and pixels that beat at a frequency each; samples differ from frame to frame."""
    frames, n = 16, 12
    generator = torch.Generator().manual_seed(1)
    still = torch.randn(n, n, generator=generator, dtype=torch.complex128)
    beats = torch.rand(n, n, generator=generator) < 0.1
    t = torch.arange(frames, dtype=torch.float64)[:, None, None]
    rates = torch.randint(1, frames, (n, n), generator=generator)
    moving = torch.where(beats, 3 * torch.exp(2j * torch.pi * rates * t / frames), 0)
    truth = still + moving
    seen = torch.rand(frames, n, n, generator=generator) < 0.5
    F, M = CartesianMRI(torch.ones(n, n)), Mask(seen)
    A = M @ _FrameByFrame(F, frames)
    noise = GaussianNoise(1e-3)
    data = noise.sample(A(truth), torch.Generator().manual_seed(2))
    low, sparse = parts(Problem(A, data, noise, LowRankPlusSparse(200.0, 0.3)))
    assert float((low + sparse - truth).norm() / truth.norm()) < 0.02
    assert float((sparse - moving).norm() / moving.norm()) < 0.05
    assert float((low - still).norm() / truth.norm()) < 0.03


class _FrameByFrame(Identity):
    """One operator for every frame of a series."""

    def __init__(self, operator: CartesianMRI, frames: int) -> None:
        super().__init__((frames, *operator.domain_shape))
        self.operator = operator
        self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        return self.operator.apply(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.operator.apply_adjoint(y)


def test_parts_of_sums_and_batches() -> None:
    x = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    prior = LowRankPlusSparse(1.0, 0.5, transform="none") + NonNegative() + 2.0 * ICTV()
    problem = Problem(Identity((3, 4, 5)), x, GaussianNoise(0.1), prior)
    found = PDHG(stop=MaxIter(40)).solve(problem)
    assert set(found.components) == {"low_rank", "sparse", "edges", "smooth"}
    for pair in (("low_rank", "sparse"), ("edges", "smooth")):
        torch.testing.assert_close(found.components[pair[0]] + found.components[pair[1]], found.image)
    alone = PDHG(stop=MaxIter(40)).solve(Problem(Identity((3, 4, 5)), x[1], GaussianNoise(0.1), prior))
    torch.testing.assert_close(found.components["sparse"][1], alone.components["sparse"])


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="expects a transform among fourier, none, got 'wavelet'"):
        LowRankPlusSparse(transform="wavelet")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expects ratio > 0, got 0"):
        LowRankPlusSparse(ratio=0)
    with pytest.raises(ValueError, match=r"expects an axis of images of shape \(3, 4\), got 2"):
        LowRankPlusSparse(axis=2).terms((3, 4))
    with pytest.raises(TypeError, match="complex"):
        PDHG(stop=MaxIter(2)).solve(Problem(Mask(torch.ones(2, 3)), torch.ones(2, 3), prior=LowRankPlusSparse()))
