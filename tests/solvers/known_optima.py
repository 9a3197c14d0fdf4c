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
    LinearOperator,
    ParallelBeam,
    RayTransform,
    Stack,
    Volume,
    Wavelet,
)
from recon.priors import TotalVariation, VariationalPrior, WaveletSparsity
from recon.solvers import Problem

Penalty = Callable[[cp.Variable], cp.Expression]

N = 10


@dataclass(frozen=True)
class Known:
    problem: Problem
    optimum: float


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
