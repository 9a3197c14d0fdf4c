"""Huber's function of residuals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.misfit import Misfit
from recon.operators.tensors import is_number, item_sum, per_item


class Huber(Misfit):
    """f(z) = Σ w h(|z − y|), h(t) = t²/2 for t ≤ δ and δ(t − δ/2) beyond: least squares that outliers do not rule.

    * gradient w(z − y) min(1, δ/|z − y|), with the Lipschitz constant max w;
    * prox: x − s r/max(1 + s, |r|/δ) with r = x − y and s = τw;
    * f*(p) = Σ |p|²/(2w) + Re⟨p, y⟩ where |p| ≤ wδ, else ∞.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    delta
        δ > 0, the residual at which the square goes over into the line.
    data, weight
        As for :class:`Misfit`.

    Source: P. J. Huber, Ann. Math. Stat. 35 (1964) 73.
    """

    capabilities = frozenset({"grad", "prox", "conjugate", "majorant"})

    def __init__(
        self,
        domain_shape: Sequence[int],
        delta: float = 1.0,
        data: Tensor | None = None,
        weight: float | Tensor = 1.0,
    ) -> None:
        super().__init__(domain_shape, data, weight)
        if not (is_number(delta) and 0 < delta < float("inf")):
            raise ValueError(f"Huber expects delta > 0, got {delta!r}.")
        self.delta = float(delta)

    def apply(self, x: Tensor) -> Tensor:
        residual = x - self._data(x)
        size = _magnitude(residual)
        within = size <= self.delta
        h = torch.where(within, residual.abs().square() / 2, self.delta * (size - self.delta / 2))
        return item_sum(self._weight(x) * h, self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        residual = x - self._data(x)
        return self._weight(x) * residual * (self.delta / _magnitude(residual)).clamp(max=1)

    def lipschitz(self) -> float | Tensor:
        return self._largest_weight()

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        residual, s = x - self._data(x), per_item(tau, x, self.ndim) * self._weight(x)
        return x - s * residual / (_magnitude(residual) / self.delta).clamp(min=1 + s)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        w, step = self._weight(y), per_item(sigma, y, self.ndim)
        return self.dual_point(w / (w + step) * (y - step * self._data(y)))

    def dual_point(self, y: Tensor) -> Tensor:
        return y * (self._weight(y) * self.delta / _magnitude(y)).clamp(max=1)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return self._over_elements((self._weight(y) * self.delta / _magnitude(y)).clamp(max=1)).amin(-1)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self._weight(y) * torch.ones_like(y.real if y.is_complex() else y)
        inside = y.abs() <= w * self.delta * (1 + 8 * torch.finfo(w.dtype).eps)  # NaN is outside
        value = y.abs().square() / (2 * torch.where(w > 0, w, 1))
        return item_sum(torch.where(inside, value, torch.inf), self.ndim) + self._pairing(y)

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        residual = x - self._data(x)
        size = (residual.abs().square() + smoothing**2).sqrt()
        return self._weight(x) * (self.delta / size).clamp(max=1), self._data(x) + torch.zeros_like(x)

    def dual_scale(self) -> float | Tensor:
        return self._mean_weight() * self.delta

    def level_radius(self, level: Tensor) -> Tensor:
        """‖y‖ + R with R² = 2h up to h = δ²/2 and R = h/δ + δ/2 beyond, h = level/min w.

        t² is a convex function of h(t), so that Σ tᵢ² is largest where one residual has all of the level.
        """
        least = self._least_weight()
        h = self._per_weight(level, least)
        reach = torch.where(h <= self.delta**2 / 2, (2 * h).sqrt(), h / self.delta + self.delta / 2)
        return self._radius(level, least, reach)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), 0.5)
        yield cls((3,), 0.7, torch.tensor([1.0, -2.0, 0.5]), torch.tensor([2.0, 0.0, 0.5]))
        yield cls((2,), 0.25, torch.tensor([[1.0, -2.0], [0.5, 2j]]), torch.tensor([2.0, 0.5]))


def _magnitude(x: Tensor) -> Tensor:
    """|x|, never zero."""
    return x.abs().clamp(min=torch.finfo(x.dtype).tiny)
