"""Measurements for compressed sensing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.hartley import Hartley
from recon.operators.identity import Identity
from recon.operators.linear import SVD, LinearOperator
from recon.operators.tensors import checked_count, per_item


class RandomSensing(LinearOperator):
    """y = P H (s ⊙ x): random signs s, the orthonormal Hartley transform H, and m of its coefficients at random.

    The rows are orthonormal, A Aᴴ = I, and each measurement takes about as much from every pixel, as those of Gaussian
    matrices do, at the cost of a fast transform.

    Parameters
    ----------
    shape
        Shape of one image.
    measurements
        m, at most the number of pixels.
    seed
        Of the signs and of the choice of coefficients.

    Source: Do, Gan, Nguyen and Tran, IEEE Trans. Signal Process. 60 (2012) 139 (structurally random matrices).
    """

    def __init__(self, shape: Sequence[int], measurements: int, seed: int = 0) -> None:
        shape, m = tuple(shape), checked_count(measurements, "RandomSensing", "measurements")
        if m > prod(shape):
            raise ValueError(f"RandomSensing expects at most {prod(shape)} measurements of images {shape}, got {m}.")
        super().__init__(shape, (m,))
        generator = torch.Generator().manual_seed(seed)
        self.signs = 2.0 * torch.randint(2, shape, generator=generator).double() - 1
        self.chosen = torch.randperm(prod(shape), generator=generator)[:m].sort().values
        self.transform = Hartley(shape)

    def apply(self, x: Tensor) -> Tensor:
        spectrum = self.transform(self.constant("signs", x) * x)
        return spectrum.flatten(x.ndim - len(self.domain_shape))[..., self.chosen.to(x.device)]

    def apply_adjoint(self, y: Tensor) -> Tensor:
        batch = y.shape[:-1]
        spectrum = y.new_zeros(*batch, prod(self.domain_shape))
        spectrum[..., self.chosen.to(y.device)] = y
        return self.constant("signs", y) * self.transform(spectrum.reshape(*batch, *self.domain_shape))

    def known_norm(self) -> float:
        return 1.0

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd", "preimage"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        shift = per_item(rho, b, len(self.domain_shape))
        solution: Tensor = (b - self.normal(b) / (1 + shift)) / shift
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b)

    def preimage(self, e: Tensor) -> Tensor:
        return self(e)

    def svd(self) -> SVD:
        return SVD(Identity(self.range_shape), torch.ones(self.range_shape), self.H)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5), 7)
        yield cls((6,), 6, seed=3)
