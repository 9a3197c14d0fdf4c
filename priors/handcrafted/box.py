"""Elementwise bounds on real images."""

from __future__ import annotations

from collections.abc import Iterator

from recon.operators.functionals import BoxIndicator
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class Box(VariationalPrior):
    """R(x) = 0 if lower ≤ x ≤ upper everywhere, else ∞."""

    def __init__(self, lower: float = 0.0, upper: float = 1.0) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper
        BoxIndicator((1,), lower, upper)  # refuse bad bounds here, where they are given

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(BoxIndicator(shape, self.lower, self.upper)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(-0.5, 0.5)


class NonNegative(VariationalPrior):
    """R(x) = 0 if x ≥ 0 everywhere, else ∞."""

    names = ("non_negative", "nonnegative", "nonneg")

    def __init__(self) -> None:
        super().__init__()

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(BoxIndicator(shape, 0.0)),)
