"""Inputs for the laws of functionals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from recon.operators.functionals import Functional, ScaledFunctional
from recon.operators.operator import Shape
from recon.testing.report import NotApplicable
from recon.testing.samples import Direction, OperatorCase, dtypes, normal, positive

STEP = 0.7
"""τ and σ in laws that need only one."""


@dataclass(frozen=True)
class FunctionalCase(OperatorCase):
    """A functional under test; its maps are its value, gradient, prox and conjugate, as far as declared."""

    @property
    def f(self) -> Functional:
        """The functional."""
        assert isinstance(self.op, Functional)
        return self.op

    def directions(self) -> Iterator[Direction]:
        f, shape, field = self.f, self.f.domain_shape, self.f.domain_field
        yield Direction("f", f, shape, (), field, "real")
        if "grad" in f.capabilities:
            yield Direction("grad", f.grad, shape, shape, field, field, checked=False)
        if "prox" in f.capabilities:
            yield Direction("prox", lambda x: f.prox(x, STEP), shape, shape, field, field, checked=False)
            if f.convex:
                yield Direction(
                    "prox_conjugate", lambda y: f.prox_conjugate(y, STEP), shape, shape, field, field, False
                )
        if "conjugate" in f.capabilities:
            yield Direction("conjugate", f.conjugate, shape, (), field, "real", checked=False)

    def draw(self, side: Direction, batch: Shape, dtype: torch.dtype, seed: int = 0) -> Tensor:
        if side.name in ("f", "grad"):
            return self.inside(batch, dtype, seed)
        return normal((*batch, *side.shape_in), dtype, seed, self.device)

    @cached_property
    def batch(self) -> Shape:
        """The batch that the functional's own values per item prescribe, () if there are none."""
        return _batch(self.f)

    def inside(self, batch: Shape, dtype: torch.dtype, seed: int = 0) -> Tensor:
        """Points at which f is finite."""
        return self._family((*batch, *self.f.domain_shape), dtype, seed)

    def dtypes(self) -> tuple[torch.dtype, ...]:
        """Double-precision dtypes of the domain."""
        return dtypes(self.f.domain_field)

    def needs(self, capability: str) -> None:
        """Stop the law where a capability is not declared."""
        if capability not in self.f.capabilities:
            raise NotApplicable(f"{capability} is not declared")

    @cached_property
    def _family(self) -> Callable[[Shape, torch.dtype, int], Tensor]:
        def around(shape: Shape, dtype: torch.dtype, seed: int) -> Tensor:
            assert self.at is not None
            return self.at.to(self.device, dtype) * (1 + 0.1 * normal(shape, dtype, seed, self.device))

        def centred(shape: Shape, dtype: torch.dtype, seed: int) -> Tensor:
            return normal(shape, dtype, seed, self.device)

        def small(shape: Shape, dtype: torch.dtype, seed: int) -> Tensor:
            return 0.2 * positive(shape, dtype, seed, self.device)

        def projected(shape: Shape, dtype: torch.dtype, seed: int) -> Tensor:
            return self.f.prox(normal(shape, dtype, seed, self.device), STEP)

        families = [around] if self.at is not None else [centred, small]
        if "prox" in self.f.capabilities:
            families.append(projected)
        for family in families:
            values = [
                self.f(family((*self.batch, *self.f.domain_shape), d, s)) for d in self.dtypes() for s in range(4)
            ]
            if all(bool(torch.isfinite(value).all()) for value in values):
                return family
        raise AssertionError(f"{self.f.name} is finite at none of the points tried; pass at=, one item where it is.")


def _batch(f: Functional) -> Shape:
    if isinstance(f, ScaledFunctional):
        return _batch(f.functional)
    for key, kind in f.per_item_attributes.items():
        value = getattr(f, key)
        ndim = f.ndim if kind == "item" else 0
        if isinstance(value, Tensor) and value.ndim > ndim:
            return tuple(value.shape[: value.ndim - ndim])
    return ()
