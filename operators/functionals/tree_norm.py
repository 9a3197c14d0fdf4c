"""Hierarchical group norm over the branches of a forest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import fixed, item_norm, per_item


class Generation(NamedTuple):
    """The nodes of one depth, and the place of each one's parent among the nodes above; empty for roots."""

    nodes: Tensor
    parents: Tensor


class TreeNorm(Functional):
    """f(x) = Σ_j w_j (Σ_{i in T_j} |x_i|²)^½, the elements of an item being the nodes of a forest, T_j a node j with
    everything below it.

    A node is nonzero only together with those above it, as edges are in wavelet coefficients. The prox is exact and
    takes one pass up and one down: from the leaves to the roots the norm of each branch, after the branches in it have
    been shrunk, is shrunk by τw_j; every element is multiplied by the factors of the branches that it is part of.

    Parameters
    ----------
    parents
        For every element of ``domain_shape`` the index of its parent in the flattened item, −1 for roots.
    weights
        w ≥ 0, broadcast against an item.

    Errors: ValueError where ``parents`` leads outside the item or in a circle, or weights are negative.

    Source: R. Jenatton, J. Mairal, G. Obozinski and F. Bach, J. Mach. Learn. Res. 12 (2011) 2297.
    """

    capabilities = frozenset({"prox", "conjugate", "majorant"})
    monotone = True

    def __init__(self, domain_shape: Sequence[int], parents: Tensor, weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        parents = fixed(parents, "TreeNorm", "parents")
        if parents.is_floating_point() or parents.is_complex() or tuple(parents.shape) != self.domain_shape:
            raise ValueError(
                f"TreeNorm expects parents to be whole numbers of the shape {self.domain_shape} of an item, got "
                f"{str(parents.dtype).removeprefix('torch.')} of shape {tuple(parents.shape)}."
            )
        self.parents = parents.long()
        numbers = fixed(weights, "TreeNorm", "weights")
        self.weights = (numbers if numbers.is_floating_point() else numbers.double()).expand(self.domain_shape)
        if not bool((self.weights >= 0).all()):
            raise ValueError("TreeNorm expects nonnegative weights.")
        self.generations = _generations(self.parents.reshape(-1))

    def apply(self, x: Tensor) -> Tensor:
        weights = self.constant("weights", x).reshape(-1)
        total = torch.zeros((), dtype=weights.dtype, device=x.device)
        for generation, square in zip(self._generations_on(x), self._branches(x), strict=True):
            total = total + (weights[generation.nodes] * _root(square)).sum(-1)
        return total

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim:
            if any(n != 1 for n in step.shape[max(0, step.ndim - self.ndim) :]):
                raise ValueError(
                    f"TreeNorm has a closed-form prox for one step per item only, got {tuple(step.shape)}."
                )
            step = step.reshape(*step.shape[: step.ndim - self.ndim], 1)
        weights, square = self.constant("weights", x).reshape(-1), self._square(x)
        generations = self._generations_on(x)
        factors: list[Tensor] = []
        below: Tensor | None = None
        for depth in reversed(range(len(generations))):
            nodes = generations[depth].nodes
            branch = square[..., nodes]
            if below is not None:
                branch = branch.index_add(-1, generations[depth + 1].parents, below)
            factor = torch.relu(1 - step * weights[nodes] / _root(branch))
            below = branch * factor.square()
            factors.insert(0, factor)
        for depth in range(1, len(generations)):
            factors[depth] = factors[depth] * factors[depth - 1][..., generations[depth].parents]
        return x * self._assembled(factors, generations).reshape(*x.shape[: x.ndim - self.ndim], *self.domain_shape)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return y - self.prox(y, 1.0)

    def conjugate(self, y: Tensor) -> Tensor:
        outside, size = item_norm(self.prox(y, 1.0), self.ndim), item_norm(y, self.ndim)
        slack = 32 * torch.finfo(size.dtype).eps * size
        return torch.where(outside <= slack, 0.0, torch.inf).to(size.dtype)  # NaN is outside

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        weights, generations = self.constant("weights", x).reshape(-1), self._generations_on(x)
        slopes: list[Tensor] = []
        for generation, square in zip(generations, self._branches(x), strict=True):
            w, size = weights[generation.nodes], (square + smoothing**2).sqrt()
            slope = torch.where(w > 0, w / size, 0)
            slopes.append(slope + slopes[-1][..., generation.parents] if slopes else slope)
        curvature = self._assembled(slopes, generations)
        return curvature.reshape(*x.shape[: x.ndim - self.ndim], *self.domain_shape), torch.zeros_like(x)

    def dual_scale(self) -> float:
        return max(float(self.weights.mean()), 1e-30)

    def level_radius(self, level: Tensor) -> Tensor:
        least = float(self.weights.reshape(-1)[self.generations[0].nodes].min())
        return level / least if least > 0 else torch.full_like(level, torch.inf)

    def _square(self, x: Tensor) -> Tensor:
        flat = x.flatten(x.ndim - self.ndim)
        return flat.real.square() + flat.imag.square() if x.is_complex() else flat.square()

    def _branches(self, x: Tensor) -> list[Tensor]:
        """Σ_{i in T_j} |x_i|² of the nodes of every generation, roots first."""
        square, generations = self._square(x), self._generations_on(x)
        found: list[Tensor] = []
        for depth in reversed(range(len(generations))):
            branch = square[..., generations[depth].nodes]
            if found:
                branch = branch.index_add(-1, generations[depth + 1].parents, found[0])
            found.insert(0, branch)
        return found

    def _generations_on(self, x: Tensor) -> list[Generation]:
        return [Generation(nodes.to(x.device), parents.to(x.device)) for nodes, parents in self.generations]

    def _assembled(self, parts: Sequence[Tensor], generations: Sequence[Generation]) -> Tensor:
        """Values of the generations in the order of a flattened item."""
        order = torch.cat([generation.nodes for generation in generations]).argsort()
        return torch.cat(list(parts), dim=-1)[..., order]

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3), torch.tensor([[-1, 0, 0], [1, 1, -1]]))
        yield cls((5,), torch.tensor([-1, 0, 1, 2, 2]), torch.tensor([0.5, 0.0, 0.3, 1.0, 0.2]))
        yield cls((4,), torch.full((4,), -1), 0.7)


def _root(square: Tensor) -> Tensor:
    """√square, bounded away from zero, where it has no derivative, by the least number that is not subnormal."""
    return square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()


def _generations(parents: Tensor) -> list[Generation]:
    """The nodes by depth, roots first."""
    count = len(parents)
    if bool(((parents < -1) | (parents >= count)).any()):
        raise ValueError(
            f"TreeNorm expects parents from -1 to {count - 1}, got {int(parents.min())} to {int(parents.max())}."
        )
    place = torch.full((count,), -1)
    nodes = (parents == -1).nonzero().squeeze(-1)
    found: list[Generation] = []
    above = nodes[:0]
    seen = 0
    while nodes.numel():
        found.append(Generation(nodes, above))
        seen += len(nodes)
        place.fill_(-1)
        place[nodes] = torch.arange(len(nodes))
        rest = (parents >= 0).nonzero().squeeze(-1)
        where = place[parents[rest]]
        nodes, above = rest[where >= 0], where[where >= 0]
    if seen < count:
        raise ValueError("TreeNorm expects parents that lead to a root (-1) from everywhere, got a circle.")
    return found
