"""Duality gaps of methods that know gradients and the duals of inner proximal maps."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.solvers.optimisation.saddle import certify
from recon.solvers.optimisation.smooth import Composite, Images, as_saddle
from recon.solvers.problem import Problem


def certificate(problem: Problem, parts: Composite, x: Tensor, images: Images, duals: Images) -> dict[str, Tensor]:
    """Objective and gap of F + h at x, from the images Kᵢ(x) of F and the duals of h's blocks.

    The gap is infinite where the problem is not convex or a term has no conjugate.
    """
    rest = parts.rest
    functionals = (*parts.smooth.functionals, *(block.functional for block in rest.blocks))
    proving = problem.convex and all(f.convex and "conjugate" in f.capabilities for f in functionals)
    if not proving or not (rest.simple is None or "conjugate" in rest.simple.capabilities):
        objective = parts.value(x, images)
        unknown = torch.full_like(objective, torch.inf)
        return {"objective": objective, "gap": unknown, "relative_gap": unknown}
    slopes = tuple(f.grad(z) for f, z in zip(parts.smooth.functionals, images, strict=True))
    return certify(problem, as_saddle(parts), x, (*images, *rest.forward(x)), (*slopes, *duals)).record()
