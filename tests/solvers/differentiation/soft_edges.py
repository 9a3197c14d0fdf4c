"""A smooth prior with a closed form, for tests of derivatives."""

from __future__ import annotations

from torch import Tensor

from recon.operators import Functional, Gradient
from recon.operators.operator import Shape
from recon.operators.tensors import item_sum
from recon.priors import VariationalPrior
from recon.priors.prior import Term


class SoftAbs(Functional):
    """f(z) = Σ √(z² + ε²) − ε, of gradient z/√(z² + ε²)."""

    capabilities = frozenset({"grad"})

    def __init__(self, shape: Shape, epsilon: float) -> None:
        super().__init__(shape)
        self.epsilon = epsilon

    def apply(self, x: Tensor) -> Tensor:
        return item_sum((x.square() + self.epsilon**2).sqrt() - self.epsilon, self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return x / (x.square() + self.epsilon**2).sqrt()

    def lipschitz(self) -> float:
        return 1 / self.epsilon


class SoftEdges(VariationalPrior):
    """Smoothed anisotropic total variation."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = Gradient(shape)
        return (Term(SoftAbs(D.range_shape, self.epsilon), D),)
