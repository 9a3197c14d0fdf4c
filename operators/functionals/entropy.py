"""Relative entropy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import expm1

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.lambert import omega
from recon.operators.tensors import exact, fixed, item_sum, per_item

SLOPES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Slopes of the lines below the entropy that bound its level sets."""


class Entropy(Functional):
    """f(x) = Σ [x log(x/m) − x + m] on x ≥ 0, the entropy relative to a reference image m, which is where f = 0.

    * gradient log(x/m), not Lipschitz as x → 0;
    * prox: τw with w e^w = (m/τ) e^{x/τ}, Lambert's function of an argument kept in logarithms;
    * f*(y) = Σ m (e^y − 1).

    Parameters
    ----------
    domain_shape
        Shape of one item.
    reference
        m > 0, what the image is without data: a number, or a tensor that broadcasts against one item.

    Source: S. F. Gull and G. J. Daniell, Nature 272 (1978) 686.
    """

    capabilities = frozenset({"grad", "prox", "conjugate"})
    separable = True

    def __init__(self, domain_shape: Sequence[int], reference: float | Tensor = 1.0) -> None:
        super().__init__(domain_shape)
        self.domain_field = "real"
        m = fixed(exact(reference), "Entropy", "reference")
        self.reference = m if m.is_floating_point() or m.is_complex() else m.double()
        sizes = zip(m.shape[::-1], self.domain_shape[::-1], strict=False)
        if m.is_complex() or m.ndim > self.ndim or any(n not in (1, k) for n, k in sizes):
            raise ValueError(
                f"Entropy expects a real reference that broadcasts against one item of {self.domain_shape}, got "
                f"{m.dtype} of shape {tuple(m.shape)}."
            )
        if bool((m <= 0).any()):
            raise ValueError(f"Entropy expects a positive reference, got {float(m.min()):g}.")

    def apply(self, x: Tensor) -> Tensor:
        m = self.constant("reference", x)
        value = torch.xlogy(x, x.clamp(min=0) / m) - x + m
        return item_sum(torch.where(x < 0, torch.inf, value), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return torch.log(x / self.constant("reference", x))

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        return v / x

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        t = per_item(tau, x, self.ndim)
        return t * omega(x / t + torch.log(self.constant("reference", x) / t))

    def conjugate(self, y: Tensor) -> Tensor:
        return item_sum(self.constant("reference", y) * torch.expm1(y), self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        """The least of (level + M(e^a − 1))/a over some a, M = Σ m: f(x) ≥ aΣx − M(e^a − 1), and ‖x‖ ≤ Σx."""
        total = float(item_sum(self.reference.expand(self.domain_shape), self.ndim))
        return torch.stack([(level + total * expm1(a)) / a for a in SLOPES]).amin(0)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((2, 3), torch.tensor([0.5, 0.25, 2.0]))
