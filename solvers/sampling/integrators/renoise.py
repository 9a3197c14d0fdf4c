"""Steps that throw away a share of the noise and draw it anew."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from recon.solvers.sampling.integrators.integrator import Estimate, Integrator, Level, Move, Noise, renoise


@dataclass(frozen=True)
class Renoise(Integrator):
    """u′ = x̂₀ + s ((1 − ζ)^½ (u − x̂₀)/σ + ζ^½ z).

    With ζ = 1 nothing is kept of u but the estimate made from it. Unlike :class:`DDIM` with η = 1 this does not sample
    the prior in the limit of many steps where 0 < ζ: noise is renewed at a rate that grows with their number.

    Parameters
    ----------
    zeta
        ζ in [0, 1]: the share of the noise's variance that is new.

    Source: Zhu et al., CVPR workshops 2023 (DiffPIR), equation 14; with ζ = η² Wang, Yu and Zhang, ICLR 2023 (DDNM).
    """

    names = ("renoise",)

    zeta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.zeta <= 1:
            raise ValueError(f"Renoise expects 0 <= zeta <= 1, got {self.zeta!r}.")

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        return Move(renoise(u, x0, level, lambda sigma, s: self.zeta**0.5 * s, noise), x0)
