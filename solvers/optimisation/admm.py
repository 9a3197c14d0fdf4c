"""The alternating direction method of multipliers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.identity import Identity
from recon.operators.locality import by_items
from recon.operators.tensors import item_norm, per_item
from recon.priors.splitting import Block, Saddle
from recon.solvers.linear.cg import cg
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.balance import positive
from recon.solvers.optimisation.quadratic import data_pull, weighed_normal
from recon.solvers.optimisation.saddle import certify, check_norms, require_proximable, split
from recon.solvers.optimisation.spectral_inverse import Part, spectral_inverse
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

UPDATES = frozenset(range(5, 200, 5))
"""Iterations at which ρ is rebalanced; finitely many, so that convergence holds."""


LEAN = 6.0
"""Ratio of dual to primal residual that rebalancing aims at in the first iterations, where it was the fastest."""

SETTLED = 100
"""Iteration from which rebalancing aims at equal residuals."""


class ADMMState(NamedTuple):
    """x, the image reported (the copy that satisfies g, if any), copies zᵢ of Kᵢx and those before, multipliers uᵢ.

    Per item ρ, that of the last step, and the inner residual.
    """

    x: Tensor
    image: Tensor
    z: tuple[Tensor, ...]
    before: tuple[Tensor, ...]
    u: tuple[Tensor, ...]
    rho: Tensor
    last_rho: Tensor
    iteration: int
    inner_residual: Tensor


@dataclass(frozen=True, kw_only=True)
class ADMM(Solver):
    """Minimise (w/2)‖A x − y‖² + Σᵢ fᵢ(Kᵢ x) by splitting zᵢ = Kᵢ x, with scaled multipliers uᵢ.

        x⁺  = argmin (w/2)‖Ax − y‖² + Σᵢ (ρᵢ/2)‖Kᵢx − zᵢ + uᵢ‖²
        vᵢ  = α Kᵢx⁺ + (1 − α) zᵢ
        zᵢ⁺ = prox_{fᵢ/ρᵢ}(vᵢ + uᵢ),   uᵢ⁺ = uᵢ + vᵢ − zᵢ⁺

    with ρᵢ = ρ/‖Kᵢ‖². The x-update has a closed form where all Kᵢ are unitary and A offers ``solve_normal``. Otherwise
    operators that declare a ``gram_spectrum`` give a convolution C near H = wAᴴA + Σ ρᵢKᵢᴴKᵢ. If C − H is positive
    semidefinite, as for periodic blur and differences with either boundary, ½‖x − xᵏ‖² in that metric joins the
    x-update, which becomes x⁺ = xᵏ − C⁻¹∇, exact where C = H. In all other cases conjugate gradients, preconditioned by
    C⁻¹ where there is one, start from xᵏ and stop once their residual has shrunk to ``inner_tol`` times that of xᵏ, so
    that inner errors vanish with the steps; the residual over ‖right-hand side‖ is measured as ``inner_residual``.
    Without Gaussian noise the data term is split like the others.

    Parameters
    ----------
    rho
        Initial penalty ρ; None sets it from the problem.
    relaxation
        α in [1, 2).
    adaptive
        Rebalance ρ per item at iterations 5, 10, ..., 195, between relative primal and dual residuals: to a sixth of
        the dual one for the primal one before iteration 100, to equality from then on.
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Sources: Boyd et al., Found. Trends Mach. Learn. 3 (2011) 1, sections 3.1, 3.4; Wohlberg, arXiv:1704.06209, for
    relative residual balancing and its ratio; Fang, He, Liu and Yuan, Math. Program. Comput. 7 (2015) 149, for
    relaxation beside a proximal term; Bredies and Sun, SIAM J. Numer. Anal. 53 (2015) 421, for such preconditioners.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    rho: float | None = None
    relaxation: float = 1.6
    adaptive: bool = True
    inner_tol: float = 0.2
    inner_iter: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rho is not None and not 0 < self.rho < float("inf"):
            raise ValueError(f"ADMM expects rho > 0, got {self.rho!r}.")
        if not 1 <= self.relaxation < 2:
            raise ValueError(f"ADMM expects relaxation in [1, 2), got {self.relaxation!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"ADMM expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> ADMMState:
        x = problem.zeros() if initial is None else initial
        check_norms(split(problem), x)
        z = tuple(block.operator(x) for block in _split_terms(problem))
        u = tuple(torch.zeros_like(v) for v in z)
        ones = item_norm(x, len(problem.shape)) * 0 + 1
        rho = self._initial_penalty(problem, x) * ones
        return ADMMState(x, x, z, z, u, rho, rho, 0, torch.zeros_like(ones))

    def _initial_penalty(self, problem: Problem, x: Tensor) -> float | Tensor:
        if self.rho is not None:
            return self.rho
        # A share of the data term's curvature: exact for Gaussian noise, that of a matched Gaussian otherwise.
        return 0.03 * problem.likelihood.dual_scale() ** 2 * step_norm(problem.linear, x) ** 2

    def step(self, problem: Problem, state: ADMMState) -> ADMMState:
        blocks = _split_terms(problem)
        rhos = _penalties(blocks, state.rho, state.x)
        x, inner = self._solve(problem, blocks, rhos, state)
        pairs = [self._copy(*parts, x) for parts in zip(blocks, rhos, state.z, state.u, strict=True)]
        z, u = tuple(new for new, _ in pairs), tuple(kept for _, kept in pairs)
        count, rho = state.iteration + 1, state.rho
        if self.adaptive and count in UPDATES and blocks:
            primal, dual = _residuals(blocks, rhos, x, z, state.z, u)
            lean = LEAN if count < SETTLED else 1.0
            factor = (lean * primal / positive(dual)).clamp(0.04, 25).sqrt()
            rho = rho * factor
            u = tuple(v / per_item(factor, v, block.functional.ndim) for v, block in zip(u, blocks, strict=True))
        image = x if split(problem).simple is None else z[-1]
        return ADMMState(x, image, z, state.z, u, rho, state.rho, count, inner)

    def _copy(self, block: Block, rho: Tensor, z: Tensor, u: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """z⁺ and u⁺ of a term."""
        f = block.functional

        def update(x: Tensor, z: Tensor, u: Tensor, rho: Tensor) -> tuple[Tensor, ...]:
            ahead = torch.lerp(z, block.operator(x), self.relaxation) + u
            new = f.prox(ahead, 1 / rho)
            return new, ahead - new

        return update(x, z, u, rho) if f.holds_items else by_items(update, x, z, u, rho, shape=f.domain_shape)

    def _solve(
        self, problem: Problem, blocks: tuple[Block, ...], rhos: list[Tensor], state: ADMMState
    ) -> tuple[Tensor, Tensor]:
        """The x-update and the relative residual it reached."""
        A, n, f = problem.linear, len(problem.shape), _quadratic(problem)
        weight = torch.zeros_like(state.rho) if f is None else f.weight * torch.ones_like(state.rho)
        pull = torch.zeros_like(state.x) if f is None else data_pull(problem, f)
        closed = f is not None and "solve_normal" in A.capabilities and f.elements is None
        if closed and blocks and all(block.unitary for block in blocks):
            b = pull
            for block, rho, z, u in zip(blocks, rhos, state.z, state.u, strict=True):
                b = b + per_item(rho, b, n) * block.operator.adjoint(z - u)
            total = torch.stack(rhos).sum(0)
            return A.solve_normal(b / per_item(weight, b, n), total / weight), torch.zeros_like(total)

        def normal(v: Tensor) -> Tensor:
            out = torch.zeros_like(v) if f is None else per_item(weight, v, n) * weighed_normal(f, A, v)
            for block, rho in zip(blocks, rhos, strict=True):
                out = out + per_item(rho, v, n) * block.operator.normal(v)
            return out

        parts = [Part(block.operator, rho) for block, rho in zip(blocks, rhos, strict=True)]
        if f is not None:
            parts.append(Part(A, weight, f.elements is None))
        inverse = spectral_inverse(parts, state.x, n)
        if inverse is not None and inverse.above:

            def moved(x: Tensor, pull: Tensor, weight: Tensor, response: Tensor, *rest: Tensor) -> tuple[Tensor]:
                r = pull if f is None else pull - per_item(weight, x, n) * A.normal(x)
                for block, rho, z, u in zip(blocks, rest[::3], rest[1::3], rest[2::3], strict=True):
                    r = r + per_item(rho, r, n) * block.operator.adjoint(z - u - block.operator(x))
                return (x + replace(inverse, response=response)(r),)

            rest = [part for parts in zip(rhos, state.z, state.u, strict=True) for part in parts]
            largest = max((block.functional.domain_shape for block in blocks), key=prod, default=problem.shape)
            (x,) = by_items(moved, state.x, pull, weight, inverse.response, *rest, shape=largest)
            return x, torch.zeros_like(state.rho)
        b = pull
        for block, rho, z, u in zip(blocks, rhos, state.z, state.u, strict=True):
            b = b + per_item(rho, b, n) * block.operator.adjoint(z - u)
        x, info = cg(normal, b, n, state.x, self.inner_tol, self.inner_iter, preconditioner=inverse)
        return x, info.residual.to(state.rho.dtype)

    def measure(self, problem: Problem, state: ADMMState) -> dict[str, Tensor]:
        saddle, blocks, x = split(problem), _split_terms(problem), self.image(state)
        rhos = _penalties(blocks, state.rho, state.x)
        multipliers = [
            per_item(rho, u, block.functional.ndim) * u for rho, u, block in zip(rhos, state.u, blocks, strict=True)
        ]
        images = saddle.forward(x)
        duals = multipliers[: len(saddle.blocks)]
        if _quadratic(problem) is not None:
            # Of x, not of the image reported: only its residual balances the multipliers exactly.
            residual = images[0] if saddle.simple is None else problem.linear(state.x)
            duals = [problem.likelihood.grad(residual), *multipliers[: len(saddle.blocks) - 1]]
        record = certify(problem, saddle, x, images, tuple(duals)).record()
        factor = state.rho / state.last_rho
        u = [per_item(factor, v, block.functional.ndim) * v for v, block in zip(state.u, blocks, strict=True)]
        last = _penalties(blocks, state.last_rho, state.x)
        primal, dual = _residuals(blocks, last, state.x, state.z, state.before, u)
        return {
            **record,
            "primal_residual": primal,
            "dual_residual": dual,
            "inner_residual": state.inner_residual,
            "rho": state.rho,
        }

    def image(self, state: ADMMState) -> Tensor:
        return state.image

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(40)), problem


def _penalties(blocks: Sequence[Block], rho: Tensor, like: Tensor) -> list[Tensor]:
    """ρᵢ = ρ/‖Kᵢ‖²."""
    return [rho / step_norm(block.operator, like) ** 2 for block in blocks]


def _residuals(
    blocks: Sequence[Block],
    rhos: Sequence[Tensor],
    x: Tensor,
    z: Sequence[Tensor],
    before: Sequence[Tensor],
    u: Sequence[Tensor],
) -> tuple[Tensor, Tensor]:
    """Relative primal residual ‖K x − z‖ and dual residual ‖z − z before‖ per item, all terms weighed by ρᵢ."""
    total: list[Tensor] = []
    for block, *parts in zip(blocks, rhos, z, before, u, strict=True):
        K, m = block.operator, block.functional.ndim

        def squares(rho: Tensor, z: Tensor, old: Tensor, u: Tensor, x: Tensor) -> tuple[Tensor, ...]:
            product = K(x)  # noqa: B023  (called before the next turn)
            values = (product - z, z - old, product, z, u)
            return tuple(rho * item_norm(v, m).square() for v in values)  # noqa: B023

        found = by_items(squares, *parts, x, shape=block.functional.domain_shape)
        total = [a + b for a, b in zip(total, found, strict=True)] if total else list(found)
    if not total:
        zero = torch.zeros_like(item_norm(x, x.ndim - 1))
        return zero, zero
    gap, move, product, copy, force = (square.sqrt() for square in total)
    return gap / positive(torch.maximum(product, copy)), move / positive(force)


def _quadratic(problem: Problem) -> SquaredL2 | None:
    """The data term where it is ½ Σ w|Ax − y|², else None."""
    return problem.likelihood if isinstance(problem.likelihood, SquaredL2) else None


def _split_terms(problem: Problem) -> tuple[Block, ...]:
    """The terms with copies: the data term unless it is quadratic, the prior's terms, and last g with K = I."""
    saddle: Saddle = split(problem)
    blocks = saddle.blocks if _quadratic(problem) is None else saddle.blocks[1:]
    if saddle.simple is None:
        return blocks
    return (*blocks, Block(saddle.simple, Identity(problem.shape), True))
