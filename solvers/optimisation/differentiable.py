"""Objectives that are differentiable, perhaps within bounds."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import BoxIndicator, Functional
from recon.operators.functionals.scaled import ScaledFunctional
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError
from recon.operators.operator import Operator
from recon.priors.splitting import Saddle
from recon.solvers.optimisation.smooth import Composite, Smooth
from recon.solvers.problem import Problem


class Bounds(NamedTuple):
    """lower ≤ x ≤ upper elementwise."""

    lower: float
    upper: float

    @property
    def active(self) -> bool:
        """Whether there are any."""
        return self.lower > -inf or self.upper < inf

    def project(self, x: Tensor) -> Tensor:
        """The nearest point within."""
        return x.clamp(self.lower, self.upper) if self.active else x

    def free(self, x: Tensor, g: Tensor) -> Tensor:
        """1 where x may move along −g, 0 where a bound holds it."""
        held = ((x <= self.lower) & (g > 0)) | ((x >= self.upper) & (g < 0))
        return (~held).to(x.dtype)


class Differentiable(NamedTuple):
    """Σᵢ fᵢ(Kᵢ(x)) within bounds."""

    smooth: Smooth
    bounds: Bounds
    shape: tuple[int, ...]

    @property
    def composite(self) -> Composite:
        """The same with the bounds as a term."""
        if not self.bounds.active:
            return Composite(self.smooth, Saddle(None, ()))
        return Composite(self.smooth, Saddle(BoxIndicator(self.shape, *self.bounds), ()))


def differentiable(problem: Problem, solver: str, bounded: bool) -> Differentiable:
    """A problem as a sum of differentiable terms, and bounds where the method takes them.

    Errors: CapabilityError for a term that has no gradient, ValueError for bounds that exclude each other.
    """
    if "grad" not in problem.likelihood.capabilities:
        raise CapabilityError(f"{solver} needs a data term with a gradient; {problem.likelihood.name} has none.")
    functionals: list[Functional] = [problem.likelihood]
    operators: list[Operator] = [problem.operator]
    lower, upper = -inf, inf
    for term in problem.terms:
        f = term.functional
        base = f.functional if isinstance(f, ScaledFunctional) else f
        if bounded and term.operator is None and isinstance(base, BoxIndicator):
            lower, upper = max(lower, base.lower), min(upper, base.upper)
        elif "grad" in f.capabilities:
            functionals.append(f)
            operators.append(term.operator or Identity(problem.shape))
        else:
            allowed = "differentiable terms and bounds" if bounded else "differentiable terms"
            assert problem.prior is not None
            raise CapabilityError(
                f"{solver} takes {allowed}; {f.name} of {problem.prior.name} has no gradient. "
                "Use PDHG, FISTA or IRLS instead."
            )
    if lower >= upper:
        raise ValueError(f"{solver} got bounds that no image meets: above {lower:g} and below {upper:g}.")
    return Differentiable(Smooth(tuple(functionals), tuple(operators)), Bounds(lower, upper), problem.shape)


def first_step(smooth: Smooth, x: Tensor, images: tuple[Tensor, ...], d: Tensor, slope: Tensor) -> Tensor:
    """−slope/dᴴHd per item with the Gauss-Newton Hessian H, 1 where that is not positive."""
    curvature = smooth.curvature(images, smooth.moves(x, d))
    return torch.where(curvature > 0, -slope / torch.where(curvature > 0, curvature, 1), 1)
