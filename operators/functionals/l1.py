"""The ℓ1 norm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import item_norm, item_sum, learnable, per_item


class L1(Functional):
    """f(x) = Σ wᵢ|xᵢ − yᵢ|; the prox shrinks magnitudes of x − y by τw (soft threshold; phase kept when complex).

    f*(p) = Re⟨p, y⟩ where all |pᵢ| ≤ wᵢ, else ∞.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    weights
        w ≥ 0, of a shape that broadcasts to ``domain_shape``, or with one dimension more in front, which runs over the
        items; an entry of zero leaves that component unpenalised.
    data
        y, ``(*batch, *domain_shape)``; zero if omitted.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"weights": "item", "data": "item"}
    capabilities = frozenset({"prox", "conjugate", "majorant"})
    separable = True

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0, data: Tensor | None = None) -> None:
        super().__init__(domain_shape)
        self.weights = learnable(weights, "L1", "weights")
        if bool((self.weights < 0).any()):
            raise ValueError("L1 expects nonnegative weights.")
        if data is not None:
            self.check(data, self.domain_shape)
            if data.is_complex():
                self.domain_field = "complex"
        self.data = data
        self.monotone = data is None

    def _residual(self, x: Tensor) -> Tensor:
        return x if self.data is None else x - self.constant("data", x)

    def apply(self, x: Tensor) -> Tensor:
        return item_sum((self.constant("weights", x) * self._residual(x).abs()).expand(x.shape), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        shrunk = soft_threshold(self._residual(x), per_item(tau, x, self.ndim) * self.constant("weights", x))
        return shrunk if self.data is None else shrunk + self.constant("data", x)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        if self.data is not None:
            y = y - per_item(sigma, y, self.ndim) * self.constant("data", y)
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), y.abs())

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = self.constant("weights", y) / y.abs().clamp(min=torch.finfo(y.dtype).tiny)
        return share.expand(y.shape).flatten(y.ndim - self.ndim).amin(-1).clamp(max=1)

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        distance = self._residual(x).abs()
        size = distance if smoothing == 0 else (distance.square() + smoothing**2).sqrt()
        weights = self.constant("weights", x)
        centre = torch.zeros_like(x) if self.data is None else self.constant("data", x)
        return torch.where(weights > 0, weights / size, 0), centre

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        excess = (y.abs() - w).flatten(y.ndim - self.ndim).amax(-1) if self.ndim else y.abs() - w
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        indicator = torch.where(excess <= slack, 0.0, torch.inf).to(w.dtype)  # NaN is outside
        return indicator if self.data is None else indicator + self.inner(y, self.constant("data", y))

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        least = least_weight(self.weights, self.ndim).to(level)
        radius = level / torch.where(least > 0, least, 1)
        if self.data is not None:
            radius = radius + item_norm(self.constant("data", level), self.ndim)
        return torch.where(least > 0, radius, torch.inf)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((4,), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))
        yield cls((3,), weights=torch.tensor([[0.5, 0.3, 2.0], [1.0, 2.0, 3.0]]))
        yield cls((3,), 0.5, torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]))


def mean_weight(weights: Tensor, ndim: int) -> float | Tensor:
    """The mean over an item's ``ndim`` dimensions, positive; a number unless there are several or it has gradients."""
    several = weights.ndim > ndim
    mean = (weights.flatten(weights.ndim - ndim).mean(-1) if several else weights.mean()).clamp(min=1e-30)
    return mean if several or mean.requires_grad else float(mean)


def least_weight(weights: Tensor, ndim: int) -> Tensor:
    """The least over an item's ``ndim`` dimensions, one value per item where weights are given per item."""
    return (weights.flatten(weights.ndim - ndim).amin(-1) if weights.ndim > ndim else weights.amin()).detach()


def soft_threshold(x: Tensor, threshold: Tensor | float) -> Tensor:
    """x·max(1 − t/|x|, 0), the prox of t|·|; real or complex."""
    if not x.is_complex():
        return torch.sign(x) * torch.relu(x.abs() - threshold)
    magnitude = x.abs()
    return x * (torch.relu(magnitude - threshold) / torch.where(magnitude == 0, 1, magnitude))


def clip_magnitude(y: Tensor, bound: Tensor, magnitude: Tensor) -> Tensor:
    """y scaled down where its (group) magnitude exceeds ``bound``: projection on a ball."""
    return y * (bound / magnitude.clamp(min=torch.finfo(magnitude.dtype).tiny)).clamp(max=1)
