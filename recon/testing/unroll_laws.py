"""Laws of the same steps run otherwise: unrolled with gradients, and compiled."""

from __future__ import annotations

import torch

from recon.operators.linear import LinearOperator
from recon.solvers.iterate import iterate
from recon.solvers.problem import Problem
from recon.testing.report import Law, NotApplicable, at_most
from recon.testing.samples import distance, dot, norm, normal
from recon.testing.solver_case import SolverCase

STEPS = 3


def unrolled(case: SolverCase) -> str:
    """Unrolled steps give the plain images, and their derivative by the data is the limit of differences."""
    problem = case.problem
    if problem.noise is None:
        raise NotApplicable("the problem has a fidelity of its own")

    def image(data: torch.Tensor) -> torch.Tensor:
        asked = Problem(problem.operator, data, problem.noise, problem.prior)
        state = case.solver.init(asked)
        for _ in range(STEPS):
            state = case.solver.step(asked, state)
        return case.solver.image(state)

    along = normal(tuple(problem.data.shape), problem.data.dtype, 5, problem.data.device)
    weights = normal((3, *problem.shape), problem.dtype, 6, problem.data.device)
    data = problem.data.clone().requires_grad_()
    found = image(data)
    plain = case.solver.image(case.states(STEPS)[-1])
    at_most(distance(found, plain), 1e-12 * max(norm(plain), 1e-300), "difference between unrolled and plain images")
    assert found.requires_grad, "the unrolled image does not depend on the data differentiably."
    (gradient,) = torch.autograd.grad((weights.conj() * found).real.sum(), data)
    h = 1e-6 * norm(problem.data) / norm(along)
    with torch.no_grad():
        slope = (image(problem.data + h * along) - image(problem.data - h * along)) / (2 * h)
    error = abs(dot(gradient, along).real - dot(weights, slope).real)
    return at_most(error / max(norm(weights) * norm(slope), 1e-300), 1e-4, "error of the unrolled derivative, relative")


def compiled(case: SolverCase) -> str:
    """The step under torch.compile gives the images of the plain step."""
    solver, problem = case.short(STEPS), case.problem
    if not isinstance(problem.operator, LinearOperator):
        raise NotApplicable("the operator is not linear")
    plain = iterate(solver, problem)
    fast = iterate(solver, problem, compile=True)
    return at_most(distance(fast.image, plain.image) / max(norm(plain.image), 1e-300), 1e-8, "relative difference")


UNROLL_LAWS: tuple[Law, ...] = (unrolled,)
SLOW_LAWS: tuple[Law, ...] = (compiled,)
