"""Correntropy of residuals (Welsch's function)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.misfit import Misfit
from recon.operators.tensors import is_number, item_sum


class Correntropy(Misfit):
    """f(z) = Σ w s²(1 − exp(−|z − y|²/2s²)): a square for residuals below s, a constant for those far above.

    Not convex; gradient w(z − y) exp(−|z − y|²/2s²) with the Lipschitz constant max w, and the majorant
    ½ w exp(−|x − y|²/2s²)|z − y|² + const at x, since f is a concave function of |z − y|².

    Parameters
    ----------
    domain_shape
        Shape of one item.
    scale
        s > 0, the residual beyond which data lose their pull.
    data, weight
        As for :class:`Misfit`.

    Source: W. Liu, P. P. Pokharel and J. C. Príncipe, IEEE Trans. Signal Process. 55 (2007) 5286.
    """

    capabilities = frozenset({"grad", "majorant"})
    convex = False

    def __init__(
        self,
        domain_shape: Sequence[int],
        scale: float = 1.0,
        data: Tensor | None = None,
        weight: float | Tensor = 1.0,
    ) -> None:
        super().__init__(domain_shape, data, weight)
        if not (is_number(scale) and 0 < scale < float("inf")):
            raise ValueError(f"Correntropy expects scale > 0, got {scale!r}.")
        self.scale = float(scale)

    def _exponent(self, residual: Tensor) -> Tensor:
        return -residual.abs().square() / (2 * self.scale**2)

    def apply(self, x: Tensor) -> Tensor:
        value = -(self.scale**2) * torch.expm1(self._exponent(x - self._data(x)))
        return item_sum(self._weight(x) * value, self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        residual = x - self._data(x)
        return self._weight(x) * residual * torch.exp(self._exponent(residual))

    def lipschitz(self) -> float | Tensor:
        return self._largest_weight()

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        pull = torch.exp(self._exponent(x - self._data(x)))
        return self._weight(x) * pull, self._data(x) + torch.zeros_like(x)

    def dual_scale(self) -> float | Tensor:
        return self._mean_weight() * self.scale

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), 0.7)
        yield cls((3,), 1.5, torch.tensor([1.0, -2.0, 0.5]), torch.tensor([2.0, 0.0, 0.5]))
        yield cls((2,), 0.8, torch.tensor([[1.0, -2.0], [0.5, 2j]]), torch.tensor([2.0, 0.5]))
