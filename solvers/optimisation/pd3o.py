"""The primal-dual three-operator splitting."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.solvers.optimisation.balance import PRODUCT
from recon.solvers.optimisation.saddle import prior_part, split
from recon.solvers.optimisation.smooth_primal_dual import SmoothPoint, SmoothPrimalDual, SmoothState
from recon.solvers.problem import Problem

LARGEST = 1.9
"""τβ at most; the method converges below 2."""


@dataclass(frozen=True, kw_only=True)
class PD3O(SmoothPrimalDual):
    """Minimise F(x) + g(x) + Σⱼ hⱼ(Lⱼx) with F = f∘A of Lipschitz gradient and convex g, hⱼ with a prox.

        x⁺  = prox_{τg}(x − τ(∇F(x) + Σⱼ Lⱼᴴyⱼ))
        yⱼ⁺ = prox_{σⱼ hⱼ*}(yⱼ + σⱼ Lⱼ(2x⁺ − x + τ∇F(x) − τ∇F(x⁺)))

    which converges for τ < 2/β and τ Σⱼ σⱼ‖Lⱼ‖² ≤ 1, with β = Lip(∇f)‖A‖²: the bound on τ is that of gradient descent,
    whatever the σⱼ. With F = 0 it is PDHG, without hⱼ proximal gradient descent, and with L = I Davis-Yin splitting.
    The steps meet both inequalities. Within them τ = X / Σⱼ Yⱼ‖Lⱼ‖ with the distances X to x* and Yⱼ to yⱼ*.

    Parameters
    ----------
    ratio
        Multiplies X.
    adaptive
        Whether X and Yⱼ, first orders of magnitude, learn from the distances travelled, per item, at iterations 10, 20,
        40, ..., 5120.

    Errors: CapabilityError for a data term without Lipschitz gradient, and for terms without a prox or not convex.

    Source: Yan, J. Sci. Comput. 76 (2018) 1698, equation 4.
    """

    names = ("pd3o",)

    def tau(self, free: Tensor, lipschitz: Tensor) -> Tensor:
        return 1 / torch.maximum(free, lipschitz / LARGEST)

    def room(self, tau: Tensor, lipschitz: Tensor) -> Tensor:
        return PRODUCT / tau

    def step(self, problem: Problem, state: SmoothState) -> SmoothState:
        prior, at = prior_part(split(problem)), state.at
        x = self.descend(problem, state)
        image = problem.linear(x)
        gradient = problem.linear.adjoint(problem.likelihood.grad(image))
        tau = per_item(state.steps.tau, x, len(problem.shape))
        ahead = 2 * x - at.x + tau * (at.gradient - gradient)
        duals = self.ascend(prior, state, ahead)
        pull = prior.adjoint(duals) if prior.blocks else at.pull
        new = SmoothPoint(x, image, gradient, duals, pull)
        return self.advance(prior, state, new, ahead)._replace(x=x, data_image=image, duals=duals)
