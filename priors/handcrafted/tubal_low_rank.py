"""Third-order tensors of low tubal rank."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from recon.operators.functionals import TubalNuclearNorm
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class TubalLowRank(VariationalPrior):
    """R(x) = (λ/n) Σₖ ‖X̂ₖ‖_*, nuclear norms of the slices of x after a Fourier transform along its tubes of length n.

    The prox is exact: singular values of the slices are shrunk.

    Parameters
    ----------
    lam
        λ > 0, in units of 1/‖x‖.
    tube
        The axis of the tubes: time, energy or whatever else the other two are recorded over.

    Source: Lu et al., IEEE Trans. Pattern Anal. Mach. Intell. 42 (2020) 925.
    """

    names = ("tubal_low_rank",)

    def __init__(self, lam: float = 1.0, tube: int = -1) -> None:
        super().__init__(lam)
        self.tube = tube
        TubalNuclearNorm((1, 1, 1), tube)  # refuse a bad axis here, where it is given

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        f = TubalNuclearNorm(shape, self.tube)
        return (Term(f, embedding=sqrt(f.length)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(tube=0)
