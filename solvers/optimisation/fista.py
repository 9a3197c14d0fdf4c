"""The fast iterative shrinkage-thresholding algorithm with adaptive restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.solvers.optimisation.prox import prior_part, prox
from recon.solvers.optimisation.saddle import certify, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class FISTAState(NamedTuple):
    """x, the extrapolated point v, the inner duals q; momentum, step and inner accuracy per item."""

    x: Tensor
    v: Tensor
    duals: tuple[Tensor, ...]
    momentum: Tensor
    tau: Tensor
    scale: Tensor
    iteration: int
    inner_gap: Tensor


@dataclass(frozen=True, kw_only=True)
class FISTA(Solver):
    """Minimise f(A x) + h(x) with a smooth f: accelerated proximal gradient.

        x⁺ = prox_{τh}(v − τ Aᴴ∇f(A v)),   t⁺ = (1 + √(1 + 4t²))/2,   v⁺ = x⁺ + (t − 1)/t⁺ (x⁺ − x)

    with τ = 1/(Lip(∇f)‖A‖²). Per item, momentum restarts (t = 1) when it points uphill, Re⟨v − x⁺, x⁺ − x⟩ > 0.

    The prox of h is exact if h is one term behind a unitary operator (wavelet sparsity, bounds, Tikhonov). Otherwise
    (total variation, sums) an inner dual method computes it to a duality gap of ``inner_tol``·P(x⁰)/k³ at iteration k,
    which keeps the accelerated rate, starting from the duals of the iteration before; the gap reached is measured as
    ``inner_gap``.

    Parameters
    ----------
    restart
        Whether to restart momentum.
    inner_tol, inner_iter
        Accuracy and iteration limit of the inner method.

    Sources: Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009) 183; O'Donoghue and Candès, Found. Comput. Math. 15 (2015)
    715, for the restart; Schmidt, Le Roux and Bach, NeurIPS 2011, for the inner accuracy.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap"})

    stop: Rule = MaxIter(300)
    restart: bool = True
    inner_tol: float = 0.1
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.inner_tol < float("inf") or self.inner_iter < 1:
            raise ValueError(
                f"FISTA expects inner_tol > 0 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        if problem.likelihood.lipschitz() is None:
            raise CapabilityError(
                f"FISTA needs a data term with a Lipschitz gradient; {problem.likelihood.name} has none. "
                "Use PDHG instead."
            )
        require_proximable(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> FISTAState:
        saddle = split(problem)
        x = problem.zeros() if initial is None else initial
        duals = tuple(torch.zeros_like(z) for z in prior_part(saddle).forward(x))
        ones = item_norm(x, len(problem.shape)) * 0 + 1
        constant = problem.likelihood.lipschitz()
        assert constant is not None
        tau = ones / (constant * max(problem.linear.norm_bound(x), 1e-30) ** 2)
        value = saddle.blocks[0].functional(saddle.blocks[0].operator(x))
        return FISTAState(x, x, duals, ones, tau, value, 0, torch.zeros_like(ones))

    def step(self, problem: Problem, state: FISTAState) -> FISTAState:
        A, n, count = problem.linear, len(problem.shape), state.iteration + 1
        gradient = A.adjoint(problem.likelihood.grad(A(state.v)))
        target = state.v - per_item(state.tau, state.v, n) * gradient
        inner = prox(
            prior_part(split(problem)),
            target,
            state.tau,
            n,
            state.duals,
            self.inner_tol * state.scale / count**3,
            self.inner_iter,
        )
        x, t = inner.x, state.momentum
        if self.restart:
            uphill = item_dot(state.v - x, x - state.x, n) > 0
            t = torch.where(uphill, 1, t)
        t_next = (1 + (1 + 4 * t.square()).sqrt()) / 2
        v = x + per_item((t - 1) / t_next, x, n) * (x - state.x)
        return FISTAState(x, v, inner.duals, t_next, state.tau, state.scale, count, inner.gap)

    def measure(self, problem: Problem, state: FISTAState) -> dict[str, Tensor]:
        saddle = split(problem)
        images = saddle.forward(state.x)
        duals = (problem.likelihood.grad(images[0]), *state.duals)
        record = certify(problem, saddle, state.x, images, duals).record()
        return {**record, "inner_gap": state.inner_gap, "momentum": state.momentum}

    def image(self, state: FISTAState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(40)), problem
