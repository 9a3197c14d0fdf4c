"""Poisson negative log-likelihood (Kullback-Leibler divergence)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import exact, fixed, item_sum, per_item


class PoissonKL(Functional):
    """f(z) = (1/g) Σ [z + b − y + y log(y / (z + b))] for z + b > 0, the Poisson likelihood minus its least value.

    Counts k = y/g are Poisson with mean (z + b)/g. Where y = 0 the term is (z + b)/g on z + b ≥ 0.

    * gradient (1 − y/(z + b))/g, not Lipschitz as z + b → 0;
    * prox: with t = τ/g, the positive root of s² − (x + b − t)s − t y = 0, minus b;
    * f*(p) = Σ [−(y/g) log(1 − g p) − b p], for g p < 1.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y ≥ 0, ``(*batch, *domain_shape)``.
    gain
        g > 0, the value of one count.
    background
        b ≥ 0, a number or a tensor broadcast against one item.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"data": "item"}
    capabilities = frozenset({"grad", "prox", "conjugate"})
    separable = True

    def __init__(
        self, domain_shape: Sequence[int], data: Tensor, gain: float = 1.0, background: float | Tensor = 0.0
    ) -> None:
        super().__init__(domain_shape)
        self.domain_field = "real"
        self.check(data, self.domain_shape, "real")
        if bool((data < 0).any()):
            raise ValueError("PoissonKL expects nonnegative data, got negative values.")
        if not 0 < gain < float("inf"):
            raise ValueError(f"PoissonKL expects a positive gain, got {gain}.")
        self.data, self.gain = data, float(gain)
        self.background = fixed(exact(background), "PoissonKL", "background")
        if bool((self.background < 0).any()):
            raise ValueError("PoissonKL expects a nonnegative background.")

    def apply(self, x: Tensor) -> Tensor:
        y, mean = self.constant("data", x), x + self.constant("background", x)
        value = mean - y + torch.xlogy(y, y) - torch.xlogy(y, mean.clamp(min=0))
        outside = (mean < 0) | ((mean == 0) & (y > 0))
        return item_sum(torch.where(outside, torch.inf, value), self.ndim) / self.gain

    def grad(self, x: Tensor) -> Tensor:
        y, mean = self.constant("data", x), x + self.constant("background", x)
        return (1 - torch.where(y == 0, 0.0, y / mean)) / self.gain

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        y, mean = self.constant("data", x), x + self.constant("background", x)
        return torch.where(y == 0, 0.0, y / torch.where(y == 0, 1, mean).square()) / self.gain * v

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        b, y = self.constant("background", x), self.constant("data", x)
        t = per_item(tau, x, self.ndim) / self.gain
        half = (x + b - t) / 2
        root = (half.square() + t * y).sqrt()
        # half + root, computed without cancellation when half < 0
        safe = torch.where(root - half > 0, root - half, 1)
        return torch.where(half > 0, half + root, torch.where(root - half > 0, t * y / safe, root - half)) - b

    def conjugate(self, y: Tensor) -> Tensor:
        data, b = self.constant("data", y), self.constant("background", y)
        slack = 1 - self.gain * y
        value = -torch.xlogy(data, slack.clamp(min=0)) / self.gain - b * y
        outside = (slack < 0) | ((slack == 0) & (data > 0))
        return item_sum(torch.where(outside, torch.inf, value), self.ndim)

    def dual_scale(self) -> float | Tensor:
        seen = (self.data + self.background.to(self.data)).flatten(self.data.ndim - self.ndim)
        return (seen.mean(-1) / self.gain).clamp(min=1e-3).rsqrt() / self.gain

    def dual_point(self, y: Tensor) -> Tensor:
        # Where y would leave g·p < 1 through rounding, step back inside by one ulp of 1.
        limit = (1 - 4 * torch.finfo(y.dtype).eps) / self.gain
        return torch.minimum(y, torch.as_tensor(limit, dtype=y.dtype, device=y.device))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 2), torch.tensor([[3.0, 0.0], [1.0, 7.0], [2.0, 0.5]]), gain=0.5, background=0.25)
        yield cls((2,), torch.tensor([4.0, 1.0]))
