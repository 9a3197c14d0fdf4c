"""Noise with Laplace's density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import L1
from recon.operators.noise import NoiseModel, SizedNoise
from recon.operators.noise_level import random_signs, uniform, weights_of


class LaplaceNoise(SizedNoise):
    """y = z + n with p(n) ∝ e^{−|n|/σ}; −log p = Σ |z − y|/σ + const, which is :class:`L1`.

    The standard deviation is √2σ; of complex n, whose magnitude alone the density depends on, E|n|² = 6σ².

    Parameters
    ----------
    sigma
        Scale σ > 0: a number, one value per batch item, or one per measurement, which broadcasts against data.
    """

    names = ("laplace",)

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        length = -torch.log(uniform(clean, generator))
        if clean.is_complex():  # magnitudes have the density t e^−t, that of a sum of two exponential variables
            length = length - torch.log(uniform(clean, generator))
            angle = 2 * torch.pi * uniform(clean, generator)
            return clean + self._over(clean) * torch.polar(length, angle)
        return clean + self._over(clean) * random_signs(clean, generator) * length

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        weights = weights_of(self.sigma, data, tuple(shape), -1)
        if isinstance(weights, Tensor) and weights.ndim:
            whole = weights.ndim == data.ndim - len(shape)
            if whole:
                weights = weights.reshape(*weights.shape, *(1,) * len(shape))
            if all(n == 1 for n in weights.shape[: data.ndim - len(shape)]):
                weights = weights.reshape(weights.shape[data.ndim - len(shape) :])
        return L1(shape, weights, data)

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.3)
        yield cls(torch.tensor([0.3, 0.2, 0.6]))
