"""Functionals side by side."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.linear import CapabilityError
from recon.operators.tensors import per_item


class SplitSum(Functional):
    """f(z) = Σₖ fₖ(zₖ) for parts zₖ that lie one after the other along the first item dimension.

    Values, proximal maps and conjugates are those of the parts; f is bounded, smooth or strongly convex as far as all
    of them are.

    Parameters
    ----------
    functionals
        fₖ on items (countₖ, *shape), one shape for all.
    """

    def __init__(self, *functionals: Functional) -> None:
        shapes = {f.domain_shape[1:] for f in functionals}
        if len(shapes) != 1 or any(f.ndim < 1 for f in functionals):
            raise ValueError(f"SplitSum expects functionals on items (count, *shape) of one shape, got {shapes}.")
        self.functionals = functionals
        self.counts = tuple(f.domain_shape[0] for f in functionals)
        super().__init__((sum(self.counts), *functionals[0].domain_shape[1:]))
        self.convex = all(f.convex for f in functionals)
        offered = frozenset({"grad", "prox", "conjugate"})
        self.capabilities = offered.intersection(*(f.capabilities for f in functionals))
        if any(f.domain_field == "real" for f in functionals):
            self.domain_field = "real"

    def _parts(self, z: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = z.split(self.counts, dim=z.ndim - self.ndim)
        return parts

    def _steps(self, step: float | Tensor, z: Tensor) -> tuple[float | Tensor, ...]:
        """A step per part: the same for all unless it is given per element."""
        shaped = per_item(step, z, self.ndim)
        if isinstance(shaped, Tensor) and shaped.ndim >= self.ndim and shaped.shape[-self.ndim] > 1:
            steps: tuple[Tensor, ...] = shaped.split(self.counts, dim=-self.ndim)
            return steps
        return (shaped,) * len(self.counts)

    def _join(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, dim=parts[0].ndim - self.ndim)

    def _sum(self, values: list[Tensor]) -> Tensor:
        return torch.stack(values).sum(0)

    def apply(self, x: Tensor) -> Tensor:
        return self._sum([f(z) for f, z in zip(self.functionals, self._parts(x), strict=True)])

    def grad(self, x: Tensor) -> Tensor:
        self._need("grad")
        return self._join([f.grad(z) for f, z in zip(self.functionals, self._parts(x), strict=True)])

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        self._need("prox")
        pieces = zip(self.functionals, self._parts(x), self._steps(tau, x), strict=True)
        return self._join([f.prox(z, t) for f, z, t in pieces])

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        self._need("prox")
        pieces = zip(self.functionals, self._parts(y), self._steps(sigma, y), strict=True)
        return self._join([f.prox_conjugate(z, t) for f, z, t in pieces])

    def conjugate(self, y: Tensor) -> Tensor:
        self._need("conjugate")
        return self._sum([f.conjugate(z) for f, z in zip(self.functionals, self._parts(y), strict=True)])

    def dual_point(self, y: Tensor) -> Tensor:
        return self._join([f.dual_point(z) for f, z in zip(self.functionals, self._parts(y), strict=True)])

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        pieces = zip(self.functionals, self._parts(x), self._parts(v), strict=True)
        return self._join([f.subgradient(z, w) for f, z, w in pieces])

    def dual_shrink(self, y: Tensor) -> Tensor:
        return torch.stack([f.dual_shrink(z) for f, z in zip(self.functionals, self._parts(y), strict=True)]).amin(0)

    def lipschitz(self) -> float | Tensor | None:
        constants = [f.lipschitz() for f in self.functionals]
        known = [torch.as_tensor(c, dtype=torch.float64) for c in constants if c is not None]
        if len(known) < len(constants):
            return None
        largest = torch.stack(torch.broadcast_tensors(*known)).amax(0)
        return largest if largest.ndim else float(largest)

    def dual_scale(self) -> float | Tensor:
        scales = [n * f.dual_scale() for n, f in zip(self.counts, self.functionals, strict=True)]
        total = scales[0]
        for scale in scales[1:]:
            total = total + scale
        return total / sum(self.counts)

    def level_radius(self, level: Tensor) -> Tensor:
        """The root of Σₖ Rₖ², since every fₖ ≥ 0 is at most f."""
        return torch.stack([f.level_radius(level).square() for f in self.functionals]).sum(0).sqrt()

    def select(self, items: Tensor) -> SplitSum:
        return SplitSum(*(f.select(items) for f in self.functionals))

    def _need(self, capability: str) -> None:
        if capability not in self.capabilities:
            lacking = next(f.name for f in self.functionals if capability not in f.capabilities)
            raise CapabilityError(f"{self.name} has no {capability}: {lacking} has none.")

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.functionals.group_l1 import GroupL1
        from recon.operators.functionals.huber_group import HuberGroup
        from recon.operators.functionals.l1 import L1

        yield cls(GroupL1((2, 3)), L1((1, 3), 0.5), GroupL1((3, 3), 2.0))
        yield cls(HuberGroup((2, 3), 0.3), HuberGroup((1, 3), 0.7))
