"""Images that are constant on the cells of a recursive dyadic partition."""

from __future__ import annotations

from collections.abc import Iterator

from recon.operators.functionals import DyadicPieces
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class DyadicPartition(VariationalPrior):
    """R(x) = λ · the least number of cells of a recursive dyadic partition on which x is constant.

    Every cell costs λ, as it does in the minimum description length. The prox is the exact optimum over all partitions
    (:class:`recon.operators.DyadicPieces`), in two dimensions quadtrees; R is not convex. For the mean over shifts see
    :class:`DyadicDenoiser`.

    Parameters
    ----------
    lam
        λ > 0 per cell.

    Sources: Willett and Nowak, IEEE Trans. Med. Imaging 22 (2003) 332; Harmany, Marcia and Willett, IEEE Trans. Image
    Process. 21 (2012) 1084, section III.C.
    """

    names = ("dyadic_partition", "rdp")

    def __init__(self, lam: float = 1.0) -> None:
        super().__init__(lam)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(DyadicPieces(shape)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
