"""Douglas-Rachford splitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.identity import Identity
from recon.operators.noise import GaussianNoise, PoissonNoise
from recon.operators.tensors import item_norm, per_item
from recon.priors.handcrafted.box import Box
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.handcrafted.wavelet_sparsity import WaveletSparsity
from recon.priors.proximal import prox
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.balance import UPDATES, positive
from recon.solvers.optimisation.pullback import Pullback
from recon.solvers.optimisation.saddle import certify, prior_part, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class DouglasRachfordState(NamedTuple):
    """z, the proximal points x and w of the latest step and where it began; τ, inner duals and figures per item."""

    z: Tensor
    x: Tensor
    w: Tensor
    before: Tensor
    start: Tensor
    duals: tuple[Tensor, ...]
    tau: Tensor
    used: Tensor
    scale: Tensor
    iteration: int
    inner_gap: Tensor


@dataclass(frozen=True, kw_only=True)
class DouglasRachford(Solver):
    """Minimise F(x) + h(x) for a data term F = f∘A and a prior h that both have a prox.

        x  = prox_{τF}(z)
        w  = prox_{τh}(2x − z)
        z⁺ = z + ρ(w − x)

    w is the image, and obeys the constraints of h. prox_F is in closed form: f(z) = (w/2)‖z − y‖² behind an A that
    declares ``solve_normal``, or any f with A = I. prox_h is exact if h is one term behind a unitary operator;
    otherwise an inner dual method computes it to a duality gap of ``inner_tol``·F(x¹)/k³ at iteration k, starting from
    the duals of the iteration before; the gap reached is measured as ``inner_gap``.

    Any τ converges; it begins at ten times the inverse curvature of F and is balanced between relative primal and dual
    residuals, per item, at iterations 10, 20, 40, ..., 5120.

    Parameters
    ----------
    relaxation
        ρ in (0, 2).
    adaptive
        Whether to rebalance τ.
    inner_tol, inner_iter
        Accuracy and iteration limit of the inner method.

    Errors: CapabilityError for a data term without a closed-form prox, and terms without a prox or not convex.

    Sources: Lions and Mercier, SIAM J. Numer. Anal. 16 (1979) 964; Eckstein and Bertsekas, Math. Program. 55 (1992)
    293, for relaxation and summable errors.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    relaxation: float = 1.6
    adaptive: bool = True
    inner_tol: float = 0.1
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.relaxation < 2:
            raise ValueError(f"DouglasRachford expects relaxation in (0, 2), got {self.relaxation!r}.")
        if not 0 < self.inner_tol < float("inf") or self.inner_iter < 1:
            raise ValueError(
                f"DouglasRachford expects inner_tol > 0 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)
        Pullback(problem.likelihood, problem.linear)

    def init(self, problem: Problem, initial: Tensor | None = None) -> DouglasRachfordState:
        x = problem.zeros() if initial is None else initial
        prior = prior_part(split(problem))
        duals = tuple(torch.zeros_like(z) for z in prior.forward(x))
        ones = item_norm(x, len(problem.shape)) * 0 + 1
        tau = 10 * ones / (problem.likelihood.dual_scale() ** 2 * step_norm(problem.linear, x) ** 2)
        for block in prior.blocks:
            step_norm(block.operator, x)
        data_term = Pullback(problem.likelihood, problem.linear)
        scale = data_term(data_term.prox(x, tau))
        return DouglasRachfordState(x, x, x, x, x, duals, tau, tau, scale, 0, torch.zeros_like(ones))

    def step(self, problem: Problem, state: DouglasRachfordState) -> DouglasRachfordState:
        n, count, tau, z = len(problem.shape), state.iteration + 1, state.tau, state.z
        x = Pullback(problem.likelihood, problem.linear).prox(z, tau)
        allowed = self.inner_tol * state.scale / count**3
        inner = prox(prior_part(split(problem)), 2 * x - z, tau, n, state.duals, allowed, self.inner_iter)
        new = state._replace(
            z=z + self.relaxation * (inner.x - x),
            x=x,
            w=inner.x,
            before=state.w,
            start=z,
            duals=inner.duals,
            used=tau,
            iteration=count,
            inner_gap=inner.gap,
        )
        if self.adaptive and count in UPDATES:
            primal, dual = self._residuals(problem, new)
            factor = (primal / positive(dual)).clamp(0.04, 25).sqrt()
            tau = tau / torch.where(factor > 0, factor, 1)
            share = per_item(tau / new.used - 1, z, n)
            new = new._replace(tau=tau, z=new.z + share * (z - x))  # the same subgradient (z − x)/τ of F
        return new

    def _residuals(self, problem: Problem, state: DouglasRachfordState) -> tuple[Tensor, Tensor]:
        """‖x − w‖ over ‖x‖ or ‖w‖, and ‖w − w⁻‖/τ over the size of the subgradient of h."""
        n = len(problem.shape)
        size = torch.maximum(item_norm(state.x, n), item_norm(state.w, n))
        force = item_norm(2 * state.x - state.start - state.w, n)
        primal = item_norm(state.x - state.w, n) / positive(size)
        return primal, item_norm(state.w - state.before, n) / positive(force)

    def measure(self, problem: Problem, state: DouglasRachfordState) -> dict[str, Tensor]:
        saddle, n = split(problem), len(problem.shape)
        primal, dual = self._residuals(problem, state)
        if isinstance(problem.linear, Identity):  # f may have a kink
            slope = (state.start - state.x) / per_item(state.used, state.x, n)
        else:
            slope = problem.likelihood.grad(problem.linear(state.x))
        record = certify(problem, saddle, state.w, saddle.forward(state.w), (slope, *state.duals)).record()
        return {
            **record,
            "primal_residual": primal,
            "dual_residual": dual,
            "inner_gap": state.inner_gap,
            "tau": state.used,
        }

    def image(self, state: DouglasRachfordState) -> Tensor:
        return state.w

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        generator = torch.Generator().manual_seed(5)
        data = 1 + torch.rand((3, 4, 6), generator=generator, dtype=torch.float64)
        weights = torch.linspace(0.0, 1.2, 24, dtype=torch.float64).reshape(4, 6)
        prior = WaveletSparsity(0.5, wavelet="haar", level=1)
        yield cls(stop=MaxIter(60)), Problem(Diagonal(weights), data, GaussianNoise(0.5), prior)
        yield cls(stop=MaxIter(60)), Problem(Identity((4, 6)), data, PoissonNoise(0.3), Box(0.5, 1.4))
        yield cls(stop=MaxIter(40)), Problem(Diagonal(weights), data, GaussianNoise(0.5), TotalVariation(0.3))
