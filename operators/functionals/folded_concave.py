"""Penalties that grow like ℓ1 at first and level off: what SCAD and MCP have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.group_l1 import GroupL1
from recon.operators.functionals.l1 import L1, mean_weight
from recon.operators.functionals.magnitudes import (
    check_groups,
    magnitudes,
    nonnegative_weights,
    step_per_group,
    with_magnitudes,
)
from recon.operators.tensors import item_norm, item_sum


class FoldedConcave(Functional):
    """f(x) = Σᵢ wᵢ φ(|xᵢ|) where φ has slope 1 up to ``knee`` k, which falls linearly to 0 at ``saturation`` s.

        φ(t) = t,   t ≤ k;     t − (t − k)²/2(s − k),   k ≤ t ≤ s;     (s + k)/2,   t ≥ s

    Magnitudes are moduli where x is complex, and norms of groups over the first item dimension if ``groups``.

    * prox, t = τw. For t < s − k it is single valued and continuous: soft threshold up to |x| = k + t, then
      (|x| − ts/(s − k))/(1 − t/(s − k)) up to s, x itself beyond. For larger t it jumps from the soft threshold to x
      at |x| = (s + k + t)/2 if t ≤ s + k, else at √(t(s + k)): a global minimiser for every t.
    * smooth_split: Σ w|x| plus Σ w(φ(|x|) − |x|), which is concave with a gradient of Lipschitz constant
      max w/(s − k).
    * majorant: weights w φ'(|x|)/|x| around 0.
    """

    capabilities = frozenset({"prox", "majorant", "smooth_split"})
    convex = False
    monotone = True

    def __init__(
        self, domain_shape: Sequence[int], knee: float, saturation: float, weights: Tensor | float, groups: bool
    ) -> None:
        super().__init__(domain_shape)
        check_groups(self.domain_shape, groups, self.name)
        self.knee, self.saturation = float(knee), float(saturation)
        self.groups, self.separable = bool(groups), not groups
        self.weights = nonnegative_weights(weights, self.domain_shape[1 if groups else 0 :], self.name)

    def slope(self, magnitude: Tensor) -> Tensor:
        """φ'."""
        return ((self.saturation - magnitude) / (self.saturation - self.knee)).clamp(0, 1)

    def bend(self, magnitude: Tensor) -> Tensor:
        """t − φ(t)."""
        k, s = self.knee, self.saturation
        below = magnitude.clamp(max=s)
        return (below - k).clamp(min=0).square() / (2 * (s - k)) + (magnitude - below)

    def apply(self, x: Tensor) -> Tensor:
        m = magnitudes(x, self.ndim, self.groups)
        return item_sum((self.constant("weights", x) * (m - self.bend(m))).expand_as(m), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        k, s, m = self.knee, self.saturation, magnitudes(x, self.ndim, self.groups)
        step = step_per_group(tau, x, self.ndim, self.groups, self.name)
        t = step * self.constant("weights", x)
        mild = t < s - k
        share = torch.where(mild, t, 0) / (s - k)
        between = ((m - share * s) / (1 - share)).clamp(max=s)
        soft = torch.relu(m - t)
        continuous = torch.where(m <= k + t, soft, torch.where(m < s, between, m))
        jump = torch.where(t <= s + k, (s + k + t) / 2, (t * (s + k)).sqrt())
        new = torch.where(mild, continuous, torch.where(m > jump, m, soft))
        return with_magnitudes(x, m, new)

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        m = magnitudes(x, self.ndim, self.groups)
        if self.groups:
            m = torch.where(m <= torch.finfo(m.dtype).tiny, 0, m)
        m = (m.square() + smoothing**2).sqrt()
        w = self.constant("weights", x) * self.slope(m)
        return torch.where(w > 0, w / m, torch.zeros_like(m)), torch.zeros_like(x)

    def smooth_split(self) -> tuple[Functional, Functional]:
        norm = GroupL1 if self.groups else L1
        return ConcavePart(self), norm(self.domain_shape, self.weights)

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[Functional]:
        """Small instances that together cover every mode of the class."""


class ConcavePart(Functional):
    """f(x) − Σ wᵢ|xᵢ| for a folded concave f: concave, gradient w(φ'(|x|) − 1)x/|x|, Lipschitz max w/(s − k)."""

    capabilities = frozenset({"grad"})
    convex = False

    def __init__(self, penalty: FoldedConcave) -> None:
        super().__init__(penalty.domain_shape)
        self.penalty = penalty

    def apply(self, x: Tensor) -> Tensor:
        m = magnitudes(x, self.ndim, self.penalty.groups)
        return -item_sum((self.penalty.constant("weights", x) * self.penalty.bend(m)).expand_as(m), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        m = magnitudes(x, self.ndim, self.penalty.groups)
        return with_magnitudes(x, m, self.penalty.constant("weights", x) * (self.penalty.slope(m) - 1))

    def lipschitz(self) -> float | Tensor:
        largest = self.penalty.weights.max() / (self.penalty.saturation - self.penalty.knee)
        return largest if largest.requires_grad else float(largest)

    def dual_scale(self) -> float | Tensor:
        return self.penalty.dual_scale()

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        # f ≥ −Σ w|x| ≥ −‖w‖‖x‖: unlike other functionals, f is not positive.
        weights = self.penalty.constant("weights", r).expand(self.domain_shape[1 if self.penalty.groups else 0 :])
        bound: Tensor = -radius * (torch.linalg.vector_norm(weights) + item_norm(r, self.ndim))
        return bound

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.functionals.mcp import MCP
        from recon.operators.functionals.scad import SCAD

        yield cls(SCAD((3, 4), knee=0.4))
        yield cls(MCP((2, 6), 0.8, torch.tensor([0.5, 0.0, 2.0, 1.0, 1.0, 1.0]), groups=True))
