"""The implicit process, with as much noise as one likes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from recon.solvers.sampling.integrators.integrator import (
    Estimate,
    Integrator,
    Level,
    Move,
    Noise,
    ancestral_spread,
    renoise,
)


@dataclass(frozen=True)
class DDIM(Integrator):
    """u′ = x̂₀ + (s² − c²)^½ (u − x̂₀)/σ + c z, with c = η s (1 − (s/σ)²)^½.

    Parameters
    ----------
    eta
        η in [0, 1]: 0 is Euler's rule for the flow, without noise; 1 is :class:`Ancestral`.

    Source: Song, Meng and Ermon, ICLR 2021, equations 12 and 16.
    """

    names = ("ddim",)

    eta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.eta <= 1:
            raise ValueError(f"DDIM expects 0 <= eta <= 1, got {self.eta!r}.")

    @property
    def conditional(self) -> bool:
        return self.eta == 1

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        return Move(renoise(u, x0, level, lambda sigma, s: self.eta * ancestral_spread(sigma, s), noise), x0)
