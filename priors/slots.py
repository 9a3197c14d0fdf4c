"""Stacks of images in which one is sought and others help to state its cost."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.algebra import Composition
from recon.operators.functionals import L1, BoxIndicator, Functional
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import item_norm, per_item
from recon.priors.prior import Term


class Slots(LinearOperator):
    """Some images of a stack: (count, *shape) ↦ (len(images), *shape), or ``shape`` for a single number.

    Parameters
    ----------
    shape
        Shape of one image.
    count
        How many images a stack has.
    images
        Which are taken, each at most once: numbers from 0, or one number.
    """

    capabilities = frozenset({"pinv", "normal_pinv"})

    def __init__(self, shape: Shape, count: int, images: int | tuple[int, ...]) -> None:
        self.images = images
        chosen = (images,) if isinstance(images, int) else images
        if len(set(chosen)) < len(chosen) or not all(0 <= n < count for n in chosen):
            raise ValueError(f"Slots expects different images below {count}, got {images}.")
        super().__init__((count, *shape), shape if isinstance(images, int) else (len(chosen), *shape))

    def apply(self, x: Tensor) -> Tensor:
        axis = x.ndim - len(self.domain_shape)
        if isinstance(self.images, int):
            return x.select(axis, self.images).clone()
        return x.index_select(axis, torch.tensor(self.images, device=x.device))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        batch = y.shape[: y.ndim - len(self.range_shape)]
        out = y.new_zeros((*batch, *self.domain_shape))
        axis = len(batch)
        if isinstance(self.images, int):
            out.select(axis, self.images).copy_(y)
            return out
        return out.index_copy(axis, torch.tensor(self.images, device=y.device), y)

    def known_norm(self) -> float:
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((3, 4), 3, 0)
        yield cls((5,), 4, (3, 1))


class SlotFunctional(Functional):
    """z ↦ f(z₀) for one image z₀ of a stack (count, *shape); with f's prox on that image, the others as they are.

    f*(y) is f*(y₀) where all other images of y are zero, else ∞.

    Parameters
    ----------
    functional
        f.
    count
        How many images a stack has.
    image
        Which one f sees.
    """

    def __init__(self, functional: Functional, count: int, image: int = 0) -> None:
        if not 0 <= image < count:
            raise ValueError(f"SlotFunctional expects an image below {count}, got {image}.")
        super().__init__((count, *functional.domain_shape))
        self.functional, self.image = functional, image
        self.domain_field, self.convex = functional.domain_field, functional.convex
        self.constraint = functional.constraint
        self.capabilities = functional.capabilities & {"grad", "prox", "conjugate"}

    def _part(self, z: Tensor) -> Tensor:
        return z.select(z.ndim - self.ndim, self.image)

    def _with_part(self, z: Tensor, part: Tensor) -> Tensor:
        return z.select_scatter(part, z.ndim - self.ndim, self.image)

    def _others(self, z: Tensor) -> Tensor:
        return item_norm(self._with_part(z, torch.zeros_like(self._part(z))), self.ndim)

    def apply(self, x: Tensor) -> Tensor:
        return self.functional(self._part(x))

    def grad(self, x: Tensor) -> Tensor:
        return self._with_part(torch.zeros_like(x), self.functional.grad(self._part(x)))

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        each = isinstance(step, Tensor) and step.ndim == x.ndim and step.shape[x.ndim - self.ndim] > 1
        whole = self._part(step) if isinstance(step, Tensor) and each else _squeezed(step, x.ndim - self.ndim)
        return self._with_part(x, self.functional.prox(self._part(x), whole))

    def conjugate(self, y: Tensor) -> Tensor:
        inside = self.functional.conjugate(self._part(y))
        return torch.where(self._others(y) == 0, inside, torch.inf)

    def dual_point(self, y: Tensor) -> Tensor:
        return self._with_part(torch.zeros_like(y), self.functional.dual_point(self._part(y)))

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        return self._with_part(torch.zeros_like(v), self.functional.subgradient(self._part(x), self._part(v)))

    def dual_shrink(self, y: Tensor) -> Tensor:
        return torch.where(self._others(y) == 0, self.functional.dual_shrink(self._part(y)), 0.0)

    def lipschitz(self) -> float | Tensor | None:
        return self.functional.lipschitz()

    def dual_scale(self) -> float | Tensor:
        return self.functional.dual_scale()

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        others = self._others(r)
        rest = torch.where(others == 0, 0.0, torch.where(torch.isinf(radius), -torch.inf, -radius * others))
        return self.functional.lower_bound(self._part(r), radius) + rest

    def select(self, items: Tensor) -> SlotFunctional:
        return SlotFunctional(self.functional.select(items), self.domain_shape[0], self.image)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls(BoxIndicator((2, 3), -0.5, 0.75), 3, 1)
        yield cls(L1((2, 3)), 2)


def _squeezed(step: float | Tensor, axis: int) -> float | Tensor:
    return step.squeeze(axis) if isinstance(step, Tensor) and step.ndim > axis else step


def stacked(term: Term, slots: Slots) -> Term:
    """A term on some images of a stack; nothing is known of how it bounds the whole stack."""
    if term.operator is None and isinstance(slots.images, int) and "prox" in term.functional.capabilities:
        return Term(SlotFunctional(term.functional, slots.domain_shape[0], slots.images))
    if slots.range_shape == slots.domain_shape and slots.images == tuple(range(slots.domain_shape[0])):
        return term
    operator = slots if term.operator is None else Composition(term.operator, slots)
    return Term(term.functional, operator)
