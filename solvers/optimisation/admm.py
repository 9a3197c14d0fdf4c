"""The alternating direction method of multipliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.identity import Identity
from recon.operators.tensors import item_norm, per_item
from recon.solvers.linear.cg import cg
from recon.solvers.optimisation.saddle import Block, Saddle, certify, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

UPDATES = frozenset(range(5, 200, 5))
"""Iterations at which ρ is rebalanced; finitely many, so that convergence holds."""


class ADMMState(NamedTuple):
    """x, the image reported (the copy that satisfies g, if any), copies zᵢ of Kᵢx, multipliers uᵢ; figures per item."""

    x: Tensor
    image: Tensor
    z: tuple[Tensor, ...]
    u: tuple[Tensor, ...]
    rho: Tensor
    iteration: int
    primal_residual: Tensor
    dual_residual: Tensor
    inner_residual: Tensor


@dataclass(frozen=True, kw_only=True)
class ADMM(Solver):
    """Minimise (w/2)‖A x − y‖² + Σᵢ fᵢ(Kᵢ x) by splitting zᵢ = Kᵢ x, with scaled multipliers uᵢ.

        x⁺  = argmin (w/2)‖Ax − y‖² + Σᵢ (ρᵢ/2)‖Kᵢx − zᵢ + uᵢ‖²
        vᵢ  = α Kᵢx⁺ + (1 − α) zᵢ
        zᵢ⁺ = prox_{fᵢ/ρᵢ}(vᵢ + uᵢ),   uᵢ⁺ = uᵢ + vᵢ − zᵢ⁺

    with ρᵢ = ρ/‖Kᵢ‖². The x-update is in closed form where all Kᵢ are unitary and A declares ``solve_normal``, and
    otherwise solved by conjugate gradients from the previous x until its residual has shrunk to ``inner_tol`` times
    that of the previous x, so that inner errors vanish with the steps; the residual over ‖right-hand side‖ is measured
    as ``inner_residual``. Without Gaussian noise the data term is split like the others.

    Parameters
    ----------
    rho
        Initial penalty ρ; None sets it from the problem.
    relaxation
        α in [1, 2).
    adaptive
        Rebalance ρ per item between relative primal and dual residuals, at iterations 5, 10, ..., 195.
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Sources: Boyd et al., Found. Trends Mach. Learn. 3 (2011) 1, sections 3.1, 3.4; Wohlberg, arXiv:1704.06209, for
    relative residual balancing.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    rho: float | None = None
    relaxation: float = 1.6
    adaptive: bool = True
    inner_tol: float = 0.01
    inner_iter: int = 50

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
        z = tuple(block.operator(x) for block in _split_terms(problem))
        u = tuple(torch.zeros_like(v) for v in z)
        ones = item_norm(x, len(problem.shape)) * 0 + 1
        unknown = torch.full_like(ones, torch.inf)
        return ADMMState(
            x, x, z, u, self._initial_penalty(problem, x) * ones, 0, unknown, unknown, torch.zeros_like(ones)
        )

    def _initial_penalty(self, problem: Problem, x: Tensor) -> float | Tensor:
        if self.rho is not None:
            return self.rho
        # A tenth of the data term's curvature: exact for Gaussian noise, that of a matched Gaussian otherwise.
        return 0.1 * problem.likelihood.dual_scale() ** 2 * max(problem.linear.norm_bound(x), 1e-30) ** 2

    def step(self, problem: Problem, state: ADMMState) -> ADMMState:
        blocks = _split_terms(problem)
        rhos = [state.rho / max(block.operator.norm_bound(state.x), 1e-30) ** 2 for block in blocks]
        x, inner = self._solve(problem, blocks, rhos, state)
        z, u = [], []
        gaps: list[Tensor] = []
        moves: list[Tensor] = []
        products: list[Tensor] = []
        copies: list[Tensor] = []
        forces: list[Tensor] = []
        for block, rho, old, multiplier in zip(blocks, rhos, state.z, state.u, strict=True):
            m = block.functional.ndim
            product = block.operator(x)
            relaxed = self.relaxation * product + (1 - self.relaxation) * old
            new = block.functional.prox(relaxed + multiplier, 1 / rho)
            z.append(new)
            u.append(multiplier + relaxed - new)
            for record, value in ((gaps, product - new), (moves, new - old), (products, product), (copies, new)):
                record.append(rho * item_norm(value, m).square())
            forces.append(rho * item_norm(u[-1], m).square())
        if not blocks:
            nothing = torch.zeros_like(state.rho)
            return ADMMState(x, x, (), (), state.rho, state.iteration + 1, nothing, nothing, inner)

        def size(parts: list[Tensor]) -> Tensor:
            return torch.stack(parts).sum(0).sqrt()

        primal = size(gaps) / _positive(torch.maximum(size(products), size(copies)))
        dual = size(moves) / _positive(size(forces))
        count, rho = state.iteration + 1, state.rho
        if self.adaptive and count in UPDATES:
            factor = (primal / _positive(dual)).clamp(0.04, 25).sqrt()
            rho = rho * factor
            u = [v / per_item(factor, v, block.functional.ndim) for v, block in zip(u, blocks, strict=True)]
        image = x if split(problem).simple is None else z[-1]
        return ADMMState(x, image, tuple(z), tuple(u), rho, count, primal, dual, inner)

    def _solve(
        self, problem: Problem, blocks: tuple[Block, ...], rhos: list[Tensor], state: ADMMState
    ) -> tuple[Tensor, Tensor]:
        """The x-update and the relative residual it reached."""
        A, n = problem.linear, len(problem.shape)
        b = torch.zeros_like(state.x)
        for block, rho, z, u in zip(blocks, rhos, state.z, state.u, strict=True):
            b = b + per_item(rho, b, n) * block.operator.adjoint(z - u)
        weight = _data_weight(problem)
        if weight is None:
            weight = torch.zeros_like(state.rho)
        else:
            weight = weight * torch.ones_like(state.rho)
            b = b + per_item(weight, b, n) * A.adjoint(problem.data)
            if blocks and all(block.unitary for block in blocks) and "solve_normal" in A.capabilities:
                total = torch.stack(rhos).sum(0)
                return A.solve_normal(b / per_item(weight, b, n), total / weight), torch.zeros_like(total)
        smooth = _data_weight(problem) is not None

        def normal(v: Tensor) -> Tensor:
            out = per_item(weight, v, n) * A.normal(v) if smooth else torch.zeros_like(v)
            for block, rho in zip(blocks, rhos, strict=True):
                out = out + per_item(rho, v, n) * block.operator.normal(v)
            return out

        x, info = cg(normal, b, n, state.x, self.inner_tol, self.inner_iter)
        return x, info.residual.to(state.rho.dtype)

    def measure(self, problem: Problem, state: ADMMState) -> dict[str, Tensor]:
        saddle, blocks, x = split(problem), _split_terms(problem), self.image(state)
        rhos = [state.rho / max(block.operator.norm_bound(state.x), 1e-30) ** 2 for block in blocks]
        multipliers = [
            per_item(rho, u, block.functional.ndim) * u for rho, u, block in zip(rhos, state.u, blocks, strict=True)
        ]
        images = saddle.forward(x)
        duals = multipliers[: len(saddle.blocks)]
        if _data_weight(problem) is not None:
            # Of x, not of the image reported: only its residual balances the multipliers exactly.
            residual = images[0] if saddle.simple is None else problem.linear(state.x)
            duals = [problem.likelihood.grad(residual), *multipliers[: len(saddle.blocks) - 1]]
        record = certify(problem, saddle, x, images, tuple(duals)).record()
        return {
            **record,
            "primal_residual": state.primal_residual,
            "dual_residual": state.dual_residual,
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


def _data_weight(problem: Problem) -> float | Tensor | None:
    """w where the data term is (w/2)‖Ax − y‖², else None."""
    return problem.likelihood.weight if isinstance(problem.likelihood, SquaredL2) else None


def _split_terms(problem: Problem) -> tuple[Block, ...]:
    """The terms with copies: the data term unless it is quadratic, the prior's terms, and last g with K = I."""
    saddle: Saddle = split(problem)
    blocks = saddle.blocks if _data_weight(problem) is None else saddle.blocks[1:]
    if saddle.simple is None:
        return blocks
    return (*blocks, Block(saddle.simple, Identity(problem.shape), True))


def _positive(value: Tensor) -> Tensor:
    return torch.where(value > 0, value, 1)
