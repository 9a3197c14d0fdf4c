"""Operators side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.algebra import join_fields
from recon.operators.diagonal import Diagonal
from recon.operators.identity import Identity
from recon.operators.linear import LinearOperator


class Stack(LinearOperator):
    """x ↦ (A₁x, A₂x, …), each flattened and concatenated; the adjoint sums Aᵢᴴyᵢ.

    The range is one vector of length Σ mᵢ; :meth:`split` gives the parts back in their own shapes and
    :meth:`join` is its inverse.
    """

    def __init__(self, *operators: LinearOperator) -> None:
        if not operators:
            raise ValueError("Stack expects at least one operator.")
        for op in operators:
            if not isinstance(op, LinearOperator):
                raise TypeError(f"Stack expects linear operators, got {type(op).__name__}.")
        domains = {op.domain_shape for op in operators}
        if len(domains) != 1:
            raise ValueError(f"Stack expects operators on one domain, got {sorted(domains)}.")
        super().__init__(operators[0].domain_shape, (sum(prod(op.range_shape) for op in operators),))
        self.operators = operators
        for op in operators:
            self.domain_field = join_fields(self.domain_field, op.domain_field, "Stack")
            self.range_field = join_fields(self.range_field, op.range_field, "Stack")

    def split(self, y: Tensor) -> tuple[Tensor, ...]:
        """The parts of a stacked ``(*batch, Σmᵢ)``, each ``(*batch, *range_shapeᵢ)``."""
        parts = torch.split(y, [prod(op.range_shape) for op in self.operators], dim=-1)
        return tuple(p.reshape(*p.shape[:-1], *op.range_shape) for p, op in zip(parts, self.operators, strict=True))

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Flatten and concatenate parts laid out as by :meth:`split`."""
        flat = [
            p.reshape(*p.shape[: p.ndim - len(op.range_shape)], prod(op.range_shape))
            for p, op in zip(parts, self.operators, strict=True)
        ]
        return torch.cat(flat, dim=-1)

    def apply(self, x: Tensor) -> Tensor:
        return self.join([op(x) for op in self.operators])

    def apply_adjoint(self, y: Tensor) -> Tensor:
        parts = self.split(y)
        total = self.operators[0].adjoint(parts[0])
        for op, part in zip(self.operators[1:], parts[1:], strict=True):
            total = total + op.adjoint(part)
        return total

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Identity((2, 3)), Diagonal(torch.arange(6.0).reshape(2, 3)))
