"""Sums of moduli over rows and columns, from which diagonal preconditioners are made."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.algebra import Composition, Scaled
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.sart_weights import NEGLIGIBLE, sart_weights
from recon.operators.stack import Stack


class AbsoluteSums(NamedTuple):
    """R, of the shape of data, and C, of the shape of images; 0 where A has no entry."""

    rows: Tensor
    columns: Tensor


def absolute_sums(operator: LinearOperator, like: Tensor) -> AbsoluteSums:
    """R ≥ Σⱼ|aᵢⱼ| and C ≥ Σᵢ|aᵢⱼ|, so that ‖Σ^½ A T^½‖ ≤ 1 for Σ = 1/R and T = 1/C.

    Exact for gradients, diagonal operators, their multiples and stacks, and for operators without negative entries
    (R = A1, C = Aᵀ1). For ray transforms the sums are those of Joseph's model, see
    :func:`recon.operators.sart_weights`. Where entries are negative after all, C is enlarged by ‖Σ^½ A T^½‖² as Lanczos
    iteration finds it, so that the inequality holds. The sums are kept with the operator for later calls.

    Parameters
    ----------
    like
        A tensor whose precision and device the sums get.

    Errors: CapabilityError for operators of which the sums are not known.

    Source: Pock and Chambolle, ICCV 2011, lemma 2 with α = 1.
    """
    like = like.real if like.is_complex() else like
    if isinstance(operator, Scaled):
        inner = absolute_sums(operator.operator, like)
        return AbsoluteSums(*(abs(operator.factor) * s for s in inner))
    if isinstance(operator, Stack):
        parts = [absolute_sums(part, like) for part in operator.operators]
        columns = torch.stack([part.columns for part in parts]).sum(0)
        return AbsoluteSums(operator.join([part.rows for part in parts]), columns)
    if isinstance(operator, Diagonal):
        size = operator.diagonal.abs().to(like)
        return AbsoluteSums(size, size)
    if isinstance(operator, Identity):
        ones = torch.ones(operator.domain_shape, dtype=like.dtype, device=like.device)
        return AbsoluteSums(ones, ones)
    if isinstance(operator, Gradient):
        return _gradient_sums(operator, like)
    kept = operator.__dict__.setdefault("_constants", {})
    key = ("absolute_sums", like.dtype, like.device)
    if key not in kept:
        kept[key] = _measured_sums(operator, like)
    found: AbsoluteSums = kept[key]
    return found


def _measured_sums(operator: LinearOperator, like: Tensor) -> AbsoluteSums:
    """A1 and Aᵀ1, the second enlarged by the norm that they leave if A has negative entries after all."""
    rows, columns = (torch.where(w > 0, 1 / torch.where(w > 0, w, 1), 0) for w in sart_weights(operator, like))
    if isinstance(operator, RayTransform):
        if operator.is_joseph(like):
            return AbsoluteSums(rows, columns)
        rows = torch.where(rows > 0, rows, rows.max())  # rays that only this model lets touch the image
    else:
        _require_seen(operator, rows, columns)
    left, right = (torch.where(s > 0, 1 / torch.where(s > 0, s, 1), 0).sqrt() for s in (rows, columns))
    square = Composition(Composition(Diagonal(left), operator), Diagonal(right)).norm(1e-2, like) ** 2
    return AbsoluteSums(rows, columns if square <= 1 + NEGLIGIBLE else 1.02 * square * columns)


def _require_seen(operator: LinearOperator, rows: Tensor, columns: Tensor) -> None:
    """Refuse operators of which a row or column sums to zero without being zero, as those of wavelets do."""
    generator = torch.Generator().manual_seed(1)
    for A, ins, outs in ((operator, columns, rows), (operator.H, rows, columns)):
        probe = torch.randn(ins.shape, generator=generator, dtype=ins.dtype).to(ins.device)
        hidden = torch.where(outs > 0, 0, A(probe).abs())
        if bool((hidden > 1e-4 * outs.max()).any()):
            raise CapabilityError(f"absolute sums need an operator without negative entries, got {operator.name}.")


def _gradient_sums(D: Gradient, like: Tensor) -> AbsoluteSums:
    rows = torch.zeros(D.range_shape, dtype=like.dtype, device=like.device)
    columns = torch.zeros(D.domain_shape, dtype=like.dtype, device=like.device)
    for component, (axis, h) in enumerate(zip(D.axes, D.spacing, strict=True)):
        size = D.domain_shape[axis]
        differences = size if D.boundary == "circular" and size > 1 else size - 1
        rows[component].narrow(axis, 0, differences).fill_(2 / h)
        columns.narrow(axis, 0, differences).add_(1 / h)
        columns.narrow(axis, 1, size - 1).add_(1 / h)
        if differences == size:
            columns.narrow(axis, 0, 1).add_(1 / h)
    return AbsoluteSums(rows, columns)
