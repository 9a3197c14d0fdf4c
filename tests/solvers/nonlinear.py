"""Small nonlinear operators with known minimisers."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.operator import Operator


class Rosenbrock(Operator):
    """(10(b − a²), 1 − a): half its squared norm is least, zero, at (1, 1)."""

    def __init__(self) -> None:
        super().__init__((2,), (2,))

    def apply(self, x: Tensor) -> Tensor:
        a, b = x[..., 0], x[..., 1]
        return torch.stack([10 * (b - a.square()), 1 - a], -1)


class Decay(Operator):
    """a exp(−r t) at six times t, of (a, r)."""

    def __init__(self) -> None:
        super().__init__((2,), (6,))
        self.times = torch.linspace(0.1, 2.0, 6, dtype=torch.float64)

    def apply(self, x: Tensor) -> Tensor:
        return x[..., :1] * torch.exp(-x[..., 1:] * self.constant("times", x))
