"""Step sizes of primal-dual methods, from operator norms and the distances that iterates have to travel."""

from __future__ import annotations

from math import prod, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.absolute_sums import absolute_sums
from recon.operators.functionals import Functional
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.priors.splitting import Saddle
from recon.solvers.norms import step_norm
from recon.solvers.problem import Problem

PRODUCT = 0.99
"""‖Σ^½ K T^½‖² for step sizes T and Σ, which must stay below 1."""

UPDATES = frozenset(10 * 2**j for j in range(10))
"""Iterations at which step sizes learn from the distances travelled; finitely many, so that convergence holds."""


class Balance(NamedTuple):
    """Estimates per item of X = ‖x* − x⁰‖ and Yᵢ = ‖yᵢ* − yᵢ⁰‖."""

    travel: Tensor
    sizes: tuple[Tensor, ...]


class Couplings(NamedTuple):
    """Sizes of the blocks Kᵢ: numbers ‖Kᵢ‖ twice, or absolute row and column sums with the items' shape."""

    rows: tuple[float | Tensor, ...]
    columns: tuple[float | Tensor, ...]


class Steps(NamedTuple):
    """τ and σᵢ, one value per item or one per element."""

    tau: Tensor
    sigmas: tuple[Tensor, ...]


def first_balance(problem: Problem, saddle: Saddle, x: Tensor) -> Balance:
    """Orders of magnitude: of the data seen through A, and of each fᵢ's dual variable."""
    A, n = problem.linear, len(problem.shape)
    ones = item_norm(x, n) * 0 + 1
    back = item_norm(A.adjoint(problem.data), n) / step_norm(A, x) ** 2
    travel = torch.where(back > 0, back, 1).to(ones.dtype)
    sizes = tuple(
        block.functional.dual_scale() * ones * sqrt(prod(block.functional.domain_shape)) for block in saddle.blocks
    )
    return Balance(travel, sizes)


def learned_balance(
    saddle: Saddle, old: Balance, x: Tensor, duals: tuple[Tensor, ...], anchor: tuple[Tensor, ...]
) -> Balance:
    """Geometric means of estimates and the distances from ``anchor`` (x, y₁, y₂, …) travelled since."""
    travel = positive(item_norm(x - anchor[0], len(x.shape) - 1))
    moved = (
        positive(item_norm(y - start, block.functional.ndim))
        for block, y, start in zip(saddle.blocks, duals, anchor[1:], strict=True)
    )
    sizes = tuple((a * b).sqrt() for a, b in zip(old.sizes, moved, strict=True))
    return Balance((old.travel * travel).sqrt(), sizes)


def norm_couplings(saddle: Saddle, like: Tensor) -> Couplings:
    """Norms of the blocks."""
    norms = tuple(step_norm(block.operator, like) for block in saddle.blocks)
    return Couplings(norms, norms)


def sum_couplings(saddle: Saddle, like: Tensor, solver: str) -> Couplings:
    """Absolute sums of the blocks, reduced to one number where a prox takes no step per element.

    Errors: CapabilityError for blocks of which the sums are not known.
    """
    rows: list[float | Tensor] = []
    columns: list[float | Tensor] = []
    for block in saddle.blocks:
        try:
            sums = absolute_sums(block.operator, like)
        except CapabilityError as error:
            raise CapabilityError(
                f"{solver} needs absolute row and column sums for its diagonal preconditioner, which "
                f"{block.operator.name} does not offer ({error}); use preconditioner='none'."
            ) from None
        largest = sums.rows.max()
        seen = torch.where(sums.rows > 0, sums.rows, torch.where(largest > 0, largest, 1))
        rows.append(seen if is_elementwise(block.functional) else seen.max())
        columns.append(sums.columns if is_elementwise(saddle.simple) else sums.columns.max())
    return Couplings(tuple(rows), tuple(columns))


def is_elementwise(functional: Functional | None) -> bool:
    """Whether the prox takes a step per element; that of no functional does."""
    return functional is None or functional.separable


def balanced_steps(balance: Balance, couplings: Couplings, saddle: Saddle, ndim: int, ratio: float) -> Steps:
    """τ = θ r X / Σⱼ Yⱼ Cⱼ and σᵢ = θ Yᵢ / (r X Rᵢ), with θ² = 0.99 and r = ``ratio``.

    For R and C norms these are the steps with τ Σᵢ σᵢ‖Kᵢ‖² = θ² that minimise X²/τ + Σ Yᵢ²/σᵢ; for absolute sums,
    ‖Σ^½ K T^½‖ ≤ θ.
    """
    theta = sqrt(PRODUCT)
    total: Tensor | float = 0.0
    sigmas = []
    for block, size, row, column in zip(saddle.blocks, balance.sizes, *couplings, strict=True):
        total = total + _outer(size, column, ndim)
        sigmas.append(theta * _outer(size / (ratio * balance.travel), 1 / row, block.functional.ndim))
    assert isinstance(total, Tensor)
    free = positive(total.flatten(1).amax(1) if total.ndim > 1 else total)  # for pixels that no block sees
    shape = (-1, *(1,) * (total.ndim - 1))
    total = torch.where(total > 0, total, free.reshape(shape))
    return Steps(theta * ratio * balance.travel.reshape(shape) / total, tuple(sigmas))


def own_steps(tau: float, sigma: float, norms: Couplings, like: Tensor) -> Steps:
    """Steps that the user gives, for items such as those of ``like``.

    Errors: ValueError where τσ Σᵢ‖Kᵢ‖² > 1.
    """
    square = sum(float(norm) ** 2 for norm in norms.rows)
    if tau * sigma * square > 1:
        raise ValueError(
            f"tau = {tau:g} and sigma = {sigma:g} are too large: tau·sigma·‖K‖² is {tau * sigma * square:.4g} and must "
            f"be at most 1, with ‖K‖² = {square:.6g}; leave them out to have steps found."
        )
    return Steps(tau * torch.ones_like(like), tuple(sigma * torch.ones_like(like) for _ in norms.rows))


def _outer(items: Tensor, elements: float | Tensor, ndim: int) -> Tensor:
    """One value per item times a number or one value per element."""
    if not isinstance(elements, Tensor) or elements.ndim == 0:
        return items * elements
    return items.reshape(-1, *(1,) * ndim) * elements


def positive(value: Tensor) -> Tensor:
    """The value, 1 where it is not positive."""
    return torch.where(value > 0, value, 1)
