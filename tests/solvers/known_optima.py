"""Small problems with their optima, found by an interior-point solver that shares no code with ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import pi

import cvxpy as cp
import numpy as np
import torch

from recon.operators import (
    Blur,
    CartesianMRI,
    GaussianNoise,
    Gradient,
    Identity,
    LinearOperator,
    Mask,
    ParallelBeam,
    RayTransform,
    Stack,
    Volume,
    Wavelet,
)
from recon.priors import TotalVariation, VariationalPrior, WaveletSparsity
from recon.solvers import Problem, Reason, Result, Solver

PROBLEMS: dict[str, Callable[[], Known]] = {
    "deblurring, ‖K‖ = 0.1": lambda: tv_deblurring(0.1),
    "deblurring, ‖K‖ = 1": lambda: tv_deblurring(1.0),
    "deblurring, ‖K‖ = 10": lambda: tv_deblurring(10.0),
    "stacked": lambda: tv_stacked(),
    "CT": lambda: tv_ct(),
    "complex TV MRI": lambda: tv_mri(),
    "complex wavelet MRI": lambda: wavelet_mri(),
}

Penalty = Callable[[cp.Variable], cp.Expression]

N = 10


@dataclass(frozen=True)
class Known:
    problem: Problem
    optimum: float


@dataclass(frozen=True)
class KnownBatch:
    problem: Problem
    optima: torch.Tensor


def matrix(op: LinearOperator, dtype: torch.dtype) -> np.ndarray:
    size = int(np.prod(op.domain_shape))
    columns = op(torch.eye(size, dtype=dtype).reshape(size, *op.domain_shape))
    return columns.reshape(size, -1).T.numpy()


def _piecewise() -> torch.Tensor:
    x = torch.zeros(N, N, dtype=torch.float64)
    x[2:7, 3:8] = 1.0
    x[5:9, 1:5] += 0.5
    return x


def _solve(
    op: LinearOperator, data: torch.Tensor, sigma: float, penalty: Callable[[cp.Variable], cp.Expression]
) -> float:
    complex_ = data.is_complex()
    x = cp.Variable(N * N, complex=complex_)
    A = matrix(op, torch.complex128 if complex_ else torch.float64)
    fit = cp.sum_squares(A @ x - data.reshape(-1).numpy()) / (2 * sigma**2)
    problem = cp.Problem(cp.Minimize(fit + penalty(x)))
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return float(problem.value)


def _tv(lam: float, complex_: bool) -> Penalty:
    D = matrix(Gradient((N, N)), torch.float64).reshape(2, N * N, N * N)

    def cost(x: cp.Variable) -> cp.Expression:
        dy, dx = D[0] @ x, D[1] @ x
        parts = [cp.real(dy), cp.imag(dy), cp.real(dx), cp.imag(dx)] if complex_ else [dy, dx]
        return lam * cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))

    return cost


def _known(op: LinearOperator, clean: torch.Tensor, sigma: float, prior: VariationalPrior, cost: Penalty) -> Known:
    generator = torch.Generator().manual_seed(1)
    data = GaussianNoise(sigma).sample(op(clean), generator)
    return Known(Problem(op, data, GaussianNoise(sigma), prior), _solve(op, data, sigma, cost))


def _blur(scale: float) -> LinearOperator:
    psf = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
    return scale * Blur(psf, (N, N), boundary="reflect")


@cache
def tv_deblurring(scale: float = 1.0) -> Known:
    """TV deblurring with ‖K‖ = ``scale``."""
    sigma = 0.05 * scale
    return _known(_blur(scale), _piecewise(), sigma, 8.0 * TotalVariation(), _tv(8.0, False))


@cache
def tv_stacked() -> Known:
    """TV with two blurred copies of different strength, stacked."""
    op = Stack(_blur(1.0), _blur(3.0).H)
    return _known(op, _piecewise(), 0.1, 6.0 * TotalVariation(), _tv(6.0, False))


@cache
def tv_ct() -> Known:
    """TV tomography from 8 views."""
    angles = torch.arange(8) * pi / 8
    op = RayTransform(Volume((N, N), spacing=0.5), ParallelBeam(angles=angles, bins=15, pitch=0.5))
    return _known(op, _piecewise(), 0.05, 5.0 * TotalVariation(), _tv(5.0, False))


@cache
def tv_mri() -> Known:
    """Complex TV MRI: two coils, half of the lines."""
    return _known(_mri(), _phase_image(), 0.05, 6.0 * TotalVariation(), _tv(6.0, True))


@cache
def wavelet_mri() -> Known:
    """Complex wavelet MRI, all coefficients penalised."""
    prior = WaveletSparsity(4.0, wavelet="db2", level=1)
    W = matrix(Wavelet((N, N), "db2", level=1), torch.float64)
    return _known(_mri(), _phase_image(), 0.05, prior, lambda x: 4.0 * cp.norm1(W @ x))


@cache
def tv_batch() -> KnownBatch:
    """TV deblurring of three items of very different difficulty: nearly flat, as above, and 30 times as strong."""
    generator = torch.Generator().manual_seed(2)
    images = torch.stack([0.02 * _piecewise(), _piecewise(), 30 * _piecewise()])
    op = _blur(1.0)
    data = GaussianNoise(0.05).sample(op(images), generator)
    optima = [_solve(op, y, 0.05, _tv(8.0, False)) for y in data]
    problem = Problem(op, data, GaussianNoise(0.05), 8.0 * TotalVariation())
    return KnownBatch(problem, torch.tensor(optima, dtype=torch.float64))


@cache
def wavelet_inpainting() -> Known:
    """Half of the pixels, wavelet sparsity: both parts have a prox in closed form."""
    mask = (torch.rand((N, N), generator=torch.Generator().manual_seed(4)) < 0.5).double()
    W = matrix(Wavelet((N, N), "db2", level=1), torch.float64)
    prior = WaveletSparsity(4.0, wavelet="db2", level=1)
    return _known(Mask(mask), _piecewise(), 0.1, prior, lambda x: 4.0 * cp.norm1(W @ x))


@cache
def tv_periodic_deblurring() -> Known:
    """TV with a periodic blur, whose normal equations have a closed form."""
    psf = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
    op = Blur(psf, (N, N), boundary="circular")
    return _known(op, _piecewise(), 0.05, 8.0 * TotalVariation(), _tv(8.0, False))


@cache
def tv_denoising() -> Known:
    """TV denoising: the data term is strongly convex in the image."""
    return _known(Identity((N, N)), _piecewise(), 0.2, 4.0 * TotalVariation(), _tv(4.0, False))


def assert_reaches(known: Known, solver: Solver) -> Result:
    """The solver reaches the optimum to 1e-6, proves it, and at no record claims a gap smaller than the true one."""
    problem, optimum = known.problem, known.optimum
    result = solver.solve(problem)
    value = float(problem.objective(result.image))
    assert abs(value - optimum) <= 1e-6 * abs(optimum), f"objective {value}, optimum {optimum}"
    assert result.reason is Reason.CONVERGED
    suboptimality = result.history["objective"] - optimum
    assert bool((result.history["gap"] >= suboptimality - 1e-8 * optimum).all())
    assert bool((suboptimality >= -1e-8 * optimum).all())
    assert bool(torch.isfinite(result.history["gap"]).all())
    return result


def assert_reaches_all(solver: Solver) -> None:
    """The solver reaches the optimum of every item of :func:`tv_batch`, each stopping by itself."""
    known = tv_batch()
    result = solver.solve(known.problem)
    error = (known.problem.objective(result.image) - known.optima).abs() / known.optima
    assert bool((error <= 1e-6).all()), error
    assert set(result.reasons) == {Reason.CONVERGED}
    assert len(set(result.iterations.tolist())) > 1
    gap, suboptimality = result.history["gap"], result.history["objective"] - known.optima
    measured = ~gap.isnan()
    assert bool((gap >= suboptimality - 1e-8 * known.optima)[measured].all())


def _mri() -> LinearOperator:
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, N), torch.linspace(-1, 1, N), indexing="ij")
    maps = torch.stack([torch.exp(-((rows - c) ** 2) + 0.8j * columns * c) for c in (-0.7, 0.7)]).to(torch.complex128)
    mask = torch.zeros(N, N)
    mask[:, ::2] = 1
    mask[:, N // 2 - 1 : N // 2 + 2] = 1
    return CartesianMRI(mask, maps)


def _phase_image() -> torch.Tensor:
    phase = torch.linspace(0, 1.2, N, dtype=torch.float64)
    return _piecewise() * torch.exp(1j * phase)
