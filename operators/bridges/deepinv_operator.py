"""A deepinv physics as an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recon.operators.bridges.channels import Channels, Parts
from recon.operators.bridges.held_physics import HeldPhysics
from recon.operators.operator import Field, Operator
from recon.operators.tensors import matching_dtype


class DeepinvOperator(Operator):
    """x ↦ physics.A(x) without noise, for a nonlinear deepinv physics; made by :func:`from_deepinv`.

    Derivatives are those of automatic differentiation through the physics, with respect to x only.
    """

    def __init__(
        self, held: HeldPhysics, domain: Channels, range_: Channels | Parts, domain_field: Field, range_field: Field
    ) -> None:
        super().__init__(domain.shape, range_.shape)
        self.held, self.domain, self.range = held, domain, range_
        self.domain_field, self.range_field = domain_field, range_field

    def apply(self, x: Tensor) -> Tensor:
        batch = self.batch_shape(x)
        work = self.held.working(x.new_zeros(self.domain_shape) if x.numel() == 0 else x)
        out = self.range.leave(self.held.at(work).A(self.domain.enter(work)), self.batch_shape(work))
        out = out.new_zeros((*batch, *self.range_shape)) if x.numel() == 0 else out
        return out.to(matching_dtype(out, x))

    @property
    def name(self) -> str:
        return type(self.held.physics).__name__

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        from deepinv.physics import Physics

        from recon.operators.bridges.from_deepinv import from_deepinv

        yield from_deepinv(Physics(A=_cube), (3, 4))
        yield from_deepinv(Physics(A=_intensity), (2, 3), field="complex")


def _cube(x: Any, **_: Any) -> Any:
    return x**3 + torch.roll(x, 1, -1)


def _intensity(x: Any, **_: Any) -> Any:
    return (x + torch.roll(x, 1, -1)).abs().square()
