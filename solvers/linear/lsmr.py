"""Least squares by Golub-Kahan bidiagonalisation: the gradient falls at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.solvers.linear.golub_kahan import Basis, GolubKahan, examples
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter


class Rotations(NamedTuple):
    """ᾱ, ζ̄, ρ, ρ̄, c̄ and s̄ of the two QR factorisations, one value per item each."""

    alpha: Tensor
    zeta: Tensor
    rho: Tensor
    rho_bar: Tensor
    cos: Tensor
    sin: Tensor


class LSMRState(NamedTuple):
    """x, the directions h and h̄, the vectors of the bidiagonalisation, the rotations; ‖Bᴴb‖ at the start per item."""

    x: Tensor
    h: Tensor
    h_bar: Tensor
    basis: Basis
    rotations: Rotations
    size: Tensor


@dataclass(frozen=True, kw_only=True)
class LSMR(GolubKahan):
    """Minimise ‖A x − y‖² + λσ²‖x‖² (λ = 0 without prior) by LSMR, item by item.

    Of all x in the Krylov space it takes the one of least ‖Aᴴ(y − Ax) − λσ²x‖, which so falls at every step, as with
    MINRES on the normal equations: the method to stop early by ``dual_residual``. Otherwise as :class:`LSQR`,
    parameters included; ``primal_residual`` is what rounding has changed in that norm, over its value at the start.

    Source: Fong and Saunders, SIAM J. Sci. Comput. 33 (2011) 2950.
    """

    def init(self, problem: Problem, initial: Tensor | None = None) -> LSMRState:
        x, basis = self.start(problem, initial)
        size = self.gradient_size(problem, basis, initial)
        one = torch.ones_like(size)
        rotations = Rotations(basis.alpha, basis.alpha * basis.beta, one, one, one, torch.zeros_like(one))
        return LSMRState(x, basis.v, torch.zeros_like(x), basis, rotations, size)

    def step(self, problem: Problem, state: LSMRState) -> LSMRState:
        n, old = len(problem.shape), state.rotations
        done = old.zeta.abs() <= 16 * torch.finfo(old.zeta.dtype).eps * state.size
        basis = self.advance(problem, state.basis)
        rho = torch.where(done, 1, (old.alpha.square() + basis.beta.square()).sqrt())
        cos, sin = old.alpha / rho, basis.beta / rho
        theta, theta_bar = sin * basis.alpha, old.sin * rho
        rho_bar = torch.where(done, 1, ((old.cos * rho).square() + theta.square()).sqrt())
        cos_bar, sin_bar = old.cos * rho / rho_bar, theta / rho_bar
        zeta = cos_bar * old.zeta
        h_bar = state.h - per_item(theta_bar * rho / (old.rho * old.rho_bar), state.h, n) * state.h_bar
        x = state.x + self.scaled(problem, per_item(torch.where(done, 0, zeta / (rho * rho_bar)), h_bar, n) * h_bar)
        h = basis.v - per_item(theta / rho, state.h, n) * state.h
        new = Rotations(cos * basis.alpha, -sin_bar * old.zeta, rho, rho_bar, cos_bar, sin_bar)
        kept = Rotations(*(torch.where(done, a, b) for a, b in zip(old, new, strict=True)))
        return LSMRState(x, h, h_bar, basis, kept, state.size)

    def measure(self, problem: Problem, state: LSMRState) -> dict[str, Tensor]:  # type: ignore[override]
        return self.residuals(problem, state.x, state.rotations.zeta.abs(), state.size, of_gradient=True)

    def image(self, state: LSMRState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        for settings, problem in examples():
            yield cls(stop=MaxIter(10), **settings), problem
