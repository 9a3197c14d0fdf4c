"""Gradients of a loss on reconstructions with respect to what the problem depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

import torch
from torch import Tensor

from recon.solvers.differentiation.fixed_point import FixedPoint, fixed_point, transposed_solve
from recon.solvers.differentiation.fixed_point import Method as ImplicitMethod
from recon.solvers.differentiation.parameters import Theta, arranged, leaves, values
from recon.solvers.differentiation.unroll import Segments, prepared, run
from recon.solvers.linear.cg import CGInfo
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.solver import Solver

Method = Literal["unroll", "implicit-cg", "implicit-neumann"]
Gradient = TypeVar("Gradient")


class Hypergradient(NamedTuple, Generic[Gradient]):
    """What :func:`hypergradient` returns.

    Attributes
    ----------
    loss
        ℓ(x̂(θ)), a tensor of one number.
    gradient
        dℓ/dθ, laid out like θ; for a module a mapping from the names of its parameters.
    result
        The solver's, with x̂(θ).
    residual
        Relative residual per item that the linear solve of the implicit methods reached; zero for ``"unroll"``.
    """

    loss: Tensor
    gradient: Gradient
    result: Result
    residual: Tensor


def hypergradient(
    loss: Callable[[Tensor], Tensor],
    solver: Solver,
    problem_of: Callable[[Theta], Problem],
    theta: Theta,
    method: Method = "implicit-cg",
    *,
    tol: float = 1e-6,
    max_iter: int = 1000,
    initial: Tensor | None = None,
    segments: Segments = "auto",
) -> Hypergradient[Any]:
    """ℓ(x̂(θ)) and its gradient by θ, where x̂(θ) is what ``solver`` makes of ``problem_of(θ)``.

    * ``"unroll"`` differentiates the solver's steps, as many as its ``MaxIter`` says: the exact derivative of what is
      computed, for every solver and prior. Memory is bounded by checkpoints.
    * ``"implicit-cg"`` and ``"implicit-neumann"`` differentiate the solution: with x̂ = T(x̂, θ) for the proximal
      gradient map T(x, θ) = prox_{τh}(x − τ∇F(x)),

          dℓ/dθ = ∂θT(x̂, θ)ᵀ w,   (I − ∂ₓT(x̂, θ))ᵀ w = ∇ℓ(x̂),

      which for h = 0 is the implicit function theorem with the Hessian ∇²F, −(∂θ∇F)ᵀ(∇²F)⁻¹∇ℓ. Nothing of the
      iterations is kept. The solution must be computed accurately (by ``solver.stop``), and be the only one.

    Parameters
    ----------
    loss
        ℓ, from images ``(*batch, *shape)`` to one number, differentiable.
    problem_of
        θ to a Problem, differentiable: weights ``prior.with_lam(theta.exp())``, the σ of Gaussian noise, weights of
        total variation and ℓ1, the data, an operator's parameters where it says so.
    theta
        A tensor, a list, tuple or mapping of tensors, or a module whose parameters require gradients; left as it is.
    tol, max_iter
        Relative residual and iteration limit of the linear solve of the implicit methods.
    initial
        Starting images for the solver.
    segments
        As of :func:`unroll`.

    Errors: CapabilityError where an implicit method meets a prox without a closed form; ValueError for ``"unroll"``
    with a rule without iteration limit.

    Sources: Bertrand et al., J. Mach. Learn. Res. 23 (2022) 149, for proximal maps; Lorraine, Vicol and Duvenaud,
    AISTATS 2020, for the Neumann series.
    """
    if method not in get_args(Method):
        raise ValueError(f"hypergradient expects a method among {', '.join(get_args(Method))}, got {method!r}.")
    if not 0 < tol < 1:
        raise ValueError(f"hypergradient expects 0 < tol < 1, got {tol!r}.")
    own = leaves(theta)
    with torch.enable_grad():
        problem = problem_of(own)
        if not isinstance(problem, Problem):
            raise TypeError(f"problem_of is expected to give a Problem, got {type(problem).__name__}.")
        if method == "unroll":
            return _unrolled(loss, solver, problem, theta, values(own), initial, segments)
        flat = problem.flatten()
        _ = flat.lifted.terms  # built here, where the graph reaches back to theta
    result = solver.solve(problem, initial)
    image = result.image.detach().clone().requires_grad_()
    with torch.enable_grad():
        value = _scalar(loss(image))
    slope, *direct = torch.autograd.grad(value, [image, *values(own)], allow_unused=True)
    x = image.detach().reshape(-1, *problem.shape)
    v = torch.zeros_like(x) if slope is None else slope.reshape(x.shape)
    gradient, info = pulled_back(fixed_point(flat, x), x, v, values(own), method, tol, max_iter)
    total = [g if d is None else g + d for g, d in zip(gradient, direct, strict=True)]
    residual = info.residual.reshape(problem.batch)
    return Hypergradient(value.detach(), arranged(theta, total), result, residual)


def _unrolled(
    loss: Callable[[Tensor], Tensor],
    solver: Solver,
    problem: Problem,
    theta: Any,
    own: Sequence[Tensor],
    initial: Tensor | None,
    segments: Segments,
) -> Hypergradient[Any]:
    limit = solver.stop.max_iter
    if not isfinite(limit):
        raise ValueError(f"method='unroll' takes as many steps as MaxIter says, and {solver.stop!r} has no limit.")
    question, flat, start = prepared(solver, problem, initial)
    state = run(solver, flat, solver.init(flat, start), int(limit), segments)
    image = question.unlift(solver.image(state)).reshape(*problem.batch, *problem.shape)
    value = _scalar(loss(image))
    gradient = _gradients(value, own, torch.ones_like(value))
    with torch.no_grad():
        measured = solver.measure(flat, state)
    count = len(flat.data)
    measured = {key: value.detach().to("cpu", torch.float64) for key, value in measured.items()}
    history = {key: value.reshape(1, *problem.batch) for key, value in measured.items()}
    history["iteration"] = torch.tensor([int(limit)])
    history["seconds"] = torch.full((1,), torch.nan, dtype=torch.float64)
    reason = Reason.COMPLETED if solver.schedule else Reason.MAX_ITER
    iterations = torch.full(problem.batch, int(limit), dtype=torch.long)
    result = Result(image.detach(), (reason,) * count, iterations, history)
    residual = torch.zeros(problem.batch, dtype=value.dtype)
    return Hypergradient(value.detach(), arranged(theta, gradient), result, residual)


def pulled_back(
    point: FixedPoint, x: Tensor, v: Tensor, own: Sequence[Tensor], method: ImplicitMethod, tol: float, max_iter: int
) -> tuple[list[Tensor], CGInfo]:
    """(∂x̂/∂θ)ᵀ v at x = T(x, θ), and how the linear solve went."""
    w, info = transposed_solve(point, x, v, method, tol, max_iter)
    with torch.enable_grad():
        moved = point(x)
    return _gradients(moved, own, w), info


def _scalar(value: Tensor) -> Tensor:
    if not isinstance(value, Tensor) or value.numel() != 1 or value.is_complex():
        raise ValueError(f"the loss is expected to be one real number, got {getattr(value, 'shape', value)!r}.")
    return value.reshape(())


def _gradients(output: Tensor, own: Sequence[Tensor], weight: Tensor) -> list[Tensor]:
    if not output.requires_grad:
        raise ValueError("the loss does not depend on theta: problem_of must build the problem from its argument.")
    found = torch.autograd.grad(output, list(own), weight, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(own, found, strict=True)]
