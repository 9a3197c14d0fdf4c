"""A data term in parts: subsets of the views of a scan, or the operators of a stack."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.algebra import Composition, Scaled
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.subset import Subset
from recon.operators.functionals import Functional, ScaledFunctional
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Shape
from recon.operators.stack import Stack
from recon.priors.splitting import Block
from recon.solvers.problem import Problem

VIEWS = 10
"""Subsets of a scan where no number is asked for, or as many as there are views."""


class DataParts(NamedTuple):
    """f(Ax) = Σᵢ fᵢ(Aᵢx) as blocks, and the data in one piece from parts laid out like these."""

    blocks: tuple[Block, ...]
    join: Callable[[tuple[Tensor, ...]], Tensor]


def data_parts(problem: Problem, count: int | None, solver: str) -> DataParts:
    """The data term of a problem in ``count`` interleaved subsets of views, or one part per operator of a stack.

    Errors: CapabilityError for operators that come in no parts and data terms that are no sums over data; ValueError
    where ``count`` does not fit.
    """
    f = problem.likelihood
    if not f.separable:
        raise CapabilityError(f"{solver} needs a data term that is a sum over data; {f.name} is not.")
    A, wrap = _core(problem.linear)
    if isinstance(A, RayTransform):
        views = A.range_shape[0]
        subsets = A.subsets(min(VIEWS, views) if count is None else count)
        blocks = tuple(Block(restricted(f, s.of, s.operator.range_shape), wrap(s.operator)) for s in subsets)
        return DataParts(blocks, lambda parts: _join_views(subsets, parts, views))
    if isinstance(A, Stack):
        if count not in (None, len(A.operators)):
            raise ValueError(f"{solver} takes a stack of {len(A.operators)} operators in as many subsets, got {count}.")
        blocks = tuple(
            Block(restricted(f, lambda y, i=i: A.split(y)[i], op.range_shape), wrap(op))  # type: ignore[misc]
            for i, op in enumerate(A.operators)
        )
        return DataParts(blocks, A.join)
    raise CapabilityError(
        f"{solver} needs an operator that comes in parts, a RayTransform or a Stack; {A.name} does not: use PDHG."
    )


def _core(A: LinearOperator) -> tuple[LinearOperator, Callable[[LinearOperator], LinearOperator]]:
    """The operator without factors and what acts before it, and how to give those back to its parts."""
    if isinstance(A, Scaled):
        inner, wrap = _core(A.operator)
        factor = A.factor
        return inner, lambda part: factor * wrap(part)
    if isinstance(A, Composition):
        inner, wrap = _core(A.outer)
        before = A.inner
        return inner, lambda part: Composition(wrap(part), before)
    return A, lambda part: part


def _join_views(subsets: tuple[Subset, ...], parts: tuple[Tensor, ...], views: int) -> Tensor:
    axis = 1  # after the items
    shape = list(parts[0].shape)
    shape[axis] = views
    whole = parts[0].new_empty(shape)
    for subset, part in zip(subsets, parts, strict=True):
        whole[:, subset.views.start :: subset.views.step] = part
    return whole


def restricted(f: Functional, take: Callable[[Tensor], Tensor], shape: Shape) -> Functional:
    """A functional that is a sum over the elements of an item, on some of them only: of ``take(item)``."""
    if isinstance(f, ScaledFunctional):
        return ScaledFunctional(restricted(f.functional, take, shape), f.factor)
    clone = copy.copy(f)
    clone.__dict__.pop("_constants", None)
    clone.domain_shape = shape
    data = getattr(f, "data", None)
    for key, value in list(vars(f).items()):
        if not isinstance(value, Tensor):
            continue
        moved = f.constant(key, data) if isinstance(data, Tensor) else value  # converted once, kept by the whole
        numbers = value.ndim == 0 or (f.per_item_attributes.get(key) == "scalar" and value.ndim <= 1)
        lead = torch.Size(value.shape[: max(value.ndim - f.ndim, 0)])
        setattr(clone, key, moved if numbers else take(moved.expand(*lead, *f.domain_shape)))
    return clone
