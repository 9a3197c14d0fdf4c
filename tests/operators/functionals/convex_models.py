"""Functionals written anew for CVXPY, one class at a time."""

from __future__ import annotations

from collections.abc import Callable

import cvxpy as cp
import numpy as np
import torch
from torch import Tensor

from recon.operators import (
    L1,
    BoxIndicator,
    Entropy,
    Functional,
    GroupL1,
    GroupNuclear,
    Huber,
    HuberGroup,
    L2Ball,
    LinearOperator,
    MetricL2,
    NuclearNorm,
    PoissonKL,
    SimplexIndicator,
    SquaredL2,
    SupportIndicator,
    TransmissionPoisson,
    TreeNorm,
    TubalNuclearNorm,
)
from recon.operators.functionals import FusedLassoFunctional, Nonnegative, ScaledFunctional, SplitSum, TotalVariation1D
from recon.priors.slots import SlotFunctional
from recon.solvers.optimisation.pullback import Pullback

Expression = cp.Expression
Model = tuple[Expression | float, list[cp.Constraint]]
"""A cost and constraints."""


def assert_minimises(
    p: Tensor, z: cp.Variable, cost: Expression | float, constraints: list[cp.Constraint], x: Tensor, tau: float
) -> None:
    """p has the least cost(z) + ‖z − x‖²/2τ to 1e-8, breaks no constraint, and lies near Clarabel's minimiser.

    Clarabel's value is exact to about 1e-10, its point only to the root of what that allows.
    """
    question = cp.Problem(cp.Minimize(cost + cp.sum_squares(z - x.reshape(-1).numpy()) / (2 * tau)), constraints)
    question.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    assert question.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE), question.status
    least, found = float(question.value), z.value
    z.value = p.reshape(-1).numpy()
    assert max((float(np.max(bound.violation())) for bound in constraints), default=0.0) <= 1e-8
    assert abs(float(question.objective.value) - least) <= 1e-8 * (1 + abs(least))
    assert float(np.linalg.norm(found - z.value)) <= (2 * tau * 1e-9 * (1 + abs(least))) ** 0.5


def model(f: Functional, z: Expression) -> Model:
    """``f`` at the flat vector ``z``; KeyError for classes that have no model."""
    return MODELS[type(f)](f, z)


def matrix(A: LinearOperator, complex_: bool = False) -> np.ndarray:
    size = int(np.prod(A.domain_shape))
    eye = torch.eye(size, dtype=torch.complex128 if complex_ else torch.float64)
    found: np.ndarray = A(eye.reshape(size, *A.domain_shape)).reshape(size, -1).T.numpy()
    return found


