"""Half the squared Euclidean distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.misfit import Misfit
from recon.operators.tensors import item_sum, per_item


class SquaredL2(Misfit):
    """f(z) = ½ Σ w |z − y|², with f*(p) = Σ |p|²/(2w) + Re⟨p, y⟩, infinite where p ≠ 0 at w = 0.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y, ``(*batch, *domain_shape)``; zero if omitted.
    weight
        w: a number, one per item or one per element, see :class:`Misfit`; for Gaussian noise 1/σ².
    """

    capabilities = frozenset({"grad", "prox", "conjugate", "majorant"})

    def __init__(self, domain_shape: Sequence[int], data: Tensor | None = None, weight: float | Tensor = 1.0) -> None:
        super().__init__(domain_shape, data, weight)

    def apply(self, x: Tensor) -> Tensor:
        residual = x - self._data(x)
        return 0.5 * item_sum(self._weight(x) * residual.abs().square(), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return self._weight(x) * (x - self._data(x))

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        return self._weight(v) * v

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        strength = per_item(tau, x, self.ndim) * self._weight(x)
        return (x + strength * self._data(x)) / (1 + strength)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        w, step = self._weight(y), per_item(sigma, y, self.ndim)
        return w / (w + step) * (y - step * self._data(y))

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        real = x.real if x.is_complex() else x
        return self._weight(x) * torch.ones_like(real), self._data(x) + torch.zeros_like(x)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self._weight(y)
        if self.elements is None:
            return 0.5 * item_sum(y.abs().square() / w, self.ndim) + self._pairing(y)
        assert isinstance(w, Tensor)
        value = y.abs().square() / torch.where(w > 0, w, 1)
        outside = (w == 0) & (y != 0)
        return 0.5 * item_sum(torch.where(outside, torch.inf, value), self.ndim) + self._pairing(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return y if self.elements is None else y * (self.constant("elements", y) > 0)

    def dual_shrink(self, y: Tensor) -> Tensor:
        if self.elements is None:
            return super().dual_shrink(y)
        outside = (self.constant("elements", y) == 0) & (y != 0)
        return torch.where(self._over_elements(outside).any(-1), 0.0, 1.0).to(y.real.dtype if y.is_complex() else y)

    def lipschitz(self) -> float | Tensor:
        return self._largest_weight()

    def strong_convexity(self) -> float | Tensor:
        return self._least_weight()

    def curvature(self) -> float | Tensor | None:
        return self.weight if self.elements is None else None

    def dual_scale(self) -> float | Tensor:
        return self._mean_weight() ** 0.5

    def level_radius(self, level: Tensor) -> Tensor:
        least = self._least_weight()
        return self._radius(level, least, (2 * self._per_weight(level, least)).sqrt())

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((3,), data=torch.tensor([1.0, -2.0, 0.5]), weight=3.0)
        yield cls((3,), data=torch.tensor([1.0, -2.0, 0.5]), weight=torch.tensor([2.0, 0.0, 0.7]))
        data = torch.tensor([[1.0, -2.0], [0.5, 2j]])
        yield cls((2,), data, weight=torch.tensor([[2.0, 0.1], [1.0, 0.7]]))
        yield cls((2,), data, weight=torch.tensor([2.0, 0.5]))
