"""Diffusion priors from networks with the preconditioning of EDM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning, level_of, log_of
from recon.priors.prior import Prior

RHO = 7.0


class EDMDiffusion(NetworkDiffusion):
    """D(u, σ) from a network F with the preconditioning of EDM, or from a D(n, s) that already contains it.

    In network values n, at noise level s there, with d = ``sigma_data``:

        m = c_skip n + c_out F(c_in n, c_noise),   c_skip = d²/(s² + d²),  c_out = s d/√(s² + d²),
        c_in = 1/√(s² + d²),  c_noise = ln(s)/4;     ``preconditioned``:  m = network(n, s).

    By default samplers stop at the levels of the paper, equation 5 with ρ = 7 between ``sigma_min`` and ``sigma_max``.

    Parameters
    ----------
    network
        F, called as ``network(c_in n, c_noise)``, or D, called as ``network(n, s)``, on ``(N, C, *pixels)`` and
        ``(N,)``; an ``nn.Module`` or another callable.
    sigma_data
        d > 0, the standard deviation of the training images in network values.
    preconditioned
        Whether the network is D rather than F.
    sigma_min, sigma_max
        The levels between which the network was trained, in network values.

    Source: Karras, Aittala, Aila and Laine, Elucidating the design space of diffusion-based generative models,
    NeurIPS 2022, equation 7 and table 1.
    """

    names = ("edm_diffusion", "edm")

    def __init__(
        self,
        network: nn.Module | Callable[[Tensor, Tensor], Tensor],
        shape: Sequence[int],
        *,
        sigma_data: float = 0.5,
        preconditioned: bool = False,
        sigma_min: float = 0.002,
        sigma_max: float = 80.0,
        channels: int = 1,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (-1.0, 1.0),
        complex_as: Literal["refuse", "parts"] = "refuse",
        precision: Precision = "weights",
        weights: str | Path | None = None,
        sigma: float = 0.05,
    ) -> None:
        super().__init__(
            network,
            shape,
            channels=channels,
            value_range=value_range,
            network_range=network_range,
            complex_as=complex_as,
            precision=precision,
            weights=weights,
            sigma=sigma,
        )
        if not 0 < sigma_data < inf:
            raise ValueError(f"EDMDiffusion expects sigma_data > 0, got {sigma_data!r}.")
        self.sigma_data, self.preconditioned = float(sigma_data), preconditioned
        if not 0 < sigma_min < sigma_max < inf:
            raise ValueError(f"EDMDiffusion expects 0 < sigma_min < sigma_max, got {sigma_min!r} and {sigma_max!r}.")
        self.sigma_range = (sigma_min / self.scale, sigma_max / self.scale)

    def stops(self, steps: int) -> Tensor:
        lowest, highest = (end ** (1 / RHO) for end in self.sigma_range)
        return torch.linspace(highest, lowest, steps, dtype=torch.float64) ** RHO

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        if self.preconditioned:
            return Preconditioning(0.0, 1.0, 1.0, level_of(s))
        d = self.sigma_data
        c_in = (s**2 + d**2) ** -0.5
        return Preconditioning((d * c_in) ** 2, s * d * c_in, c_in, log_of(s, 0.25))

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_of_small_images, (3, 4), value_range=(-1.0, 1.0))
        yield cls(_shrink, (2, 3, 4), channels=2, preconditioned=True, complex_as="parts")


def _of_small_images(x: Tensor, c: Tensor) -> Tensor:
    """The exact F for images N(0, d²I/4) and d = ½."""
    s = (4 * c).exp().reshape(-1, *(1,) * (x.ndim - 1))
    total = s.square() + 0.25
    shrunk = 0.0625 / (0.0625 + s.square()) * total.sqrt()
    F: Tensor = (shrunk - 0.25 / total.sqrt()) * total.sqrt() / (0.5 * s) * x
    return F


def _shrink(x: Tensor, s: Tensor) -> Tensor:
    """The denoiser of N(0, I)."""
    shrunk: Tensor = x / (1 + s.square()).reshape(-1, *(1,) * (x.ndim - 1))
    return shrunk
