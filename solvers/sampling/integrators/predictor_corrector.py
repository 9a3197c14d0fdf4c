"""A step of the reverse diffusion, then Langevin steps at its end."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from recon.operators.tensors import checked_count, item_norm
from recon.solvers.sampling.integrators.euler_sde import euler_maruyama
from recon.solvers.sampling.integrators.integrator import Estimate, Integrator, Level, Move, Noise, wide


@dataclass(frozen=True)
class PredictorCorrector(Integrator):
    """:class:`EulerSDE` to the next level s, then Langevin steps there, none at s = 0:

        g = (x̂₀(u, s) − u)/s²,   ε = 2 (r ‖z‖/‖g‖)²,   u ← u + ε g + (2ε)^½ z.

    Norms are those of an item; the authors' code takes their means over the batch.

    Parameters
    ----------
    snr
        r > 0, the ratio of signal to noise of a corrector step.
    corrections
        Langevin steps at each level, one estimate each; at most 15.

    Source: Song et al., Score-based generative modeling through stochastic differential equations, ICLR 2021,
    Algorithms 2 and 4.
    """

    names = ("predictor_corrector", "pc")

    snr: float = 0.16
    corrections: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.snr < inf:
            raise ValueError(f"PredictorCorrector expects snr > 0, got {self.snr!r}.")
        if checked_count(self.corrections, "PredictorCorrector", "corrections") > 15:
            raise ValueError(f"PredictorCorrector expects 1 <= corrections <= 15, got {self.corrections!r}.")

    @property
    def calls(self) -> int:
        return 1 + self.corrections

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        u = euler_maruyama(u, x0, level, noise)
        again, n = level.lower > 0, u.ndim - 1
        if not bool(again.any()):
            return Move(u, x0)
        s = torch.where(again, level.lower, level.sigma)
        here = Level(s, s * (level.lower / level.sigma), level.sigma)
        for k in range(self.corrections):
            z = noise(1 + k)
            g = (estimate(u, here) - u) / wide(s.square(), u)
            slope = item_norm(g, n)
            epsilon = 2 * (self.snr * item_norm(z, n) / torch.where(slope > 0, slope, 1)).square()
            epsilon = torch.where(again.to(epsilon.device) & (slope > 0), epsilon, 0)
            u = u + wide(epsilon, u) * g + wide((2 * epsilon).sqrt(), u) * z
        return Move(u, x0)
