"""Negative logarithm of Student's t density of residuals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import pi
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.misfit import Misfit
from recon.operators.tensors import is_number, item_sum, per_item, positive_weight

POLISH = 3
"""Newton steps after the closed form of the cubic."""


class StudentT(Misfit):
    """f(z) = ½(ν + 1) Σ w log(1 + |z − y|²/νs²), heavy-tailed: of outliers it counts the logarithm.

    Not convex. With a = νs² and κ = ½(ν + 1)w:

    * gradient 2κ(z − y)/(a + |z − y|²), with the Lipschitz constant 2 max κ/a;
    * majorant κ|z − y|²/(a + |x − y|²) + const at x;
    * prox: the residual's magnitude r becomes the root of t³ − r t² + (a + 2τκ)t − ra = 0 with the least value of
      κ log(1 + t²/a) + (t − r)²/2τ, of up to three.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    scale
        s > 0, in units of the data: a number or one per item.
    dof
        ν > 0, degrees of freedom: 1 for Cauchy's density, Gaussian as ν → ∞.
    data, weight
        As for :class:`Misfit`.

    Source: A. Aravkin, M. P. Friedlander, F. J. Herrmann and T. van Leeuwen, Math. Program. 134 (2012) 101.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {
        **Misfit.per_item_attributes,
        "scale": "scalar",
    }
    capabilities = frozenset({"grad", "prox", "majorant"})
    convex = False

    def __init__(
        self,
        domain_shape: Sequence[int],
        scale: float | Tensor = 1.0,
        dof: float = 4.0,
        data: Tensor | None = None,
        weight: float | Tensor = 1.0,
    ) -> None:
        super().__init__(domain_shape, data, weight)
        if not (is_number(dof) and 0 < dof < float("inf")):
            raise ValueError(f"StudentT expects dof > 0, got {dof!r}.")
        self.dof = float(dof)
        self.scale = self._as_data(positive_weight(scale, "StudentT expects scale > 0"))

    def _parts(self, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        """a and κ, shaped to broadcast against ``like``."""
        scale = self.constant("scale", like) if isinstance(self.scale, Tensor) else self.scale
        return self.dof * per_item(scale, like, self.ndim) ** 2, (self.dof + 1) / 2 * self._weight(like)

    def apply(self, x: Tensor) -> Tensor:
        a, kappa = self._parts(x)
        return item_sum(kappa * torch.log1p((x - self._data(x)).abs().square() / a), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        a, kappa = self._parts(x)
        residual = x - self._data(x)
        return 2 * kappa * residual / (a + residual.abs().square())

    def lipschitz(self) -> float | Tensor:
        return (self.dof + 1) / self.dof * self._largest_weight() / self.scale**2

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        a, kappa = self._parts(x)
        return 2 * kappa / (a + (x - self._data(x)).abs().square()), self._data(x) + torch.zeros_like(x)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        a, kappa = self._parts(x)
        residual, k = x - self._data(x), per_item(tau, x, self.ndim) * kappa
        r = residual.abs()
        low, high = (_polished(t.clamp(min=0), r, a, k) for t in _extreme_roots(r, a, k))

        def cost(t: Tensor) -> Tensor:
            return k * torch.log1p(t.square() / a) + (t - r).square() / 2

        t = torch.where(cost(low) < cost(high), low, high)
        return self._data(x) + residual * (t / torch.where(r > 0, r, 1))

    def dual_scale(self) -> float | Tensor:
        return self._mean_weight() / self.scale

    def level_radius(self, level: Tensor) -> Tensor:
        """‖y‖ + R with R² = a(e^h − 1), h = level/min κ: Σ tᵢ² is largest where one residual has all of the level."""
        least = self._least_weight()
        h = self._per_weight(level, least) * 2 / (self.dof + 1)
        scale = self.constant("scale", level) if isinstance(self.scale, Tensor) else self.scale
        return self._radius(level, least, scale * (self.dof * torch.expm1(h)).sqrt())

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), 0.7)
        yield cls((3,), 0.25, 1.0, torch.tensor([1.0, -2.0, 0.5]), torch.tensor([2.0, 0.0, 0.5]))
        yield cls((2,), torch.tensor([0.5, 2.0]), 1.0, torch.tensor([[1.0, -2.0], [0.5, 2j]]))


def _extreme_roots(r: Tensor, a: Tensor | float, k: Tensor | float) -> tuple[Tensor, Tensor]:
    """The least and the largest real root of t³ − r t² + (a + 2k)t − ra, by Cardano and Viète."""
    p = (a + 2 * k) - r.square() / 3
    q = r * ((a + 2 * k) / 3 - a) - 2 * r**3 / 27
    discriminant = (q / 2).square() + (p / 3) ** 3
    single = discriminant > 0
    cube = q.abs() / 2 + torch.where(single, discriminant, 0).sqrt()
    u = -torch.where(q < 0, -1.0, 1.0).to(q) * torch.where(cube > 0, cube, 1) ** (1 / 3)
    alone = torch.where(cube > 0, u - p / (3 * u), 0)
    radius = torch.where(single, 1, (-p / 3).clamp(min=0)).sqrt()
    cosine = torch.where(radius > 0, -q / 2 / torch.where(radius > 0, radius, 1) ** 3, 1).clamp(-1, 1)
    angle = torch.acos(cosine) / 3
    largest = 2 * radius * torch.cos(angle)
    least = 2 * radius * torch.cos(angle - 2 * pi / 3 * 2)
    return torch.where(single, alone, least) + r / 3, torch.where(single, alone, largest) + r / 3


def _polished(t: Tensor, r: Tensor, a: Tensor | float, k: Tensor | float) -> Tensor:
    """A root after Newton steps that are kept as long as they lower the cubic's magnitude."""

    def cubic(t: Tensor) -> Tensor:
        return (t - r) * (a + t.square()) + 2 * k * t

    value = cubic(t)
    for _ in range(POLISH):
        slope = 3 * t.square() - 2 * r * t + a + 2 * k
        moved = torch.where(slope == 0, t, t - value / torch.where(slope == 0, 1, slope)).clamp(min=0)
        found = cubic(moved)
        better = found.abs() < value.abs()
        t, value = torch.where(better, moved, t), torch.where(better, found, value)
    return t
