"""Series of images of which each region has low rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt

from recon.operators.block_extract import BlockExtract
from recon.operators.functionals import NuclearNorm
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class LocallyLowRank(VariationalPrior):
    """R(x) = λ c Σ_b ‖X_b‖_*, nuclear norms of the matrices (leading axes × pixels) of blocks b of pixels.

    Blocks are cut from the last axes, as by :class:`recon.operators.BlockExtract`, and go around the edges; c is the
    stride's volume over the block's. With blocks side by side (c = 1) the prox is exact: singular values are shrunk
    block by block; the block's sizes must then divide the image's. With a stride of 1, R is the mean over all grids of
    such blocks, and solvers reach it through E, with EᴴE = I/c.

    Parameters
    ----------
    lam
        λ > 0, in units of 1/‖x‖.
    block
        Sizes of a block along the last image axes; the axes before are the matrices' rows.
    stride
        Distances of blocks; by default ``block``.
    offset
        Where the first block begins; 0 by default.

    Source: Zhang, Pauly and Levesque, Magn. Reson. Med. 73 (2015) 655.
    """

    names = ("locally_low_rank", "llr")

    def __init__(
        self,
        lam: float = 1.0,
        block: Sequence[int] = (8, 8),
        stride: Sequence[int] | None = None,
        offset: Sequence[int] | None = None,
    ) -> None:
        super().__init__(lam)
        self.block = tuple(block)
        self.stride = None if stride is None else tuple(stride)
        self.offset = None if offset is None else tuple(offset)
        BlockExtract(self.block, self.block, self.stride, self.offset)  # refuse bad values here, where they are given

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        d = len(self.block)
        if len(shape) <= d:
            raise ValueError(
                f"LocallyLowRank with blocks {self.block} expects images of more than {d} axes, such as "
                f"(time, rows, columns), got shape {tuple(shape)}."
            )
        E = BlockExtract(shape, self.block, self.stride, self.offset)
        if self.stride is None and not E.unitary:
            raise ValueError(
                f"LocallyLowRank with blocks {self.block} side by side expects image sizes that they divide, got shape "
                f"{tuple(shape)}; overlapping blocks, with a stride, fit any size."
            )
        columns = tuple(range(-d, 0))
        f = NuclearNorm(E.range_shape, tuple(range(1, len(E.range_shape) - d)), columns)
        share = prod(E.stride) / prod(E.block)
        least = sqrt(int(E.covers.min()))
        return (Term(share * f, E, E.unitary, embedding=1 / (share * least), least=least),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, (2,))
        yield cls(0.5, (3,), (2,), (1,))
