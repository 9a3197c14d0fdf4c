"""Second-order total generalised variation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from recon.operators.operator import Shape
from recon.priors.handcrafted.second_order import (
    affine_images,
    check_sides,
    checked_ratio,
    free_differences,
    two_norms,
)
from recon.priors.handcrafted.tgv_coupling import UNIT, TGVCoupling
from recon.priors.kernels import Subspace
from recon.priors.prior import Prior, Term, VariationalPrior


class TGV(VariationalPrior):
    """R(x) = λ min_w Σᵢ |(Dx − w)ᵢ| + r h Σᵢ |(Ew)ᵢ|: total variation that lets slopes pass for nothing.

    D are forward differences, E their symmetrised counterpart on vector fields, on the pixels that have the neighbours
    (:class:`recon.operators.SymmetrisedGradient`), so that R vanishes exactly on affine images. Edges cost as much as
    in total variation and kinks a little, so that smooth shading does not turn into stairs.

    Solvers minimise over x and the vector field w at once; gaps are finite.

    Parameters
    ----------
    lam
        λ = α₁ > 0, per unit of Σ|Dx|.
    ratio
        r = α₀/α₁ > 0 in pixels, with h the least spacing; the larger, the closer to total variation up to a slope.
    axes
        Image axes to differentiate; all by default.
    spacing
        Distance of pixels, one number or one per axis.

    Sources: Bredies, Kunisch and Pock, SIAM J. Imaging Sci. 3 (2010) 492; Knoll, Bredies, Pock and Stollberger, Magn.
    Reson. Med. 65 (2011) 480, for r = 2.
    """

    names = ("tgv", "total_generalised_variation", "total_generalized_variation")

    def __init__(
        self,
        lam: float = 1.0,
        ratio: float = 2.0,
        *,
        axes: Sequence[int] | None = None,
        spacing: float | Sequence[float] = 1.0,
    ) -> None:
        super().__init__(lam)
        self.ratio = checked_ratio(ratio, self.name)
        self.differences = free_differences(self.name, axes, spacing)

    def auxiliary(self, shape: Shape) -> int:
        return len(self.differences.gradient(shape).axes)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = self.differences.gradient(shape)
        check_sides(shape, D, self.name)
        M = TGVCoupling(shape, D.axes, D.spacing)
        images = affine_images(D)
        if images is None:
            return (Term(two_norms(D, self.ratio / UNIT), M),)
        kernel = Subspace(torch.cat([images.unsqueeze(1), M.unit * D(images)], dim=1))
        return (Term(two_norms(D, self.ratio / UNIT), M, kernel=kernel, least=M.least()),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(ratio=1.5, spacing=(1.0, 0.5))
        yield cls(axes=(-1,))
