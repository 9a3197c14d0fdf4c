"""Bilevel learning with inexact lower levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

import torch
from torch import Tensor

from recon.solvers.differentiation.parameters import Theta, rebuilt, values
from recon.solvers.learning.hoag import hoag
from recon.solvers.learning.lower import Lower
from recon.solvers.learning.maid import maid
from recon.solvers.optimisation.fista import FISTA
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter

Learning = Literal["maid", "hoag"]
Learnt = TypeVar("Learnt")


@dataclass(frozen=True)
class Learned(Generic[Learnt]):
    """Parameters learned, and how.

    Attributes
    ----------
    theta
        Laid out like the θ that was given; a copy of a module.
    loss
        ½ Σ ‖x̂(θ) − x*‖², up to the accuracy of the last step.
    path
        Per step ``"loss"``, ``"gradient"`` (its norm), ``"epsilon"`` (the accuracy of reconstructions), ``"step"``
        and ``"iterations"`` (of the solver, in all).
    met
        Whether the gradient is at most the tolerance.
    sentence
        All of this in words.
    """

    theta: Learnt
    loss: float
    path: Mapping[str, Tensor]
    met: bool
    sentence: str


def learn(
    problem_of: Callable[[Theta], Problem],
    truth: Tensor,
    theta: Theta,
    method: Learning = "maid",
    solver: Solver | None = None,
    *,
    tol: float = 1e-4,
    steps: int = 100,
    epsilon: float = 1e-1,
    rate: float = 1.0,
    max_iter: int = 20000,
) -> Learned[Theta]:
    """The θ that minimises ½ Σ ‖x̂(θ) − x*‖² over pairs, x̂(θ) solving the problem with data of all pairs.

    Reconstructions and hypergradients are computed only as accurately as each step needs, to proven accuracies
    ‖x̃ − x̂(θ)‖ ≤ ε:

    * ``"maid"``: θ⁺ = θ − α z with a line search that pads the loss by its error bounds,

          ℓ(x̃⁺) + ‖∇ℓ(x̃⁺)‖ε + ε²/2 ≤ ℓ(x̃) − ‖∇ℓ(x̃)‖ε − ηα‖z‖²,

      so that the true loss decreases in every step. Where no step passes, ε is made smaller; after one that does,
      larger again. (The published method also bounds the error of z by constants of the problem; here the line search
      is the only judge.)
    * ``"hoag"``: the accuracy follows a summable sequence ε_k = ε₀ 0.8ᵏ, and the step shrinks where the loss is seen to
      rise by more than errors of that size.

    Parameters
    ----------
    problem_of
        θ to a Problem with the data of all pairs in its batch; see :func:`hypergradient`. It must be strongly convex,
        with a gradient or one closed-form prox for each term: weights as logarithms, ``prior.with_lam(theta.exp())``.
    truth
        x*, ``(*batch, *shape)``.
    theta
        Where to start; left as it is.
    solver
        For the lower level; FISTA by default. Its own stopping rule is not used.
    tol
        Of the norm of the hypergradient.
    steps
        Most steps in θ.
    epsilon, rate
        First accuracy ε₀ and first step length α.
    max_iter
        Most iterations of one lower-level or linear solve.

    Errors: ValueError for problems not known to be strongly convex; CapabilityError where a term has neither gradient
    nor closed-form prox; RuntimeError where ``max_iter`` do not reach an accuracy.

    Sources: Salehi, Mukherjee, Roberts and Ehrhardt, SIAM J. Math. Data Sci. 7 (2025), arXiv:2308.10098, algorithm 3.1
    (MAID); Pedregosa, ICML 2016 (HOAG).
    """
    if method not in get_args(Learning):
        raise ValueError(f"learn expects the method 'maid' or 'hoag', got {method!r}.")
    for name, value in (("tol", tol), ("epsilon", epsilon), ("rate", rate)):
        if not 0 < value < float("inf"):
            raise ValueError(f"learn expects {name} > 0, got {value!r}.")
    if steps < 1 or max_iter < 1:
        raise ValueError(f"learn expects steps and max_iter >= 1, got {steps!r} and {max_iter!r}.")
    lower = Lower(problem_of, truth, FISTA(stop=MaxIter(1)) if solver is None else solver, max_iter)

    def arranged_like(parts: list[Tensor]) -> Any:
        return rebuilt(theta, parts)

    begin = [t.detach().clone() for t in values(theta)]
    run = maid if method == "maid" else hoag
    end = run(lower, arranged_like, begin, epsilon, rate, tol, steps)
    path = {key: torch.tensor([row[key] for row in end.rows], dtype=torch.float64) for key in end.rows[0]}
    last = end.rows[-1]
    state = "reached" if end.met else "did not reach"
    sentence = (
        f"{method.upper()} {state} a hypergradient of {tol:g} ({last['gradient']:.3g}) in {len(end.rows) - 1} steps, "
        f"{lower.iterations} iterations of {lower.solver.name} and {lower.products} products with Hessians; the loss "
        f"went from {end.rows[0]['loss']:.5g} to {last['loss']:.5g}."
    )
    return Learned(rebuilt(theta, end.theta), float(last["loss"]), path, end.met, sentence)
