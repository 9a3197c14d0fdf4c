"""Kernels of the operators that priors are made of, as isometries from coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import fixed


class Constants(LinearOperator):
    """Images that are constant along some axes: coefficients (k,), one per line of the others, to ``shape``.

    The isometry c ↦ c/√n, n the number of pixels that share a coefficient; its adjoint sums and divides by √n.

    Parameters
    ----------
    shape
        Shape of one image.
    axes
        Along which images are constant; all by default, which leaves one coefficient.
    """

    capabilities = frozenset({"pinv", "normal_pinv"})

    def __init__(self, shape: Sequence[int], axes: Sequence[int] | None = None) -> None:
        n = len(shape)
        self.axes = tuple(range(n)) if axes is None else tuple(sorted({a % n for a in axes}))
        self.count = prod(shape[a] for a in self.axes)
        self.free: Shape = tuple(1 if a in self.axes else m for a, m in enumerate(shape))
        super().__init__((prod(self.free),), shape)

    def apply(self, x: Tensor) -> Tensor:
        batch = x.shape[:-1]
        return (x.reshape(*batch, *self.free) / sqrt(self.count)).expand(*batch, *self.range_shape).clone()

    def apply_adjoint(self, y: Tensor) -> Tensor:
        n = len(self.range_shape)
        total = y.sum(dim=[a - n for a in self.axes], keepdim=True) if self.axes else y
        return total.reshape(*y.shape[: y.ndim - n], -1) / sqrt(self.count)

    def known_norm(self) -> float:
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return b

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((2, 3, 4), (-1, 1))
        yield cls((3, 4))


class Pieces(LinearOperator):
    """Images that are constant on each piece of a partition: coefficients (k,), one per piece, to ``shape``.

    The isometry c ↦ c_l/√n_l at pixels of label l, of which there are n_l.

    Parameters
    ----------
    labels
        Whole numbers 0, …, k − 1, each of them somewhere, of the shape of images.
    """

    capabilities = frozenset({"pinv", "normal_pinv"})

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels.detach().cpu().clone()
        sizes = torch.bincount(self.labels.reshape(-1))
        if bool((sizes == 0).any()):
            raise ValueError("Pieces expects labels 0, 1, ... without gaps.")
        self.scale = sizes.to(torch.float64).rsqrt()
        super().__init__((len(sizes),), tuple(labels.shape))

    def apply(self, x: Tensor) -> Tensor:
        values = x * self.constant("scale", x).to(x.dtype)
        return values[..., self.labels.to(x.device)]

    def apply_adjoint(self, y: Tensor) -> Tensor:
        batch = y.shape[: y.ndim - len(self.range_shape)]
        sums = y.new_zeros((*batch, *self.domain_shape))
        sums.index_add_(-1, self.labels.reshape(-1).to(y.device), y.reshape(*batch, -1))
        return sums * self.constant("scale", y).to(y.dtype)

    def known_norm(self) -> float:
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return b

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(torch.tensor([[0, 0, 1], [2, 1, 1]]))


class Subspace(LinearOperator):
    """The span of a few images: coefficients (k,) ↦ Σⱼ cⱼ bⱼ for an orthonormal basis bⱼ of it.

    Parameters
    ----------
    images
        ``(count, *shape)``, real; the basis has as many elements as they have dimensions.
    """

    capabilities = frozenset({"pinv", "normal_pinv"})

    def __init__(self, images: Tensor) -> None:
        spanning = fixed(images, "Subspace", "images").double()
        _, s, rows = torch.linalg.svd(spanning.flatten(1), full_matrices=False)
        kept = s > 1e-10 * s.max()
        self.basis = rows[kept].reshape(-1, *spanning.shape[1:])
        super().__init__((int(kept.sum()),), tuple(spanning.shape[1:]))

    def apply(self, x: Tensor) -> Tensor:
        basis = self.constant("basis", x).to(x.dtype)
        out: Tensor = torch.tensordot(x, basis, dims=1)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        basis = self.constant("basis", y).to(y.dtype)
        return y.flatten(y.ndim - len(self.range_shape)) @ basis.flatten(1).T

    def known_norm(self) -> float:
        return 1.0

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return b

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        ramp = torch.linspace(0, 1, 4).expand(3, 4)
        yield cls(torch.stack([torch.ones(3, 4), ramp, 2 * ramp + 1]))
