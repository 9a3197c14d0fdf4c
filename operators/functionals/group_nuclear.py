"""Sum of the nuclear norms of small matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import least_weight, mean_weight
from recon.operators.tensors import item_sum, learnable, per_item

_Factor = Callable[[Tensor], Tensor]


class GroupNuclear(Functional):
    """f(X) = Σᵢ wᵢ ‖X_{··i}‖_* over matrices (a, b) that stand in the first two item dimensions.

    The prox shrinks singular values by τwᵢ; f* is the indicator of all largest singular values ≤ wᵢ. With the Jacobian
    ``(axes, channels, *shape)`` of an image this is nuclear total variation. Matrices with two rows or two columns
    have closed forms.

    Parameters
    ----------
    domain_shape
        ``(a, b, *shape)``.
    weights
        w ≥ 0, broadcast against ``shape``.

    Source: Duran, Moeller, Sbert and Cremers, SIAM J. Imaging Sci. 9 (2016) 116.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        if self.ndim < 3:
            raise ValueError(f"GroupNuclear expects items (a, b, *shape), got shape {self.domain_shape}.")
        numbers = learnable(weights, "GroupNuclear", "weights")
        self.weights = numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())
        if bool((self.weights < 0).any()):
            raise ValueError("GroupNuclear expects nonnegative weights.")

    def _small_first(self, x: Tensor) -> tuple[Tensor, bool]:
        """Matrices with no more rows than columns, in the first two item dimensions, and whether that transposed."""
        first = x.ndim - self.ndim
        flip = self.domain_shape[0] > self.domain_shape[1]
        return (x.transpose(first, first + 1) if flip else x), flip

    def _spectral(self, x: Tensor, factor: _Factor) -> Tensor:
        """U diag(s·factor(s)) Vᴴ for each matrix U diag(s) Vᴴ."""
        matrices, flip = self._small_first(x)
        first = x.ndim - self.ndim
        stacked = matrices.movedim((first, first + 1), (-2, -1))
        s, vectors = _singular(stacked)
        out = (vectors * factor(s).unsqueeze(-2)) @ vectors.mH @ stacked
        out = out.movedim((-2, -1), (first, first + 1))
        return out.transpose(first, first + 1) if flip else out

    def singular_values(self, x: Tensor) -> Tensor:
        """The singular values, ``(*batch, *shape, min(a, b))``."""
        matrices, _ = self._small_first(x)
        first = x.ndim - self.ndim
        stacked = matrices.movedim((first, first + 1), (-2, -1))
        return _singular(stacked)[0]

    def _weights(self, like: Tensor) -> Tensor:
        return self.constant("weights", like).unsqueeze(-1)

    def apply(self, x: Tensor) -> Tensor:
        s = self.singular_values(x)
        return item_sum(self._weights(x) * s, self.ndim - 1)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim:
            if any(n != 1 for n in step.shape[step.ndim - self.ndim : step.ndim - self.ndim + 2]):
                raise ValueError(
                    "GroupNuclear has a closed-form prox for one step per matrix only, a tensor of shape "
                    f"(..., 1, 1, *shape); got {tuple(step.shape)}."
                )
            first = step.ndim - self.ndim
            step = step.squeeze((first, first + 1)).unsqueeze(-1)
        return self._spectral(x, lambda s: torch.relu(1 - step * self._weights(x) / s))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        clipped = self._spectral(y, lambda s: (self._weights(y) / s).clamp(max=1))
        inside = self.singular_values(y).amax(-1) <= self._weights(y).squeeze(-1)
        first = y.ndim - self.ndim
        return torch.where(inside.unsqueeze(first).unsqueeze(first), y, clipped)

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = (self._weights(y) / self.singular_values(y)).clamp(max=1)
        return share.flatten(y.ndim - self.ndim).amin(-1)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self._weights(y)
        excess = (self.singular_values(y) - w).flatten(y.ndim - self.ndim).amax(-1)
        slack = 64 * torch.finfo(w.dtype).eps * w.max()
        return torch.where(excess <= slack, 0.0, torch.inf).to(w.dtype)  # NaN is outside

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        least = least_weight(self.weights, self.ndim).to(level)
        return torch.where(least > 0, level / torch.where(least > 0, least, 1), torch.inf)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3, 2, 2))
        yield cls((3, 1, 4), torch.tensor([0.5, 0.1, 2.0, 1.0]))
        yield cls((3, 3, 2), 0.7)


def _singular(X: Tensor) -> tuple[Tensor, Tensor]:
    """Singular values (..., n), positive, and left vectors (..., n, n) of matrices with n rows and no fewer columns.

    For two rows, the smaller value is √det(XXᴴ)/s₁ with the determinant ‖p‖‖q − (q·p)p/‖p‖²‖ of the longer row p and
    the shorter one q, which keeps the accuracy that a difference of eigenvalues would lose.
    """
    n = X.shape[-2]
    tiny = torch.finfo(X.dtype).tiny
    if n == 1:
        return torch.linalg.vector_norm(X, dim=-1).clamp(min=tiny), torch.ones_like(X[..., :1])
    if n > 2:
        finite = torch.isfinite(X).all(-1).all(-1)
        U, s, _ = torch.linalg.svd(torch.where(finite[..., None, None], X, 0), full_matrices=False)
        return torch.where(finite[..., None], s.clamp(min=tiny), torch.nan), U
    p, q = X[..., 0, :], X[..., 1, :]
    a, d, b = _energy(p), _energy(q), (p * q.conj()).sum(-1)
    half, size = (a - d) / 2, b.abs()
    spread = (half.square() + size.square()).clamp(min=tiny).sqrt()
    largest = ((a + d) / 2 + spread).clamp(min=tiny).sqrt()
    swap = (d > a).unsqueeze(-1)
    longer, shorter = torch.where(swap, q, p), torch.where(swap, p, q)
    length = _energy(longer).clamp(min=tiny)
    share = (shorter * longer.conj()).sum(-1) / length
    rest = shorter - share.unsqueeze(-1) * longer
    smallest = (_energy(rest).clamp(min=tiny).sqrt() * length.sqrt() / largest).clamp(min=tiny)
    # (cos θ, sin θ) leads to the larger value, cos 2θ = half/spread; the phase of b goes to the second entry.
    cos = ((1 + half / spread) / 2).clamp(min=tiny, max=1).sqrt().to(X.dtype)
    sin = ((1 - half / spread) / 2).clamp(min=tiny, max=1).sqrt().to(X.dtype)
    phase = torch.where(size > 0, b / torch.where(size > 0, size, 1), 1)
    large = torch.stack([cos, sin * phase.conj()], dim=-1)
    small = torch.stack([-sin * phase, cos], dim=-1)
    return torch.stack([largest, smallest], dim=-1), torch.stack([large, small], dim=-1)


def _energy(rows: Tensor) -> Tensor:
    return (torch.view_as_real(rows).square().sum(-1) if rows.is_complex() else rows.square()).sum(-1)
