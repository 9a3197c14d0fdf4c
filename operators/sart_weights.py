"""Inverse row and column sums, the weights of SART and SIRT."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.algebra import Composition, Scaled
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError, LinearOperator


class SARTWeights(NamedTuple):
    """R, of the shape of data, and C, of the shape of images."""

    rows: Tensor
    columns: Tensor


def sart_weights(operator: LinearOperator, like: Tensor | None = None) -> SARTWeights:
    """R = 1/(A 1) and C = 1/(Aᵀ 1), the inverse row and column sums of an A ≥ 0; 0 where a sum is 0.

    They bound the spectrum: ‖R^½ A C^½‖ ≤ 1 (Schur's test), so that C is a step size for every pixel. A ray transform
    is weighted by its sums in Joseph's model, which has no negative entries; those of the other models are close, and
    :func:`sart_bound` measures by how much the norm exceeds 1. The weights are kept with the operator for later calls.

    Parameters
    ----------
    like
        A tensor whose precision and device the weights get; float32 on the CPU by default.

    Errors: CapabilityError for a complex operator, and where a sum is negative or all are zero: then A has entries of
    both signs.

    Source: Andersen and Kak, Ultrason. Imaging 6 (1984) 81; Gregor and Benson, IEEE Trans. Med. Imaging 27 (2008) 918.
    """
    like = torch.zeros(()) if like is None else like.real if like.is_complex() else like
    cache = operator.__dict__.setdefault("_constants", {})
    key = ("sart_weights", like.dtype, like.device)
    if key not in cache:
        if "complex" in (operator.domain_field, operator.range_field):
            raise CapabilityError(f"SART weights need an operator with real entries, got {operator.name}.")
        summed, factor = _unscaled(operator)
        if factor == 0:
            raise CapabilityError(f"SART weights need an operator that is not zero, got {operator.name} by 0.")
        if isinstance(summed, RayTransform) and not summed.is_joseph(like):
            summed = RayTransform(summed.volume, summed.geometry, "joseph")
        sums = (
            summed(torch.ones(operator.domain_shape, dtype=like.dtype, device=like.device)),
            summed.adjoint(torch.ones(operator.range_shape, dtype=like.dtype, device=like.device)),
        )
        cache[key] = SARTWeights(*(_inverse(s, operator.name) / factor for s in sums))
    weights: SARTWeights = cache[key]
    return weights


def sart_bound(operator: LinearOperator, like: Tensor | None = None) -> float:
    """ρ ≥ ‖R^½ A C^½‖² for the weights of :func:`sart_weights`: 1 for a ray transform in Joseph's model.

    For others 1, or the norm as Lanczos iteration finds it to 1 %, enlarged by 2 %, where that is more. It is kept with
    the operator for later calls.
    """
    like = torch.zeros(()) if like is None else like.real if like.is_complex() else like
    inner, _ = _unscaled(operator)
    if isinstance(inner, RayTransform) and inner.is_joseph(like):
        return 1.0
    cache = operator.__dict__.setdefault("_constants", {})
    key = ("sart_bound", like.dtype, like.device)
    if key not in cache:
        rows, columns = sart_weights(operator, like)
        weighted = Composition(Composition(Diagonal(rows.sqrt()), operator), Diagonal(columns.sqrt()))
        square = weighted.norm(1e-2, like) ** 2
        cache[key] = 1.0 if square <= 1 + NEGLIGIBLE else 1.02 * square
    bound: float = cache[key]
    return bound


NEGLIGIBLE = 1e-4
"""Excess of ‖R^½ A C^½‖² over 1 that rounding alone explains in single precision."""


def _unscaled(operator: LinearOperator) -> tuple[LinearOperator, float]:
    """The operator without the factors it is multiplied by, and the modulus of those."""
    factor = 1.0
    while isinstance(operator, Scaled):
        factor, operator = factor * abs(operator.factor), operator.operator
    return operator, factor


def _inverse(sums: Tensor, name: str) -> Tensor:
    largest = sums.abs().max()
    rounding = 1000 * torch.finfo(sums.dtype).eps * largest
    if not bool(largest > 0) or bool(sums.min() < -rounding):
        raise CapabilityError(f"SART weights need an operator without negative entries, got {name}.")
    positive = sums > rounding
    return torch.where(positive, 1 / torch.where(positive, sums, 1), 0)
