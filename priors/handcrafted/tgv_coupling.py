"""The operator of second-order total generalised variation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import torch
from torch import Tensor

from recon.operators.hessian import Hessian
from recon.operators.linear import LinearOperator
from recon.priors.handcrafted.embedding import least_difference

UNIT = 2.0
"""The unit of the field w, in pixels times a slope."""


class TGVCoupling(LinearOperator):
    """M(x, w) = (Dx − w/u, Ew) on stacks (1 + axes, *shape), u twice the least spacing.

    w is u times a slope: in this unit all entries of M are of the same order, and primal-dual methods with one step
    size for x and w converge fastest (about 3/4 of the iterations of u = h). The first part also sees the entries of w
    beyond the far edges, where Dx = 0, and so ties them to zero. The kernel consists of the affine x with w = u·Dx. For
    e = (e_x, e_w) orthogonal to it, Mᴴ(δ₁, δ₂) = e with Hᴴδ₂ = e_x/u + Dᴴe_w, which :class:`Hessian` solves in closed
    form, and δ₁ = u(Eᴴδ₂ − e_w).

    Parameters
    ----------
    shape, axes, spacing
        As of :class:`Hessian`.
    """

    def __init__(
        self, shape: Sequence[int], axes: Sequence[int] | None = None, spacing: float | Sequence[float] = 1.0
    ) -> None:
        self.hessian = Hessian(shape, axes, spacing)
        self.unit = UNIT * min(self.hessian.gradient.spacing)
        d = len(self.hessian.gradient.axes)
        super().__init__((1 + d, *shape), (d + d * (d + 1) // 2, *shape))

    def _axis(self, z: Tensor) -> int:
        return z.ndim - len(self.domain_shape)

    def apply(self, x: Tensor) -> Tensor:
        axis = self._axis(x)
        image, w = x.select(axis, 0), x.narrow(axis, 1, self.domain_shape[0] - 1)
        D, E = self.hessian.gradient, self.hessian.symmetrised
        return torch.cat([D(image).sub_(w / self.unit), E(w)], dim=axis)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        axis, d = self._axis(y), self.domain_shape[0] - 1
        slope, strain = y.narrow(axis, 0, d), y.narrow(axis, d, self.range_shape[0] - d)
        D, E = self.hessian.gradient, self.hessian.symmetrised
        image = D.adjoint(slope).unsqueeze(axis)
        return torch.cat([image, E.adjoint(strain).sub_(slope / self.unit)], dim=axis)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"preimage"})

    def preimage(self, e: Tensor) -> Tensor:
        axis, d = self._axis(e), self.domain_shape[0] - 1
        e_x, e_w = e.select(axis, 0), e.narrow(axis, 1, d)
        D, E = self.hessian.gradient, self.hessian.symmetrised
        strain = self.hessian.preimage(e_x / self.unit + D.adjoint(e_w))
        return torch.cat([self.unit * (E.adjoint(strain) - e_w), strain], dim=axis)

    def norm_bound(self, like: Tensor | None = None) -> float:
        """The norm of [[‖D‖, 1/u], [0, ‖E‖]]."""
        a, c, b = self.hessian.gradient.norm_bound(like), self.hessian.symmetrised.norm_bound(like), 1 / self.unit
        total, product = a * a + b * b + c * c, a * c
        return sqrt((total + sqrt(max(total * total - 4 * product * product, 0.0))) / 2)

    def least(self) -> float:
        """An s with ‖Mz‖ ≥ s‖z − Pz‖, P the projection on the kernel.

        Let p = Dx − w/u and q = Ew be the parts of Mz. On the edges, Hx = E(w/u + p), so that
        ‖Hx‖ ≤ ‖q‖/u + ‖E‖‖p‖ ≤ B‖Mz‖ with B² = 1/u² + ‖E‖². Choose the affine a with x − a and all components v_a of
        v = D(x − a) of mean zero. These live on grids no larger than the image's, where differences are at least
        s₀‖·‖ (:func:`least_difference`) on mean-free images, and Σ_a‖∇v_a‖² = ‖Hx‖²: ‖v‖ ≤ ‖Hx‖/s₀ and
        ‖x − a‖ ≤ ‖v‖/s₀. As w/u − Da = v − p, ‖w − u·Da‖ ≤ u(‖v‖ + ‖p‖). Together
        ‖z − Pz‖ ≤ ‖z − (a, u·Da)‖ ≤ ‖Mz‖ ((B/s₀²)² + u²(B/s₀ + 1)²)^½.
        """
        D, u = self.hessian.gradient, self.unit
        s0 = least_difference(tuple(D.domain_shape[a] for a in D.axes), D.spacing)
        B = sqrt(1 / u**2 + self.hessian.symmetrised.norm_bound() ** 2)
        return 1 / sqrt((B / s0**2) ** 2 + (u * (B / s0 + 1)) ** 2)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5))
        yield cls((3, 3, 4), spacing=(1.0, 2.0, 0.5))
        yield cls((2, 3, 4), axes=(1, 2))
