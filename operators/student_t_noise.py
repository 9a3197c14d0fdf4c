"""Noise with Student's t density."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.student_t import StudentT
from recon.operators.linear import CapabilityError
from recon.operators.noise import NoiseModel, SizedNoise
from recon.operators.noise_level import uniform
from recon.operators.tensors import positive_weight


class StudentTNoise(SizedNoise):
    """y = z + σ t with t of Student's density of ν degrees of freedom; −log p is :class:`StudentT`, not convex.

    Complex t have the circular density ∝ (1 + |t|²/ν)^{−(ν+2)/2}, whose real and imaginary parts are Student's.
    Samples are drawn by R. W. Bailey's polar method, Math. Comp. 62 (1994) 779.

    Parameters
    ----------
    sigma
        Scale σ > 0: a number or one value per batch item.
    dof
        ν > 0: 1 is Cauchy's density; the variance νσ²/(ν − 2) is finite for ν > 2.
    """

    names = ("student_t",)

    def __init__(self, sigma: float | Tensor = 1.0, dof: float = 4.0) -> None:
        super().__init__(sigma)
        self.dof = float(positive_weight(dof, "StudentTNoise expects dof > 0"))

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        u = uniform(clean, generator)
        length = (self.dof * torch.expm1(-2 / self.dof * torch.log(u))).sqrt()
        angle = 2 * torch.pi * uniform(clean, generator)
        t = torch.polar(length, angle) if clean.is_complex() else length * torch.cos(angle)
        return clean + self._over(clean) * t

    def fit(self, batch: tuple[int, ...], shape: tuple[int, ...]) -> StudentTNoise:
        fitted = super().fit(batch, shape)
        if isinstance(fitted.sigma, Tensor) and fitted.sigma.ndim > len(batch):
            raise CapabilityError("StudentTNoise takes one sigma per item, not one per measurement.")
        return fitted

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        sigma = self.sigma
        if isinstance(sigma, Tensor) and sigma.ndim:
            sigma = sigma.expand(data.shape[: data.ndim - len(shape)])
        parts = 2 if data.is_complex() else 1
        return StudentT(shape, sigma, self.dof, data, (self.dof + parts) / (self.dof + 1))

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(0.3, 5.0)
