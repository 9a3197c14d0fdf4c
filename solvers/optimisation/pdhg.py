"""The primal-dual hybrid gradient method of Chambolle and Pock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm, per_item
from recon.priors.splitting import Saddle
from recon.solvers.optimisation.acceleration import Moduli, accelerated_steps, moduli, schedule
from recon.solvers.optimisation.balance import (
    UPDATES,
    Balance,
    Couplings,
    Steps,
    balanced_steps,
    first_balance,
    learned_balance,
    norm_couplings,
    own_steps,
    sum_couplings,
)
from recon.solvers.optimisation.saddle import certify, check_norms, primal_split, require_proximable, split
from recon.solvers.optimisation.saddle_point import Origin, Point, residuals
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

RELAXATION = 1.6
"""ρ where none is asked for: about two thirds of the iterations of ρ = 1 on problems of total variation."""

StepRule = Literal["adaptive", "constant", "accelerated"]
Preconditioner = Literal["none", "diagonal"]
DataTerm = Literal["dual", "primal"]


class PDHGState(NamedTuple):
    """The iterate, the latest proximal point, the Kᴴy to descend along, x and y when steps changed; steps, origin."""

    at: Point
    proximal: Point
    pull: Tensor
    anchor: tuple[Tensor, ...]
    balance: Balance
    steps: Steps
    moduli: Moduli
    iteration: int
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class PDHG(Solver):
    """Chambolle-Pock: minimise g(x) + Σᵢ fᵢ(Kᵢ x) for any number of convex terms with a prox.

        x̃  = prox_{τg}(x − τ Σᵢ Kᵢᴴ yᵢ)
        ỹᵢ = prox_{σᵢ fᵢ*}(yᵢ + σᵢ Kᵢ(2x̃ − x))
        (x, y)⁺ = (x, y) + ρ((x̃, ỹ) − (x, y))

    which converges for τ Σᵢ σᵢ‖Kᵢ‖² < 1 and 0 < ρ < 2; x̃ is the image. After k iterations the error is at most
    (X²/τ + Σ Yᵢ²/σᵢ)/2k with distances X = ‖x* − x⁰‖ and Yᵢ = ‖yᵢ*‖, least at

        τ = θ X / Σⱼ Yⱼ‖Kⱼ‖,   σᵢ = θ Yᵢ / (X‖Kᵢ‖),   θ² = τ Σᵢ σᵢ‖Kᵢ‖² = 0.99.

    Steps are found, not asked for: X and Yᵢ start as orders of magnitude (of the data, and of each fᵢ's dual variable).

    Parameters
    ----------
    steps
        ``"adaptive"``: X and Yᵢ move, per item, at iterations 10, 20, 40, ..., 5120 to the geometric means of
        themselves and the distances travelled since the time before. ``"constant"``: they stay.
        ``"accelerated"``: steps follow algorithm 2 of the source, of rate O(1/k²), where g is strongly convex or all
        fᵢ* are (all fᵢ have Lipschitz gradients), and algorithm 3, of a linear rate, where both are.
    preconditioner
        ``"diagonal"``: one τ per pixel and one σ per datum, from absolute row and column sums in the place of norms.
    data_term
        ``"dual"``: f∘A is one of the fᵢ∘Kᵢ. ``"primal"``: it is g, where its prox has a closed form.
    relaxation
        ρ in (0, 2); None for 1.6, and for 1 with accelerated steps.
    ratio
        Multiplies τ and divides every σᵢ.
    tau, sigma
        Step sizes of your own, σ for all blocks; both or none, with ``steps="constant"``.

    Errors: ValueError for steps with τσ Σᵢ‖Kᵢ‖² > 1; CapabilityError for terms without a prox or not convex, with
    ``"accelerated"`` where nothing is strongly convex, with ``"diagonal"`` where sums are not known, and with
    ``"primal"`` without a closed form or beside a prior term on the image itself (bounds), which x̃ would not obey.

    Sources: Chambolle and Pock, J. Math. Imaging Vis. 40 (2011) 120, theorem 1 and algorithms 1 to 3; Condat, J. Optim.
    Theory Appl. 158 (2013) 460, for ρ; Pock and Chambolle, ICCV 2011, for preconditioning; the idea of learning the
    ratio from distances travelled is in Applegate et al., arXiv:2106.04756.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(500)
    steps: StepRule = "adaptive"
    preconditioner: Preconditioner = "none"
    data_term: DataTerm = "dual"
    relaxation: float | None = None
    ratio: float = 1.0
    tau: float | None = None
    sigma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for key, choices in (("steps", StepRule), ("preconditioner", Preconditioner), ("data_term", DataTerm)):
            if getattr(self, key) not in get_args(choices):
                raise ValueError(
                    f"PDHG expects {key} among {', '.join(get_args(choices))}, got {getattr(self, key)!r}."
                )
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"PDHG expects ratio > 0, got {self.ratio!r}.")
        self._check_own_steps()
        if self.relaxation is not None and not 0 < self.relaxation < 2:
            raise ValueError(f"PDHG expects relaxation in (0, 2), got {self.relaxation!r}.")
        if self.steps == "accelerated" and (self.preconditioner != "none" or self.relaxation not in (None, 1)):
            raise ValueError("PDHG takes accelerated steps without relaxation and without preconditioner.")
        if self.preconditioner == "diagonal" and self.data_term == "primal":
            raise ValueError("PDHG takes a diagonal preconditioner with data_term='dual' only.")

    def _check_own_steps(self) -> None:
        given = [step for step in (self.tau, self.sigma) if step is not None]
        if any(not 0 < step < float("inf") for step in given):
            raise ValueError(f"PDHG expects tau > 0 and sigma > 0, got {self.tau!r} and {self.sigma!r}.")
        if given and (len(given) == 1 or self.steps != "constant" or self.preconditioner != "none"):
            raise ValueError("PDHG takes tau and sigma together, with steps='constant' and without preconditioner.")

    @property
    def rho(self) -> float:
        """The relaxation used."""
        if self.relaxation is not None:
            return self.relaxation
        return 1.0 if self.steps == "accelerated" else RELAXATION

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)
        saddle = self._split(problem)
        if self.data_term == "primal" and split(problem).simple is not None:
            raise CapabilityError(
                "PDHG with data_term='primal' takes prior terms behind operators only, and this prior has one on the "
                "image itself; use data_term='dual'."
            )
        if not saddle.blocks:
            raise CapabilityError("PDHG with data_term='primal' needs a prior; use a direct solver instead.")
        if self.preconditioner == "diagonal":
            sum_couplings(saddle, problem.data, self.name)
        if self.steps == "accelerated":
            moduli(saddle, item_norm(problem.data, len(problem.operator.range_shape)), self.name)

    def _split(self, problem: Problem) -> Saddle:
        return split(problem) if self.data_term == "dual" else primal_split(problem)

    def _couplings(self, saddle: Saddle, like: Tensor) -> Couplings:
        if self.preconditioner == "diagonal":
            return sum_couplings(saddle, like, self.name)
        return norm_couplings(saddle, like)

    def init(self, problem: Problem, initial: Tensor | None = None) -> PDHGState:
        saddle = self._split(problem)
        check_norms(saddle, problem.data)
        x = problem.zeros() if initial is None else initial
        images = saddle.forward(x)
        at = Point(x, images, tuple(torch.zeros_like(z) for z in images), torch.zeros_like(x))
        balance = first_balance(problem, saddle, x)
        found = Moduli((), ())
        if self.steps == "accelerated":
            found = moduli(saddle, balance.travel, self.name)
            steps = accelerated_steps(saddle, balance, found, len(problem.shape), self.ratio)
        elif self.tau is not None and self.sigma is not None:
            steps = own_steps(self.tau, self.sigma, norm_couplings(saddle, x), balance.travel)
        else:
            steps = balanced_steps(balance, self._couplings(saddle, x), saddle, len(problem.shape), self.ratio)
        origin = Origin(at, at.r, steps, torch.ones_like(balance.travel))
        return PDHGState(at, at, at.r, (x, *at.duals), balance, steps, found, 0, origin)

    def step(self, problem: Problem, state: PDHGState) -> PDHGState:
        saddle, n, at = self._split(problem), len(problem.shape), state.at
        origin = Origin(at, state.pull, state.steps, state.origin.theta)
        plan = schedule(state.steps, state.moduli) if self.steps == "accelerated" else None
        if plan is not None:
            origin = Origin(at, state.pull, Steps(state.steps.tau, plan.sigmas), plan.primal)
        tau, sigmas = origin.steps
        x = at.x - per_item(tau, at.x, n) * state.pull
        if saddle.simple is not None:
            x = saddle.simple.prox(x, tau)
        images, duals = saddle.forward(x), []
        for block, y, z, old, sigma in zip(saddle.blocks, at.duals, images, at.images, sigmas, strict=True):
            m = block.functional.ndim
            ahead = 2 * z - old if plan is None else z + per_item(origin.theta, z, m) * (z - old)
            duals.append(block.functional.prox_conjugate(y + per_item(sigma, y, m) * ahead, sigma))
        r = saddle.adjoint(tuple(duals))
        proximal = Point(x, images, tuple(duals), r)

        new = proximal if self.rho == 1 else at.towards(proximal, self.rho)
        steps, pull = state.steps, new.r
        if plan is not None:
            steps = plan.after
            if plan.dual is not None:
                pull = r + per_item(plan.dual, r, n) * (r - at.r)
        anchor, balance, count = state.anchor, state.balance, state.iteration + 1
        if self.steps == "adaptive" and count in UPDATES:
            balance = learned_balance(saddle, balance, new.x, new.duals, anchor)
            steps = balanced_steps(balance, self._couplings(saddle, x), saddle, n, self.ratio)
            anchor = (new.x, *new.duals)
        return PDHGState(new, proximal, pull, anchor, balance, steps, state.moduli, count, origin)

    def measure(self, problem: Problem, state: PDHGState) -> dict[str, Tensor]:
        primal, dual = residuals(self._split(problem), state.origin, state.proximal, len(problem.shape))
        x, images, duals, _ = state.proximal
        if self.data_term == "primal":
            image, (at, pull, (step, _), _) = problem.linear(x), state.origin
            if isinstance(problem.linear, Identity):  # f may have a kink
                slope = (at.x - x) / per_item(step, x, len(problem.shape)) - pull
            else:
                slope = problem.likelihood.grad(image)
            images, duals = (image, *images), (slope, *duals)
        tau = state.origin.steps.tau
        return {
            **certify(problem, split(problem), x, images, duals).record(),
            "primal_residual": primal,
            "dual_residual": dual,
            "tau": tau.flatten(1).mean(1) if tau.ndim > 1 else tau,
        }

    def image(self, state: PDHGState) -> Tensor:
        return state.proximal.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(60)), problem
