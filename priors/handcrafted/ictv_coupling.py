"""The operator of infimal-convolution total variation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import torch
from torch import Tensor

from recon.operators.hessian import Hessian
from recon.operators.linear import LinearOperator
from recon.priors.handcrafted.embedding import least_difference
from recon.priors.kernels import Constants


class ICTVCoupling(LinearOperator):
    """M(x, v) = (D(x − v), h·Hv) on stacks (2, *shape), H the second differences and h the least spacing.

    Only the differences of v matter. For its mean to be fixed, too, the sum of v over h√n, n its pixels, stands in the
    first entry of the far corner, where D gives zero; the best v has no mean. The kernel consists of the affine v
    without a mean and with x − v constant. For e = (e_x, e_v) orthogonal to it, Mᴴ(δ₁, δ₂) = e with δ₁ = D(DᴴD)⁺e_x
    and h/√n times the sum of e_x + e_v in the corner, and Hᴴδ₂ = (e_x + e_v − their mean)/h, which :class:`Hessian`
    solves in closed form.

    Parameters
    ----------
    shape, axes, spacing
        As of :class:`Hessian`. Means and corners are those of each line, plane ... along ``axes``.
    """

    def __init__(
        self, shape: Sequence[int], axes: Sequence[int] | None = None, spacing: float | Sequence[float] = 1.0
    ) -> None:
        self.hessian = Hessian(shape, axes, spacing)
        D = self.hessian.gradient
        self.h = min(D.spacing)
        self.count = len(D.axes)
        self.constants = Constants(shape, D.axes)
        super().__init__((2, *shape), (self.count + self.hessian.range_shape[0], *shape))

    def _corner(self, slope: Tensor) -> Tensor:
        """The view of the first component in the far corner, one entry per constant."""
        first = slope.select(slope.ndim - len(self.range_shape), 0)
        for axis in self.hessian.gradient.axes:
            first = first.narrow(axis - len(self.range_shape) + 1, self.range_shape[axis + 1] - 1, 1)
        return first

    def _with_means(self, slope: Tensor, means: Tensor) -> Tensor:
        corner = self._corner(slope)
        corner.copy_(means.reshape(corner.shape))
        return slope

    def apply(self, x: Tensor) -> Tensor:
        axis = x.ndim - len(self.domain_shape)
        image, smooth = x.select(axis, 0), x.select(axis, 1)
        slope = self._with_means(self.hessian.gradient(image - smooth), self.constants.adjoint(smooth) / self.h)
        return torch.cat([slope, self.h * self.hessian(smooth)], dim=axis)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        axis = y.ndim - len(self.range_shape)
        slope, bend = y.split((self.count, self.range_shape[0] - self.count), dim=axis)
        image = self.hessian.gradient.adjoint(slope)
        means = self.constants(self._corner(slope).reshape(*y.shape[:axis], -1))
        return torch.stack([image, self.h * self.hessian.adjoint(bend) - image + means / self.h], dim=axis)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"preimage"})

    def preimage(self, e: Tensor) -> Tensor:
        axis, D = e.ndim - len(self.domain_shape), self.hessian.gradient
        e_x = e.select(axis, 0)
        total = e_x + e.select(axis, 1)
        means = self.constants.adjoint(total)
        bend = self.hessian.preimage((total - self.constants(means)) / self.h)
        return torch.cat([self._with_means(D(D.normal_pinv(e_x)), self.h * means), bend], dim=axis)

    def norm_bound(self, like: Tensor | None = None) -> float:
        """The larger of (2‖D‖² + h²‖H‖²)^½ and 1/h, since D and H annihilate constants."""
        D = self.hessian.gradient.norm_bound(like)
        return max(sqrt(2 * D**2 + (self.h * self.hessian.norm_bound(like)) ** 2), 1 / self.h)

    def least(self) -> float:
        """An s with ‖Mz‖ ≥ s‖z − Pz‖, P the projection on the kernel.

        With p = D(x − v), q = h·Hv and m the mean of v: for the affine a without a mean and the constant c next to
        them, ‖x − v − c‖ ≤ ‖p‖/s₀ and ‖v − m − a‖ ≤ ‖Hv‖/s₀² = ‖q‖/hs₀² (as for :class:`TGVCoupling`), so that the
        squared distance of z to (a + m + c, a) is at most (‖p‖/s₀ + ‖q‖/hs₀²)² + (‖q‖/hs₀²)² + ‖m‖² ≤
        max(3/s₀², 3/(hs₀²)², h²) ‖Mz‖².
        """
        D = self.hessian.gradient
        s0 = least_difference(tuple(D.domain_shape[a] for a in D.axes), D.spacing)
        return min(s0 / sqrt(3), self.h * s0**2 / sqrt(3), 1 / self.h)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5))
        yield cls((3, 3, 4), spacing=(1.0, 2.0, 0.5))
        yield cls((2, 3, 4), axes=(2, 1))
