"""Counts behind an absorbing object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.transmission_poisson import TransmissionPoisson, checked_counts
from recon.operators.noise import NoiseModel


class BeerLambertNoise(NoiseModel):
    """y ~ Poisson(I₀e^{−z} + b) for line integrals z; the fidelity is :class:`TransmissionPoisson`.

    The data are the counts themselves, not their logarithms: no ``negative_log`` in a job. Where counts are high, their
    logarithms p = log(I₀/(y − b)) are nearly Gaussian with variance y/(y − b)², which differs from bin to bin:
    :class:`GaussianNoise` takes such data once operator and data are scaled by its inverse root.

    Parameters
    ----------
    blank
        I₀ > 0, mean counts without an object: a number, or a tensor broadcast against one item of data, such as one
        value per bin.
    background
        b ≥ 0, mean counts that have not come through the object: likewise. With b > 0 the fidelity is not convex, and
        solvers that need convexity refuse it.
    """

    names = ("beer_lambert", "transmission", "transmission_poisson")

    def __init__(self, blank: float | Tensor, background: float | Tensor = 0.0) -> None:
        self.blank, self.background = checked_counts(blank, background, "BeerLambertNoise")

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        if clean.is_complex():
            raise ValueError("BeerLambertNoise expects real line integrals, got complex numbers.")
        mean = self.blank.to(clean) * torch.exp(-clean) + self.background.to(clean)
        return torch.poisson(mean, generator)

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        if not data.is_complex() and bool((data != data.round()).any()):
            odd = float(data[data != data.round()].flatten()[0])
            raise ValueError(
                f"BeerLambertNoise expects whole numbers of counts, got {odd:g}; divide by the gain, leave out flat "
                "field and logarithm, or pass fidelity=TransmissionPoisson(...) for counts that were corrected."
            )
        return TransmissionPoisson(shape, data, self.blank, self.background)

    def most_likely(self, data: Tensor) -> Tensor:
        """log(I₀/(y − b)), counts below ½ taken for ½."""
        return torch.log(self.blank.to(data) / (data - self.background.to(data)).clamp_min(0.5))

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(40.0)
        yield cls(torch.tensor([30.0, 50.0, 90.0]), background=0.5)
