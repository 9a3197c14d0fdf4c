"""Second differences along any axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

from torch import Tensor

from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator
from recon.operators.symmetrised_gradient import SymmetrisedGradient


class Hessian(LinearOperator):
    """H = E D: (Hx)_aa = ∂_a∂_a x and (Hx)_ab = √2 ∂_a∂_b x for a < b, on pixels that have the neighbours, else zero.

    ``(*batch, *shape)`` to ``(*batch, axes(axes + 1)/2, *shape)`` as :class:`SymmetrisedGradient`; ‖Hx‖ is Frobenius's
    norm of the second derivatives, and the kernel consists of the affine images. Any e orthogonal to those is reached
    in closed form, Hᴴδ = e: with v = D(DᴴD)⁺e, whose components have no mean, and T_a = ∇(∇ᴴ∇)⁺v_a on the edges along
    a, δ is the symmetric part of T; it has the same double divergence as T, Dᴴ∇ᴴT = Dᴴv = e, since ∂_a∂_b = ∂_b∂_a.

    Parameters
    ----------
    shape
        Shape of one image.
    axes
        Axes to differentiate; all by default.
    spacing
        Distance of pixels, one number or one per axis.
    """

    def __init__(
        self, shape: Sequence[int], axes: Sequence[int] | None = None, spacing: float | Sequence[float] = 1.0
    ) -> None:
        self.gradient = Gradient(shape, axes, "neumann", spacing)
        self.symmetrised = SymmetrisedGradient(shape, axes, spacing)
        super().__init__(shape, self.symmetrised.range_shape)

    def apply(self, x: Tensor) -> Tensor:
        return self.symmetrised(self.gradient(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.gradient.adjoint(self.symmetrised.adjoint(y))

    def norm_bound(self, like: Tensor | None = None) -> float:
        """‖E‖‖D‖ ≤ ‖D‖²."""
        return self.gradient.norm_bound(like) ** 2

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"preimage"})

    def preimage(self, e: Tensor) -> Tensor:
        D, axes = self.gradient, self.gradient.axes
        first, n = e.ndim - len(self.domain_shape), len(self.domain_shape)
        v = D(D.normal_pinv(e))
        out = e.new_zeros((*e.shape[:first], *self.range_shape))
        for a, axis in enumerate(axes):
            lengths = list(self.domain_shape)
            lengths[axis] -= 1
            if not lengths[axis]:
                continue
            edges = Gradient(lengths, axes, "neumann", D.spacing)
            along = axis - n
            T = edges(edges.normal_pinv(v.select(first, a).narrow(along, 0, lengths[axis]).contiguous()))
            for b in range(len(axes)):
                part = T.select(first, b)
                component = out.select(first, self.symmetrised.pairs.index((min(a, b), max(a, b))))
                component.narrow(along, 0, lengths[axis]).add_(part if a == b else part / sqrt(2))
        return out

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5))
        yield cls((3, 1, 4), spacing=(1.0, 2.0, 0.5))
        yield cls((2, 3, 4), axes=(1, 2))
        yield cls((6,))
