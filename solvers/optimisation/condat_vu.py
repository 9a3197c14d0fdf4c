"""The primal-dual method of Condat and Vũ."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.solvers.optimisation.balance import PRODUCT
from recon.solvers.optimisation.saddle import prior_part, split
from recon.solvers.optimisation.smooth_primal_dual import SmoothPoint, SmoothPrimalDual, SmoothState
from recon.solvers.problem import Problem


@dataclass(frozen=True, kw_only=True)
class CondatVu(SmoothPrimalDual):
    """Minimise F(x) + g(x) + Σⱼ hⱼ(Lⱼx) with F = f∘A of Lipschitz gradient and convex g, hⱼ with a prox.

        x̃  = prox_{τg}(x − τ(∇F(x) + Σⱼ Lⱼᴴyⱼ))
        ỹⱼ = prox_{σⱼ hⱼ*}(yⱼ + σⱼ Lⱼ(2x̃ − x))
        (x, y)⁺ = (x, y) + ρ((x̃, ỹ) − (x, y))

    which converges for 1/τ − Σⱼ σⱼ‖Lⱼ‖² ≥ β/2 and ρ < 2 − (β/2)/(1/τ − Σⱼ σⱼ‖Lⱼ‖²), with β = Lip(∇f)‖A‖². The steps
    meet both inequalities. Within them they follow the distances X to x* and Yⱼ to yⱼ*: Σⱼ σⱼ‖Lⱼ‖² = Σⱼ Yⱼ‖Lⱼ‖/X.

    Parameters
    ----------
    relaxation
        ρ in (0, 2); the larger, the smaller τ has to be.
    ratio
        Multiplies X.
    adaptive
        Whether X and Yⱼ, first orders of magnitude, learn from the distances travelled, per item, at iterations 10, 20,
        40, ..., 5120.

    Errors: CapabilityError for a data term without Lipschitz gradient, and for terms without a prox or not convex.

    Sources: Condat, J. Optim. Theory Appl. 158 (2013) 460, algorithm 3.1 and theorem 3.1; Vũ, Adv. Comput. Math. 38
    (2013) 667.
    """

    relaxation: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.relaxation < 2:
            raise ValueError(f"CondatVu expects relaxation in (0, 2), got {self.relaxation!r}.")

    def _margin(self, lipschitz: Tensor) -> Tensor:
        """1/τ − Σⱼ σⱼ‖Lⱼ‖², a hundredth more than relaxation and convergence ask for."""
        return 1.01 * lipschitz / 2 * max(1.0, 1 / (2 - self.relaxation))

    def tau(self, free: Tensor, lipschitz: Tensor) -> Tensor:
        return 1 / (self._margin(lipschitz) + free / PRODUCT)

    def room(self, tau: Tensor, lipschitz: Tensor) -> Tensor:
        return PRODUCT * (1 / tau - self._margin(lipschitz)).clamp(min=0)

    def step(self, problem: Problem, state: SmoothState) -> SmoothState:
        prior, at, rho = prior_part(split(problem)), state.at, self.relaxation
        x = self.descend(problem, state)
        ahead = 2 * x - at.x
        duals = self.ascend(prior, state, ahead)
        image = problem.linear(x)
        moved, seen, multipliers = x, image, duals
        if rho != 1:
            moved, seen = torch.lerp(at.x, x, rho), torch.lerp(at.data_image, image, rho)
            multipliers = tuple(torch.lerp(a, b, rho) for a, b in zip(at.duals, duals, strict=True))
        gradient = problem.linear.adjoint(problem.likelihood.grad(seen))
        pull = prior.adjoint(multipliers) if prior.blocks else at.pull
        new = SmoothPoint(moved, seen, gradient, multipliers, pull)
        return self.advance(prior, state, new, ahead)._replace(x=x, data_image=image, duals=duals)
