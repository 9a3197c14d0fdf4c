"""The unadjusted Langevin algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.chains.langevin import Langevin
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class ULA(Langevin):
    """Euler's rule for the Langevin diffusion of :class:`Langevin`, with a denoiser for the prior (PnP-ULA):

        x⁺ = x + δ [∇ log p(y | x) + (D(x, σ) − x)/σ² + (Π(x) − x)/λ] + (2δ)^½ z,   δ = ``step_size`` · 2/L.

    Its bias is known: for a prior N(m, C) and linear A the stationary law is Gaussian, with the mean of the posterior
    of the prior N(m, C + σ²I), and with the covariance

        (H − δH²/2)⁻¹,   H = AᴴΣ_y⁻¹A + (C + σ²I)⁻¹,

    in the place of H⁻¹: too large by a factor 1/(1 − ``step_size``) where the curvature is L, hardly where it is small.
    It is reached after some L/``step_size``/λ_min(H) steps.

    The paper allows δ up to a third of 1/L with a bound for the denoiser's Lipschitz constant in L, and λ up to 1/(2L);
    a factor α of the prior's part there is 1 here. Its second algorithm projects on the bounds instead.

    Source: Laumont, De Bortoli, Almansa, Delon, Durmus and Pereyra, Bayesian imaging using plug & play priors: when
    Langevin meets Tweedie, SIAM J. Imaging Sci. 15 (2022) 701, Algorithm 1.
    """

    names = ("ula", "pnp_ula")
    kind: ClassVar[BiasClass] = "predictable bias"

    @property
    def stable(self) -> float:
        return 2.0

    def move(self, problem: Problem, x: Tensor, delta: Tensor, z: Tensor) -> Tensor:
        return x + delta * self.drift(problem, x) + (2 * delta).sqrt() * z

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=40, sigma=0.3), problem
        uneven, counts = noisy_problems()
        yield cls(steps=40, sigma=0.3, bounds=(0.0, 6.0)), uneven
        yield cls(steps=40, sigma=0.3, lipschitz=100.0, bounds=(0.0, 6.0)), counts
        yield cls(steps=40, sigma=0.3, lipschitz=600.0, seed=3), bent_problem()
