"""The lower level of bilevel learning: reconstructions to a proven accuracy, and the derivative of their error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recon.solvers.differentiation.fixed_point import FixedPoint, fixed_point
from recon.solvers.differentiation.hypergradient import pulled_back
from recon.solvers.differentiation.parameters import leaves, values
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter

FIRST = 8
"""Iterations before accuracy is first looked at; they double from one look to the next."""


class Reconstruction(NamedTuple):
    """x̃ with ‖x̃ − x̂(θ)‖ ≤ ``error``, the fixed point map it was found with, the leaves of θ, and the loss."""

    image: Tensor
    error: float
    point: FixedPoint
    own: list[Tensor]
    loss: float
    slope: float

    @property
    def upper(self) -> float:
        """A bound from above on the loss of x̂(θ)."""
        return self.loss + self.slope * self.error + self.error**2 / 2

    @property
    def lower(self) -> float:
        """A bound from below on the loss of x̂(θ)."""
        return max(self.loss - self.slope * self.error, 0.0)


@dataclass
class Lower:
    """Solves problem_of(θ) and compares with the truth: ℓ(x) = ‖x − x*‖²/2, over all items.

    ℓ is convex and its gradient 1-Lipschitz, so that
    ℓ(x̃) − ‖∇ℓ(x̃)‖ε ≤ ℓ(x̂) ≤ ℓ(x̃) + ‖∇ℓ(x̃)‖ε + ε²/2 for ‖x̃ − x̂‖ ≤ ε.

    Attributes
    ----------
    iterations
        Steps of the solver so far, the costliest item of each solve counting.
    products
        Products with Hessians in linear solves so far.
    """

    problem_of: Callable[[Any], Problem]
    truth: Tensor
    solver: Solver
    max_iter: int
    iterations: int = field(default=0)
    products: int = field(default=0)

    def solve(self, theta: Any, epsilon: float, start: Tensor | None) -> Reconstruction:
        """x̃ with ‖x̃ − x̂(θ)‖ ≤ ``epsilon`` over all items, as the proximal gradient step there proves.

        Errors: ValueError for a problem that is not strongly convex, RuntimeError where ``max_iter`` do not suffice.
        """
        own = leaves(theta)
        with torch.enable_grad():
            problem = self.problem_of(own)
            flat = problem.flatten()
            _ = flat.lifted.terms
        truth = self.truth.reshape(-1, *problem.shape)
        x = flat.zeros() if start is None else start
        point = fixed_point(flat, x)
        modulus = strong_convexity(point)
        steps, done = FIRST, 0
        while True:
            with torch.no_grad():
                error = point.error_bound(x, modulus).square().sum().sqrt()
                moved = point(x)
            if float(error) <= epsilon:
                residual = moved - truth
                slope = float(torch.linalg.vector_norm(residual))
                return Reconstruction(moved, float(error), point, values(own), slope**2 / 2, slope)
            if done >= self.max_iter:
                raise RuntimeError(
                    f"{self.solver.name} did not reach an accuracy of {epsilon:.3g} in {self.max_iter} iterations (but "
                    f"{float(error):.3g}); allow more, or make the problem better conditioned."
                )
            limited = replace(self.solver, stop=MaxIter(steps), check_every=steps)
            x = limited.solve(flat, moved).image
            done, self.iterations = done + steps, self.iterations + steps
            steps *= 2

    def gradient(self, at: Reconstruction, delta: float) -> list[Tensor]:
        """dℓ/dθ by the implicit function theorem at x̃, the residual of its linear system at most ``delta``."""
        v = at.image - self.truth.reshape(at.image.shape)
        size = max(at.slope, 1e-300)
        rtol = min(delta / size, 0.5)
        found, info = pulled_back(at.point, at.image, v, at.own, "implicit-cg", rtol, self.max_iter)
        self.products += int(info.iterations.max())
        return [g.detach() for g in found]


def strong_convexity(point: FixedPoint) -> Tensor:
    """μ per item of F + h; ValueError where none is known."""
    with torch.no_grad():
        smooth, rest = point.parts.convex_moduli(torch.ones_like(point.tau))
        modulus = smooth + rest
    if not bool((modulus > 0).all()):
        raise ValueError(
            "learn needs a problem that is known to be strongly convex, to bound errors of solutions by gradients; add "
            "a Tikhonov prior with a small weight."
        )
    return modulus


def norm(parts: list[Tensor]) -> float:
    """Euclidean norm over all tensors."""
    return sqrt(sum(float(torch.linalg.vector_norm(p)) ** 2 for p in parts))
