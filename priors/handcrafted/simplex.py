"""Fractions that add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recon.operators.functionals import SimplexIndicator
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class Simplex(VariationalPrior):
    """R(x) = 0 where x ≥ 0 and Σ x = s along the given axes, else ∞: abundances, probabilities; real images.

    Parameters
    ----------
    total
        s > 0.
    axes
        Image axes that are summed, such as 0 for materials that lead; all by default.
    """

    def __init__(self, total: float = 1.0, axes: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.total = total
        self.axes = axes if axes is None or isinstance(axes, int) else tuple(axes)
        SimplexIndicator((1,), total)  # refuse a bad total here, where it is given

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(SimplexIndicator(shape, self.total, self.axes)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls()
        yield cls(2.0, axes=0)
