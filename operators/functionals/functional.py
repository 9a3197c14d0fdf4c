"""Functionals: operators into the reals, with gradient, proximal map and convex conjugate."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor
from torch.autograd import forward_ad

from recon.operators.linear import CapabilityError
from recon.operators.operator import Operator
from recon.operators.tensors import item_dot, item_norm, per_item


class Functional(Operator):
    """A function f from items of ``domain_shape`` to the extended reals, one value per item.

    ``f(x)`` takes ``(*batch, *domain_shape)`` and gives a real tensor of shape ``batch``. A subclass
    implements :meth:`apply` and whatever of the following it has, and lists those names in
    :attr:`capabilities`:

    * ``"grad"``: :meth:`grad`, with the Lipschitz constant of the gradient in :meth:`lipschitz`;
    * ``"prox"``: :meth:`prox`, argmin_z f(z) + ‖z − x‖²/(2τ), exact (a minimiser, where there are several);
    * ``"conjugate"``: :meth:`conjugate`, f*(y) = sup_x Re⟨x, y⟩ − f(x);
    * ``"majorant"``: :meth:`majorant`, a quadratic above f that touches it;
    * ``"smooth_split"``: :meth:`smooth_split`, f as a smooth function plus a convex one with a prox.

    f is convex unless :attr:`convex` says otherwise; one that is not has no conjugate. One that is a sum over elements
    says so in :attr:`separable`; its prox takes a step per element. One of magnitudes, f(x) = f(|x|), that decreases
    with none of them is :attr:`monotone`; one that takes no values but 0 and ∞ is a :attr:`constraint`.

    Values that belong to batch items are tensor attributes listed in :attr:`per_item_attributes`:
    ``"item"`` where an entry has the shape of an item (measured data), ``"scalar"`` where it is one
    number (weights). Their leading dimensions are the batch; without any, all items share the value.
    This is what lets solvers drop finished items.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {}
    capabilities: frozenset[str] = frozenset()
    convex: bool = True
    separable: bool = False
    monotone: bool = False
    constraint: bool = False

    def __init__(self, domain_shape: Sequence[int]) -> None:
        super().__init__(domain_shape, ())
        self.range_field = "real"

    @property
    def ndim(self) -> int:
        """Number of dimensions of one item."""
        return len(self.domain_shape)

    # ---------------------------------------------------------------- what a functional may offer

    def grad(self, x: Tensor) -> Tensor:
        """Gradient of f at x, with respect to the real inner product Re⟨·, ·⟩."""
        raise self._lacks("gradient")

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        """∇²f(x)v, by forward-mode differentiation of :meth:`grad` unless overridden; needs ``"grad"``."""
        with forward_ad.dual_level():
            slope = forward_ad.unpack_dual(self.grad(forward_ad.make_dual(x, v))).tangent
        return torch.zeros_like(v) if slope is None else slope

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        """argmin_z f(z) + ‖z − x‖²/(2τ); τ > 0 is a number, one value per item, or one per element."""
        raise self._lacks("proximal map")

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        """prox of σf* at y, by Moreau's identity y − σ prox_{f/σ}(y/σ) unless overridden."""
        scale = per_item(sigma, y, self.ndim)
        return y - scale * self.prox(y / scale, 1 / sigma)

    def conjugate(self, y: Tensor) -> Tensor:
        """Convex conjugate f*(y), one value per item, infinite outside its domain."""
        raise self._lacks("convex conjugate")

    def dual_point(self, y: Tensor) -> Tensor:
        """A point of dom f* near y (y itself by default): makes dual values finite despite rounding."""
        return y

    def dual_support(self, like: Tensor) -> Tensor | None:
        """Where points of dom f* may differ from zero, 1 or 0 over an item, as ``like``; None: anywhere."""
        return None

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        """A point of dom f* near v that suits x: of ∂f(x) where that is easy, else :meth:`dual_point` of v."""
        return self.dual_point(v)

    def dual_shrink(self, y: Tensor) -> Tensor:
        """The largest s ≤ 1 per item with s·y in dom f*, as far as scaling can tell (1 by default)."""
        return torch.ones_like(self.inner(y, y))

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Weights w ≥ 0 and a centre c such that q(z) = ½ Σ w|z − c|² + const ≥ f(z), with equality at x.

        Both broadcast against x. Where f has a kink at x, w is infinite unless ``smoothing`` ε > 0, which stands for
        √(t² + ε²) in place of |t|.
        """
        raise self._lacks("quadratic majorant")

    def smooth_split(self) -> tuple[Functional, Functional]:
        """f = s + c with s of Lipschitz gradient (not convex, as a rule) and a convex c that has a prox."""
        raise self._lacks("split into a smooth and a convex part")

    def on_nonnegative(self) -> Functional | None:
        """f where x ≥ 0, ∞ elsewhere, if the prox of that is known; a function of magnitudes has one."""
        from recon.operators.functionals.nonnegative import Nonnegative

        return Nonnegative(self) if self.monotone else None

    def strong_convexity(self) -> float | Tensor:
        """A μ ≥ 0 (a number or one per item) such that f − μ‖·‖²/2 is convex."""
        return 0.0

    def lipschitz(self) -> float | Tensor | None:
        """Lipschitz constant of the gradient (a number or one per item), None if there is none."""
        return None

    def curvature(self) -> float | Tensor | None:
        """c where the Hessian is c·I everywhere (a number or one per item), None where it is not."""
        return None

    def dual_scale(self) -> float | Tensor:
        """Order of magnitude of the entries of ∂f at a solution (a number or one per item); balances step sizes."""
        return 1.0

    def level_radius(self, level: Tensor) -> Tensor:
        """An R per item with ‖x‖₂ ≤ R whenever f(x) ≤ level; infinite where no such bound is known."""
        return torch.full_like(level, torch.inf)

    def support_radius(self, level: Tensor) -> Tensor:
        """An R per item with ‖x‖₂ ≤ R over :meth:`dual_support` whenever f(x) ≤ level."""
        return self.level_radius(level)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        """A lower bound per item on min f(x) + Re⟨x, r⟩ over ‖x‖₂ ≤ radius, for f ≥ 0.

        −radius·‖r‖, or where a conjugate is known and that is larger −f*(−r) or −f*(q) − radius·‖r + q‖ for the
        :meth:`dual_point` q of −r.
        """
        ball = _reach(radius, item_norm(r, self.ndim))
        if "conjugate" not in self.capabilities:
            return ball
        q = self.dual_point(-r)
        near = _reach(radius, item_norm(r + q, self.ndim)) - self.conjugate(q)
        return torch.maximum(torch.maximum(ball, near), -self.conjugate(-r))

    def _lacks(self, what: str) -> CapabilityError:
        return CapabilityError(f"{self.name} has no {what}.")

    # ---------------------------------------------------------------- algebra and bookkeeping

    @property
    def holds_items(self) -> bool:
        """Whether some value is held per item, so that batches of another shape are refused."""
        for key, kind in self.per_item_attributes.items():
            value = getattr(self, key)
            if isinstance(value, Tensor) and value.ndim > (self.ndim if kind == "item" else 0):
                return True
        return False

    def select(self, items: Tensor) -> Self:
        """The same functional for a subset of the (one-dimensional) batch, given by indices."""
        if not self.per_item_attributes:
            return self
        clone = copy.copy(self)
        clone.__dict__.pop("_constants", None)
        for key, kind in self.per_item_attributes.items():
            value = getattr(self, key)
            if isinstance(value, Tensor) and value.ndim > (self.ndim if kind == "item" else 0):
                setattr(clone, key, value[items.to(value.device)])
        return clone

    def __mul__(self, factor: float | Tensor) -> Functional:
        from recon.operators.functionals.scaled import ScaledFunctional

        return ScaledFunctional(self, factor)

    __rmul__ = __mul__

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        """Small instances that together cover every mode of the class."""
        yield cls((3, 4))

    @abstractmethod
    def apply(self, x: Tensor) -> Tensor:
        """f(x), one real value per item, for an x whose shape has been checked."""

    def inner(self, x: Tensor, y: Tensor) -> Tensor:
        """Re⟨x, y⟩ per item."""
        return item_dot(x, y, self.ndim)


def _reach(radius: Tensor, size: Tensor) -> Tensor:
    """−radius·size, zero where size is, though the radius be infinite."""
    return torch.where(size == 0, 0.0, torch.where(torch.isinf(radius), -torch.inf, -radius * size))
