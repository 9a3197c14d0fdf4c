"""Small problems with a prior whose optimum an interior-point solver knows, and what solvers must make of them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import cvxpy as cp
import numpy as np
import torch

from recon.operators import Blur, GaussianNoise, LinearOperator, Mask
from recon.priors import VariationalPrior
from recon.solvers import PDHG, Gap, MaxIter, Problem, Reason, Solver

Penalty = Callable[[cp.Variable], cp.Expression]


def matrix(op: LinearOperator, dtype: torch.dtype = torch.float64) -> np.ndarray:
    """The matrix of an operator, row by row of its range."""
    size = prod(op.domain_shape)
    columns = op(torch.eye(size, dtype=dtype).reshape(size, *op.domain_shape))
    return columns.reshape(size, -1).T.numpy()


def difference(shape: tuple[int, ...], axis: int, spacing: float = 1.0) -> np.ndarray:
    """The matrix of forward differences along an axis, zero at the far edge."""
    n = shape[axis]
    steps = np.zeros((n, n))
    for k in range(n - 1):
        steps[k, k], steps[k, k + 1] = -1 / spacing, 1 / spacing
    return np.kron(np.kron(np.eye(prod(shape[:axis])), steps), np.eye(prod(shape[axis + 1 :])))


def differences(shape: tuple[int, ...], spacing: tuple[float, ...] | None = None) -> list[np.ndarray]:
    """Those along every axis."""
    steps = (1.0,) * len(shape) if spacing is None else spacing
    return [difference(shape, axis, h) for axis, h in enumerate(steps)]


def lengths(parts: list[cp.Expression], complex_: bool = False) -> cp.Expression:
    """‖(p₁)ᵢ, (p₂)ᵢ, …‖ for every i."""
    if complex_:
        parts = [part for v in parts for part in (cp.real(v), cp.imag(v))]
    return cp.norm(cp.vstack(parts), 2, axis=0)


def scene(shape: tuple[int, ...], complex_: bool = False) -> torch.Tensor:
    """A box on a slope."""
    grid = torch.meshgrid(*(torch.linspace(0, 1, n, dtype=torch.float64) for n in shape), indexing="ij")
    inside = torch.stack([(g > 0.25) & (g < 0.8) for g in grid]).all(0)
    x = inside.double() + 0.3 * grid[-1] - 0.2 * grid[0]
    return x * torch.exp(1j * grid[0]) if complex_ else x


def blurred(shape: tuple[int, ...], prior: VariationalPrior, complex_: bool = False) -> Problem:
    """A blurred scene with noise, blurred along the last two axes."""
    psf = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
    A = Blur(psf if len(shape) > 1 else psf[1] / psf[1].sum(), shape, boundary="reflect")
    data = GaussianNoise(0.05).sample(A(scene(shape, complex_)), torch.Generator().manual_seed(1))
    return Problem(A, data, GaussianNoise(0.05), prior)


def masked(shape: tuple[int, ...], prior: VariationalPrior) -> Problem:
    """A scene with noise of which two thirds of the pixels were seen."""
    seen = torch.rand(shape, generator=torch.Generator().manual_seed(5)) < 0.67
    A = Mask(seen)
    data = GaussianNoise(0.05).sample(A(scene(shape)), torch.Generator().manual_seed(1))
    return Problem(A, data, GaussianNoise(0.05), prior)


def optimum(problem: Problem, penalty: Penalty, extra: int = 0, nonnegative: bool = False) -> float:
    """min ‖Ax − y‖²/2σ² + penalty(x, further images), by Clarabel; ``extra`` counts the further images."""
    assert isinstance(problem.noise, GaussianNoise)
    complex_ = problem.dtype.is_complex
    size = prod(problem.shape)
    z = cp.Variable(size * (1 + extra), complex=complex_)
    x = z[:size]
    A = matrix(problem.linear, torch.complex128 if complex_ else torch.float64)
    fit = cp.sum_squares(A @ x - problem.data.reshape(-1).numpy()) / (2 * float(problem.noise.sigma) ** 2)
    question = cp.Problem(cp.Minimize(fit + penalty(z)), [x >= 0] if nonnegative else [])
    question.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return float(question.value)


def reaches(problem: Problem, least: float, solver: Solver | None = None, tol: float = 5e-7) -> int:
    """Solve, compare with the optimum, and check that the gap bounds every record; returns the iterations."""
    solver = PDHG(stop=MaxIter(30000) | Gap(tol), check_every=50) if solver is None else solver
    result = solver.solve(problem)
    suboptimality = result.history["objective"] - least
    assert bool((result.history["gap"] >= suboptimality - 1e-8 * abs(least)).all()), "a gap below the suboptimality"
    assert bool((suboptimality >= -1e-8 * abs(least)).all()), "an objective below the optimum"
    assert bool(torch.isfinite(result.history["gap"]).all()), "a gap that is not finite"
    assert float(result.last("objective")) <= least * (1 + 1e-6), f"{float(result.last('objective'))} for {least}"
    assert result.reason is Reason.CONVERGED, str(result.reason)
    return int(result.iterations)
