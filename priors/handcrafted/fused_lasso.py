"""Sparse signals with few jumps."""

from __future__ import annotations

from collections.abc import Iterator

from recon.operators.functionals import FusedLassoFunctional
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class FusedLasso(VariationalPrior):
    """R(x) = λ (Σ_k |x_{k+1} − x_k| + s Σ_k |x_k|) along the lines of one axis, for real images, with an exact prox.

    Parameters
    ----------
    lam
        λ > 0.
    sparsity
        s > 0.
    axis
        The axis of the lines.

    Source: Tibshirani, Saunders, Rosset, Zhu and Knight, J. R. Stat. Soc. B 67 (2005) 91.
    """

    names = ("fused_lasso",)

    def __init__(self, lam: float = 1.0, sparsity: float = 1.0, axis: int = -1) -> None:
        super().__init__(lam)
        FusedLassoFunctional((1,), sparsity=sparsity)  # refuses a bad sparsity where it is given
        self.sparsity, self.axis = float(sparsity), axis

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        # The l1 part alone bounds the l2 norm.
        return (Term(FusedLassoFunctional(shape, self.axis, self.sparsity), embedding=1 / self.sparsity),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(0.5, 0.2, 0)
