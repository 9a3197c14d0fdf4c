"""Images that are matrices of low rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from recon.operators.functionals import NuclearNorm
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class LowRank(VariationalPrior):
    """R(x) = λ ‖X‖_*, the sum of the singular values of the matrix X whose rows are the axes ``rows`` of x.

    For a series of frames ``(time, *pixels)`` X is the matrix of Casorati, time × space, and few singular values mean
    that few temporal courses occur. The prox is exact.

    Parameters
    ----------
    lam
        λ > 0, in units of 1/‖x‖.
    rows
        Axes of the image that are joined as rows; the others are columns.

    Sources: Liang, ISBI 2007, 988; Otazo, Candès and Sodickson, Magn. Reson. Med. 73 (2015) 1125.
    """

    names = ("low_rank",)

    def __init__(self, lam: float = 1.0, rows: Sequence[int] = (0,)) -> None:
        super().__init__(lam)
        self.rows = tuple(rows)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(NuclearNorm(shape, self.rows), embedding=1.0),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(rows=(-1,))