def spread(value: float | Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers for one item of ``shape``, flat; leading dimensions of length 1 are a batch of one."""
    numbers = torch.as_tensor(value)
    numbers = numbers.to(torch.complex128 if numbers.is_complex() else torch.float64)
    while numbers.ndim > len(shape):
        numbers = numbers.squeeze(0)
    return np.broadcast_to(numbers.numpy(), shape).reshape(-1)


def places(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape))).reshape(shape)


def length(parts: list[Expression], complex_: bool) -> Expression:
    if complex_:
        parts = [part for v in parts for part in (cp.real(v), cp.imag(v))]
    return cp.norm(cp.vstack(parts), 2, axis=0)


def _free(cost: Expression | float) -> Model:
    return cost, []


def _residual(f: Functional, z: Expression) -> Expression:
    data = f.data  # type: ignore[attr-defined]
    return z if data is None else z - spread(data, f.domain_shape)


def _weights(f: SquaredL2 | Huber) -> np.ndarray:
    weight = float(torch.as_tensor(f.weight).reshape(-1)[0])
    return weight * spread(1.0 if f.elements is None else f.elements, f.domain_shape)


def _groups(f: GroupL1 | HuberGroup, z: Expression, count: int) -> Expression:
    rows = places(f.domain_shape).reshape(int(np.prod(f.domain_shape[:count])), -1)
    return length([z[row] for row in rows], z.is_complex())


def _group_l1(f: GroupL1, z: Expression) -> Model:
    pixels = (*(1,) * f.group_dims, *f.domain_shape[f.group_dims :])
    return _free(cp.sum(cp.multiply(spread(f.weights, pixels), _groups(f, z, f.group_dims))))


def _tree(f: TreeNorm, z: Expression) -> Model:
    parents, weights = f.parents.reshape(-1).tolist(), spread(f.weights, f.domain_shape)
    norms = []
    for top, weight in enumerate(weights):
        branch = [node for node in range(len(parents)) if top in _upwards(node, parents)]
        norms.append(weight * cp.norm(z[branch], 2))
    return _free(sum(norms))


def _upwards(node: int, parents: list[int]) -> list[int]:
    return [] if node < 0 else [node, *_upwards(parents[node], parents)]


def _huber_group(f: HuberGroup, z: Expression) -> Model:
    w = spread(f.weights, f.domain_shape[1:])
    return _free(cp.sum(cp.multiply(w, cp.huber(_groups(f, z, 1), f.delta))) / (2 * f.delta))


def _nuclear(z: Expression, block: np.ndarray) -> Expression:
    return cp.normNuc(cp.vstack([z[row] for row in block]))


def _group_nuclear(f: GroupNuclear, z: Expression) -> Model:
    blocks = places(f.domain_shape).reshape(*f.domain_shape[:2], -1)
    w = spread(f.weights, f.domain_shape[2:])
    return _free(sum(w[i] * _nuclear(z, blocks[:, :, i]) for i in range(blocks.shape[2])))


def _nuclear_norm(f: NuclearNorm, z: Expression) -> Model:
    others = [a for a in range(f.ndim) if a not in (*f.rows, *f.columns)]
    order = (*others, *f.rows, *f.columns)
    rows = int(np.prod([f.domain_shape[a] for a in f.rows]))
    columns = int(np.prod([f.domain_shape[a] for a in f.columns]))
    blocks = places(f.domain_shape).transpose(order).reshape(-1, rows, columns)
    return _free(sum(_nuclear(z, block) for block in blocks))


def _tubal(f: TubalNuclearNorm, z: Expression) -> Model:
    tubes = np.moveaxis(places(f.domain_shape), f.tube, 0)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(f.length), np.arange(f.length)) / f.length)
    total = 0.0
    for wave in waves:
        slices = [w * cp.vstack([z[row] for row in block]) for w, block in zip(wave, tubes, strict=True)]
        total = total + cp.normNuc(sum(slices)) / f.length
    return _free(total)


def _line_tv(f: TotalVariation1D, z: Expression) -> Model:
    axis = f.axis % f.ndim
    index = np.moveaxis(places(f.domain_shape), axis, 0)
    pairs = tuple(n - (a == axis) for a, n in enumerate(f.domain_shape))
    given = torch.as_tensor(f.weights)
    if given.ndim == f.ndim and given.shape[axis] == f.domain_shape[axis]:
        given = given.narrow(axis, 0, pairs[axis])
    w = np.moveaxis(spread(given, pairs).reshape(pairs), axis, 0)
    steps = z[index[1:].reshape(-1)] - z[index[:-1].reshape(-1)]
    return _free(cp.sum(cp.multiply(w.reshape(-1), cp.abs(steps))))


def _fused(f: FusedLassoFunctional, z: Expression) -> Model:
    return _free(_line_tv(f.fused, z)[0] + f.sparsity * cp.norm1(z))


def _poisson(f: PoissonKL, z: Expression) -> Model:
    y, b = spread(f.data, f.domain_shape), spread(f.background, f.domain_shape)
    return cp.sum(cp.kl_div(y, z + b)) / f.gain, [z + b >= 0]


def _transmission(f: TransmissionPoisson, z: Expression) -> Model:
    y, blank = spread(f.data, f.domain_shape), spread(f.blank, f.domain_shape)
    return _free(cp.sum(cp.multiply(blank, cp.exp(-z)) + cp.multiply(y, z)))


def _box(f: BoxIndicator, z: Expression) -> Model:
    bounds = [(z >= f.lower, f.lower), (z <= f.upper, f.upper)]
    return 0.0, [bound for bound, value in bounds if np.isfinite(value)]


def _simplex(f: SimplexIndicator, z: Expression) -> Model:
    axes = range(f.ndim) if f.axes is None else (f.axes,) if isinstance(f.axes, int) else f.axes
    summed = [a % f.ndim for a in axes]
    kept = [a for a in range(f.ndim) if a not in summed]
    count = int(np.prod([f.domain_shape[a] for a in kept]))
    columns = places(f.domain_shape).transpose(*kept, *summed).reshape(count, -1)
    return 0.0, [z >= 0, *(cp.sum(z[column]) == f.total for column in columns)]


def _support(f: SupportIndicator, z: Expression) -> Model:
    inside = spread(f.mask, f.domain_shape) != 0
    bounds = [cp.multiply((~inside).astype(float), z) == 0]
    return 0.0, [*bounds, z >= 0] if f.nonnegative else bounds


def _scaled(f: ScaledFunctional, z: Expression) -> Model:
    cost, constraints = model(f.functional, z)
    return float(torch.as_tensor(f.factor).reshape(-1)[0]) * cost, constraints


def _split_sum(f: SplitSum, z: Expression) -> Model:
    ends = np.cumsum([0, *(int(np.prod(part.domain_shape)) for part in f.functionals)])
    parts = [model(part, z[a:b]) for part, a, b in zip(f.functionals, ends[:-1], ends[1:], strict=True)]
    return sum(cost for cost, _ in parts), [bound for _, bounds in parts for bound in bounds]


def _nonnegative(f: Nonnegative, z: Expression) -> Model:
    cost, constraints = model(f.penalty, z)
    return cost, [*constraints, z >= 0]


def _slot(f: SlotFunctional, z: Expression) -> Model:
    size = int(np.prod(f.functional.domain_shape))
    return model(f.functional, z[f.image * size : (f.image + 1) * size])


def _pullback(f: Pullback, z: Expression) -> Model:
    return model(f.functional, matrix(f.operator, z.is_complex()) @ z)


MODELS: dict[type[Functional], Callable[..., Model]] = {
    L1: lambda f, z: _free(cp.sum(cp.multiply(spread(f.weights, f.domain_shape), cp.abs(_residual(f, z))))),
    SquaredL2: lambda f, z: _free(cp.sum(cp.multiply(_weights(f), cp.abs(_residual(f, z)) ** 2)) / 2),
    Huber: lambda f, z: _free(cp.sum(cp.multiply(_weights(f), cp.huber(cp.abs(_residual(f, z)), f.delta))) / 2),
    MetricL2: lambda f, z: _free(cp.sum_squares(matrix(f.operator, z.is_complex()) @ _residual(f, z)) / 2),
    L2Ball: lambda f, z: (0.0, [cp.norm2(_residual(f, z)) <= float(torch.as_tensor(f.epsilon).reshape(-1)[0])]),
    Entropy: lambda f, z: _free(cp.sum(cp.kl_div(z, spread(f.reference, f.domain_shape)))),
    PoissonKL: _poisson,
    TransmissionPoisson: _transmission,
    BoxIndicator: _box,
    SimplexIndicator: _simplex,
    SupportIndicator: _support,
    GroupL1: _group_l1,
    TreeNorm: _tree,
    HuberGroup: _huber_group,
    GroupNuclear: _group_nuclear,
    NuclearNorm: _nuclear_norm,
    TubalNuclearNorm: _tubal,
    TotalVariation1D: _line_tv,
    FusedLassoFunctional: _fused,
    ScaledFunctional: _scaled,
    SplitSum: _split_sum,
    Nonnegative: _nonnegative,
    SlotFunctional: _slot,
    Pullback: _pullback,
}
