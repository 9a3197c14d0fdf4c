"""Coil images whose k-space repeats itself: calibration-less parallel imaging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt

from recon.operators.algebra import Composition
from recon.operators.block_extract import BlockExtract
from recon.operators.fourier import Fourier
from recon.operators.functionals import NuclearNorm
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class StructuredLowRank(VariationalPrior):
    """R(x) = (λ/√b) ‖H F x‖_*: each row of H holds a patch of b samples of every coil's k-space F x, one row per place.

    Coil images of one object with smooth sensitivities have patches that span few dimensions, so that coils that were
    reconstructed together need neither maps nor a calibration region. Images are (coils, [nz,] ny, nx), complex;
    patches go around the edges. The division makes R at least λ‖x‖₂. The convex relative of SAKE, which fixes the rank.

    Parameters
    ----------
    lam
        λ > 0, in units of 1/‖x‖.
    block
        Sizes of a patch along the last axes, whose number is that of an image's.

    Sources: P. J. Shin et al., Magn. Reson. Med. 72 (2014) 959; J. P. Haldar, IEEE Trans. Med. Imaging 33 (2014) 668.
    """

    names = ("structured_low_rank", "sake")

    def __init__(self, lam: float = 1.0, block: Sequence[int] = (5, 5)) -> None:
        super().__init__(lam)
        self.block = tuple(block)
        BlockExtract(self.block, self.block)  # refuse bad values here, where they are given

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        d = len(self.block)
        if len(shape) != d + 1:
            raise ValueError(
                f"StructuredLowRank with patches {self.block} expects coil images of {d + 1} axes, coils first, got "
                f"shape {tuple(shape)}."
            )
        E = BlockExtract(shape, self.block, (1,) * d)
        columns = tuple(range(1, len(E.range_shape)))
        f = NuclearNorm(E.range_shape, (0,), columns)
        size = sqrt(prod(self.block))
        return (Term((1 / size) * f, Composition(E, Fourier(shape, d)), embedding=1.0, least=size),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, (2,))
