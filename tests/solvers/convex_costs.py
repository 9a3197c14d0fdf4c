"""Data terms and priors of the problems in :mod:`problem_table`, written anew for CVXPY."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, prod

import cvxpy as cp
import numpy as np
import torch

from recon.operators import LinearOperator, UndecimatedWavelet, Wavelet

from ..priors.optima import difference, differences, lengths, matrix
from .problem_parts import FRAMES, SHAPE, WEIGHTS, scene

Expression = cp.Expression
Cost = Callable[[cp.Variable], Expression]
Fit = Callable[[Expression, np.ndarray], Expression]
Constraint = Callable[[cp.Variable], list[cp.Constraint]]


def squares(scale: float) -> Fit:
    """‖z − y‖²/2σ²."""
    return lambda z, y: cp.sum_squares(z - y) / (2 * (0.05 * scale) ** 2)


def weighted(z: Expression, y: np.ndarray, scale: float) -> Expression:
    sigma = 0.05 * scale * WEIGHTS.numpy().ravel()
    return cp.sum_squares(cp.multiply(1 / sigma, z - y)) / 2


def kullback(scale: float) -> Fit:
    """Counts with a background of 0.3 ``scale``, in units of scale/40 of the image."""
    gain = scale / 40
    return lambda z, y: cp.sum(cp.kl_div(y, z + 0.3 * scale)) / gain


def beer(scale: float) -> Fit:
    """Behind a blank scan of 50 counts."""

    def fit(z: Expression, y: np.ndarray) -> Expression:
        least = np.where(y > 0, y - y * np.log(np.where(y > 0, y, 1) / 50), 0.0)
        return cp.sum(50 * cp.exp(-z) + cp.multiply(y, z)) - least.sum()

    return fit


def tv(lam: float, shape: tuple[int, ...] = SHAPE, weights: np.ndarray | None = None, isotropic: bool = True) -> Cost:
    """λ Σ wᵢ|Dx|ᵢ."""
    D = differences(shape)

    def cost(z: cp.Variable) -> Expression:
        x, complex_ = z[: prod(shape)], z.is_complex()
        parts = [d @ x for d in D]
        size = lengths(parts, complex_) if isotropic else sum(cp.abs(p) for p in parts)
        return lam * cp.sum(size if weights is None else cp.multiply(weights, size))

    return cost


def l1_behind(lam: float, L: LinearOperator, weights: np.ndarray | None = None) -> Cost:
    """λ Σ wⱼ|(Lx)ⱼ|."""
    W = matrix(L)
    return lambda z: lam * cp.sum(cp.abs(W @ z) if weights is None else cp.multiply(weights, cp.abs(W @ z)))


def plus(*costs: Cost) -> Cost:
    return lambda z: sum(cost(z) for cost in costs)


def nonnegative(z: cp.Variable) -> list[cp.Constraint]:
    return [z >= 0]


def undecimated(lam: float) -> Cost:
    frame = UndecimatedWavelet(SHAPE, "haar", 2)
    return l1_behind(lam, frame, frame.shift_weights.expand(frame.range_shape).reshape(-1).numpy())


def branches(lam: float) -> Cost:
    """λ Σ of the norms of Haar coefficients of two levels with those below them; SHAPE is that of a quadtree there."""
    W = matrix(Wavelet(SHAPE, "haar", 2))
    index = np.arange(prod(SHAPE)).reshape(SHAPE)
    rows, columns = (n // 4 for n in SHAPE)
    groups = [[int(i)] for i in index.reshape(-1)]
    for down, right in ((0, 1), (1, 0), (1, 1)):
        for y in range(rows):
            for x in range(columns):
                top, left = rows * down + y, columns * right + x
                fine = index[2 * rows * down + 2 * y :, 2 * columns * right + 2 * x :][:2, :2].reshape(-1).tolist()
                groups[int(index[top, left])] += fine
    return lambda z: lam * sum(cp.norm((W @ z)[group], 2) for group in groups)


def adaptive() -> np.ndarray:
    slopes = [torch.from_numpy(d) @ scene(SHAPE).reshape(-1) for d in differences(SHAPE)]
    size = torch.stack(slopes).square().sum(0).sqrt()
    return (0.2 / (0.04 + size.square()).sqrt()).numpy()


def directional(lam: float) -> Cost:
    """λ Σ|(I − ξξᵀ)Dx| with ξ = 0.9 (0.6, 0.8) everywhere."""
    xi = 0.9 * np.array([0.6, 0.8])
    P, D = np.eye(2) - np.outer(xi, xi), differences(SHAPE)
    parts = [P[i, 0] * D[0] + P[i, 1] * D[1] for i in range(2)]
    return lambda z: lam * cp.sum(lengths([part @ z for part in parts]))


def vectorial(lam: float, nuclear: bool = False) -> Cost:
    n, D = FRAMES[1] * FRAMES[2], differences(FRAMES[1:])

    def cost(z: cp.Variable) -> Expression:
        parts = [[d @ z[k * n : (k + 1) * n] for k in range(FRAMES[0])] for d in D]
        if not nuclear:
            return lam * cp.sum(lengths([p for row in parts for p in row]))
        return lam * sum(cp.normNuc(cp.vstack([cp.hstack([p[i] for p in row]) for row in parts])) for i in range(n))

    return cost


def casorati(lam: float) -> Cost:
    return lambda z: lam * cp.normNuc(cp.reshape(z, (FRAMES[0], prod(FRAMES[1:])), order="C"))


def local_rank(lam: float) -> Cost:
    """Nuclear norms of frames × pixels in blocks of 2 × 3 side by side, frames of 4 × 6."""
    index = np.arange(3 * 24).reshape(3, 4, 6)
    blocks = [index[:, i : i + 2, j : j + 3].reshape(3, 6) for i in (0, 2) for j in (0, 3)]
    return lambda z: lam * sum(cp.normNuc(cp.vstack([z[row] for row in block])) for block in blocks)


def tubal(lam: float) -> Cost:
    """Of (4, 4, 3): the transform along the tubes leaves a real slice and a conjugate pair."""
    index = np.arange(48).reshape(4, 4, 3)

    def cost(z: cp.Variable) -> Expression:
        X = [cp.vstack([z[row] for row in index[:, :, k]]) for k in range(3)]
        w = np.exp(-2j * pi / 3)
        first, second = X[0] + X[1] + X[2], X[0] + w * X[1] + w**2 * X[2]
        return lam / 3 * (cp.normNuc(first) + 2 * cp.normNuc(second))

    return cost


def fused(lam: float, sparsity: float) -> Cost:
    D = difference(SHAPE, 1)
    return lambda z: lam * (cp.norm1(D @ z) + sparsity * cp.norm1(z))


def quadratic(lam: float, L: np.ndarray | None = None) -> Cost:
    return lambda z: lam / 2 * cp.sum_squares(z if L is None else L @ z)


def relative_entropy(lam: float) -> Cost:
    return lambda z: lam * cp.sum(cp.kl_div(z, 0.8 * np.ones(prod(SHAPE))))


def minimum(cost: Expression, constraints: list[cp.Constraint]) -> float:
    """The least value, by Clarabel to 11 digits where rounding allows it."""
    question = cp.Problem(cp.Minimize(cost), constraints)
    for tol in (1e-11, 1e-10, 1e-9, 1e-8):
        question.solve(solver=cp.CLARABEL, tol_gap_abs=tol, tol_gap_rel=tol, tol_feas=tol)
        if question.status == cp.OPTIMAL:
            return float(question.value)
    raise AssertionError(f"the reference solver ended as {question.status}.")
