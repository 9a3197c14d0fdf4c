"""Infimal convolution of first- and second-order total variation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.priors.handcrafted.ictv_coupling import ICTVCoupling
from recon.priors.handcrafted.second_order import (
    affine_images,
    check_sides,
    checked_ratio,
    free_differences,
    two_norms,
)
from recon.priors.kernels import Subspace
from recon.priors.prior import Prior, Term, VariationalPrior


class ICTV(VariationalPrior):
    """R(x) = λ min_v Σᵢ |(D(x − v))ᵢ| + r h Σᵢ |(Hv)ᵢ|: x is a piecewise constant image and a smooth one, v.

    H are second differences (:class:`recon.operators.Hessian`). Close to :class:`TGV`, whose field w need not be a
    gradient; here both components come out as images, ``result.components["edges"]`` = x − v and ``["smooth"]`` = v.

    Parameters
    ----------
    lam
        λ > 0, per unit of Σ|Dx|.
    ratio
        r > 0 in pixels, with h the least spacing.
    axes
        Image axes to differentiate; all by default.
    spacing
        Distance of pixels, one number or one per axis.

    Source: Chambolle and Lions, Numer. Math. 76 (1997) 167.
    """

    names = ("ictv", "infimal_convolution_tv")

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
        return 1

    def components(self, x: Tensor, auxiliary: Tensor, shape: Shape) -> Mapping[str, Tensor]:
        smooth = auxiliary.select(auxiliary.ndim - len(shape) - 1, 0)
        return {"edges": x - smooth, "smooth": smooth}

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = self.differences.gradient(shape)
        check_sides(shape, D, self.name)
        M = ICTVCoupling(shape, D.axes, D.spacing)
        images = affine_images(D)
        if images is None:
            return (Term(two_norms(D, self.ratio), M),)
        smooth = images.clone()
        smooth[:: 1 + len(D.axes)] = 0  # the constants are the image's alone
        kernel = Subspace(torch.stack([images, smooth], dim=1))
        return (Term(two_norms(D, self.ratio), M, kernel=kernel, least=M.least()),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(ratio=1.5, spacing=(1.0, 0.5))
        yield cls(axes=(-1,))
