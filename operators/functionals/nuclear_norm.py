"""The nuclear norm of matrices formed from axes of an image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.magnitudes import step_per_item
from recon.operators.functionals.singular_values import shrink_singular_values, singular_values
from recon.operators.tensors import item_sum


class NuclearNorm(Functional):
    """f(x) = Σ over matrices X of Σᵢ σᵢ(X), the sum of their singular values; real or complex.

    The matrices have the axes ``rows`` of x, joined, as rows and ``columns`` as columns; one stands at each index of
    the axes that are neither. The prox shrinks singular values by τ; f* is the indicator of all σ ≤ 1.

    Parameters
    ----------
    domain_shape
        Shape of one item. Frames ``(time, *pixels)`` with ``rows=(0,)`` give the matrix of Casorati, time × space.
    rows, columns
        Axes of one item; ``columns`` are all others by default.

    Sources: Cai, Candès and Shen, SIAM J. Optim. 20 (2010) 1956, theorem 2.1; Liang, ISBI 2007, 988, for images.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(
        self, domain_shape: Sequence[int], rows: Sequence[int] = (0,), columns: Sequence[int] | None = None
    ) -> None:
        super().__init__(domain_shape)
        n = self.ndim
        given = (*rows, *(() if columns is None else columns))
        if any(not -n <= a < n for a in given) or len({a % n for a in given}) < len(given):
            raise ValueError(f"NuclearNorm expects distinct axes of a {n}-dimensional item, got {given}.")
        self.rows = tuple(a % n for a in rows)
        left = tuple(a for a in range(n) if a not in self.rows)
        self.columns = left if columns is None else tuple(a % n for a in columns)
        if not self.rows or not self.columns:
            raise ValueError(f"NuclearNorm expects rows and columns, got axes {self.rows} and {self.columns}.")
        others = tuple(a for a in left if a not in self.columns)
        self._order = (*others, *self.rows, *self.columns)
        self._matrix = tuple(prod(self.domain_shape[a] for a in axes) for axes in (self.rows, self.columns))
        self._others = len(others)

    def matrices(self, x: Tensor) -> Tensor:
        """The matrices of ``(*batch, *domain_shape)``, ``(*batch, *others, rows, columns)``."""
        first = x.ndim - self.ndim
        moved = x.permute(*range(first), *(first + a for a in self._order))
        return moved.reshape(*moved.shape[: first + self._others], *self._matrix)

    def images(self, matrices: Tensor) -> Tensor:
        """The inverse of :meth:`matrices`."""
        first = matrices.ndim - self._others - 2
        moved = matrices.reshape(*matrices.shape[:first], *(self.domain_shape[a] for a in self._order))
        back = sorted(range(self.ndim), key=self._order.__getitem__)
        return moved.permute(*range(first), *(first + a for a in back))

    def apply(self, x: Tensor) -> Tensor:
        return item_sum(singular_values(self.matrices(x)), self._others + 1)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = step_per_item(tau, x, self.ndim, self.name)
        if isinstance(step, Tensor) and step.ndim:
            step = step.reshape(*step.shape[: step.ndim - self.ndim], *(1,) * self._others)
        return self.images(shrink_singular_values(self.matrices(x), step))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        step_per_item(sigma, y, self.ndim, self.name)
        return y - self.images(shrink_singular_values(self.matrices(y), 1.0))

    def dual_point(self, y: Tensor) -> Tensor:
        return y - self.images(shrink_singular_values(self.matrices(y), 1.0))

    def _largest(self, y: Tensor) -> Tensor:
        return singular_values(self.matrices(y)).flatten(y.ndim - self.ndim).amax(-1)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return 1 / self._largest(y).clamp(min=1)

    def conjugate(self, y: Tensor) -> Tensor:
        largest = self._largest(y)
        slack = 16 * torch.finfo(largest.dtype).eps * sqrt(max(self._matrix))
        return torch.where(largest <= 1 + slack, 0.0, torch.inf).to(largest.dtype)  # NaN is outside

    def dual_scale(self) -> float:
        return 1 / sqrt(max(self._matrix))

    def level_radius(self, level: Tensor) -> Tensor:
        return level

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((2, 3, 2, 2), rows=(0, -1))
        yield cls((2, 3, 4), rows=(2,), columns=(0,))
