"""The solver that suits a problem, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recon.operators.ct.ray_transform import RayTransform
from recon.operators.functionals import PoissonKL, SquaredL2, TransmissionPoisson
from recon.operators.linear import CapabilityError, LinearOperator
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.prior import VariationalPrior
from recon.solvers.declared import near_convolutions, well_posed
from recon.solvers.direct.direct import Direct
from recon.solvers.direct.fbp import FBP
from recon.solvers.direct.pseudo_inverse import PseudoInverse
from recon.solvers.direct.tikhonov_inverse import TikhonovInverse
from recon.solvers.linear.cgls import CGLS
from recon.solvers.optimisation.admm import ADMM
from recon.solvers.optimisation.fista import FISTA
from recon.solvers.optimisation.gauss_newton import GaussNewton
from recon.solvers.optimisation.ghadimi_lan import GhadimiLan
from recon.solvers.optimisation.lbfgs import LBFGS
from recon.solvers.optimisation.mlem import MLEM
from recon.solvers.optimisation.pd3o import PD3O
from recon.solvers.optimisation.pdhg import PDHG
from recon.solvers.optimisation.pnp_admm import PnPADMM
from recon.solvers.optimisation.pnp_pgd import PnPPGD
from recon.solvers.optimisation.proximal_gradient import ProximalGradient
from recon.solvers.optimisation.sps import SPS
from recon.solvers.problem import Problem
from recon.solvers.result import Result
from recon.solvers.solver import Solver
from recon.solvers.stopping import Either, Gap, MaxIter, RelChange, Rule

PROVEN = MaxIter(1000) | Gap(1e-4)
"""Where a gap can be proven."""

SETTLED = RelChange(1e-6)
"""In place of the gap where none can."""


class Choice(NamedTuple):
    """A solver and, in a sentence, why it."""

    solver: Solver
    why: str


@dataclass(frozen=True)
class Answer(Result):
    """A :class:`Result` with the solver that gave it and why that was chosen."""

    solver: Solver
    why: str

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, solver={self.solver.name})"


def choose(problem: Problem) -> Choice:
    """The solver for a problem, from what its operator, data term and prior declare; the first of:

    ========================================  =====================================================
    counts behind an absorber, no prior       SPS
    Poisson counts, no prior                  MLEM where A has no negative entries
    Ray transform, no prior                   FBP
    no prior                                  PseudoInverse where stable and in closed form, else CGLS
    diffusion prior                           refused: a sampler has to be named
    denoiser                                  PnPADMM where A has a closed form, else PnPPGD
    nonlinear A                               LBFGS for differentiable costs, GaussNewton, ProximalGradient
    cost that is not convex                   ProximalGradient with a closed-form prox, else GhadimiLan, LBFGS
    Gaussian noise, Tikhonov, closed form     TikhonovInverse
    Gaussian noise, closed-form prox          FISTA
    differentiable cost                       LBFGS
    Gaussian noise, closed-form subproblems   ADMM
    Gaussian noise, near convolutions         ADMM: blur, Cartesian MRI with differences, for one
    convex                                    PDHG, or PD3O where the data term has no prox
    ========================================  =====================================================

    Errors: CapabilityError, in one sentence, where no solver fits.
    """
    flat = problem.flatten().lifted
    reasons = []
    for solver, why in _candidates(flat):
        try:
            solver.require(flat)
        except (TypeError, ValueError) as error:
            reasons.append(str(error))
            continue
        return Choice(solver, f"{solver.name}: {why}")
    raise CapabilityError(f"no solver fits this problem; the last that was tried says: {reasons[-1]}")


def solve(problem: Problem, initial: Tensor | None = None, stop: Rule | None = None, **options: Any) -> Answer:
    """Solve a problem with the solver that :func:`choose` picks; the answer says which and why.

    Parameters
    ----------
    initial
        Starting images, as for :func:`recon.solvers.iterate`.
    stop
        Stopping rule; by default 1000 iterations or a proven relative gap of 1e-4, where there is one.
    options
        Those of :func:`recon.solvers.iterate`.
    """
    chosen = Auto().choice(problem) if stop is None else Auto(stop=stop).choice(problem)
    result = chosen.solver.solve(problem, initial, **options)
    return Answer(**vars(result), solver=chosen.solver, why=chosen.why)


class AutoState(NamedTuple):
    """The solver chosen, and its state."""

    solver: Solver
    state: Any


@dataclass(frozen=True, kw_only=True)
class Auto(Solver):
    """The solver that :func:`choose` picks for the problem, with its own settings apart from those here.

    Parameters
    ----------
    stop
        By default 1000 iterations or a proven relative gap of 1e-4; where no gap can be proven, a relative change of
        1e-6 in its place, and so for another number of iterations beside the gap of 1e-4. Plug-and-play keeps rules of
        its own unless another is given; closed forms take one step.
    """

    names = ("auto",)
    measures = frozenset(
        {"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual", "data_residual", "misfit"}
    )

    stop: Rule = field(default=PROVEN)

    def choice(self, problem: Problem) -> Choice:
        """The solver, with this one's stopping rule, and why it."""
        solver, why = choose(problem)
        if isinstance(solver, Direct):
            return Choice(solver, why)
        stop, limit = self.stop, _limit(self.stop)
        if limit is not None:
            if isinstance(problem.prior, Denoiser) or problem.prior is None:
                stop = solver.stop if stop == PROVEN else limit
            elif not problem.flatten().lifted.convex or "relative_gap" not in solver.measures:
                stop = limit | SETTLED
        return Choice(replace(solver, stop=stop, check_every=self.check_every), why)

    def settled(self, problem: Problem) -> Solver:
        return self.choice(problem).solver

    def require(self, problem: Problem) -> None:
        self.choice(problem)

    def init(self, problem: Problem, initial: Tensor | None = None) -> AutoState:
        solver = self.settled(problem)
        return AutoState(solver, solver.init(problem, initial))

    def step(self, problem: Problem, state: AutoState) -> AutoState:
        return AutoState(state.solver, state.solver.step(problem, state.state))

    def measure(self, problem: Problem, state: AutoState) -> dict[str, Tensor]:
        """What the solver measures; NaN for the others of :attr:`measures`."""
        unknown = torch.full((problem.data.shape[0],), torch.nan, device=problem.data.device)
        missing = dict.fromkeys(self.measures - {"change"}, unknown)
        return {**missing, **state.solver.measure(problem, state.state)}

    def image(self, state: AutoState) -> Tensor:
        return state.solver.image(state.state)

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            chosen = cls(stop=MaxIter(40))
            if not isinstance(chosen.settled(problem), Direct):  # whose one step no rule stops
                yield chosen, problem


def _limit(rule: Rule) -> MaxIter | None:
    """The limit of iterations in :data:`PROVEN` or the same with another limit, else None."""
    if isinstance(rule, Either) and isinstance(rule.first, MaxIter) and rule == rule.first | Gap(1e-4):
        return rule.first
    return None


def _candidates(problem: Problem) -> Iterator[Choice]:
    A, prior, f = problem.operator, problem.prior, problem.likelihood
    if isinstance(prior, DiffusionPrior):
        raise CapabilityError(
            f"{prior.name} is a prior to draw samples with: name a sampler, such as MMPS or DPS, and how many samples."
        )
    if isinstance(prior, Denoiser):
        if isinstance(A, LinearOperator) and "solve_normal" in A.capabilities:
            yield Choice(PnPADMM(), f"the prior is a denoiser and {A.name} has a closed form for the data step.")
        yield Choice(PnPPGD(), "the prior is a denoiser.")
        return
    if prior is not None and not isinstance(prior, VariationalPrior):
        raise CapabilityError(f"no solver is known for a prior such as {prior.name}; name one.")
    gaussian = isinstance(f, SquaredL2)
    if not isinstance(A, LinearOperator):
        yield Choice(LBFGS(), f"{A.name} is nonlinear and the cost is differentiable.")
        yield Choice(GaussNewton(), f"{A.name} is nonlinear.")
        yield Choice(ProximalGradient(), f"{A.name} is nonlinear and the prior has a prox.")
        return
    if prior is None:
        if isinstance(f, TransmissionPoisson):
            yield Choice(SPS(), "there is no prior: the likelihood of counts, which an early stop regularises.")
        if isinstance(f, PoissonKL):
            yield Choice(MLEM(), "there is no prior: the likelihood of counts, which an early stop regularises.")
        if isinstance(A, RayTransform):
            yield Choice(FBP(), "there is no prior, and a ray transform has a filtered backprojection.")
        if isinstance(f, SquaredL2):
            if f.elements is None and well_posed(A):
                yield Choice(PseudoInverse(), f"there is no prior, and {A.name} has a stable inverse in closed form.")
            yield Choice(CGLS(), "there is no prior: least squares, which an early stop regularises.")
    if not problem.convex:
        yield Choice(ProximalGradient(), "the cost is not convex and its prox is known.")
        yield Choice(GhadimiLan(), "the cost is not convex and has a smooth and a convex part.")
        yield Choice(LBFGS(), "the cost is not convex and differentiable.")
        return
    yield from _convex(problem, A, gaussian)


def _convex(problem: Problem, A: LinearOperator, gaussian: bool) -> Iterator[Choice]:
    terms = problem.terms
    exact = len(terms) == 1 and (terms[0].operator is None or terms[0].unitary)
    if gaussian and terms:
        yield Choice(TikhonovInverse(), f"all terms are quadratic and {A.name} has a closed form.")
    if gaussian and exact:
        yield Choice(FISTA(), "the noise is Gaussian and the prior has a prox in closed form.")
    if terms and problem.likelihood.lipschitz() is not None:
        yield Choice(LBFGS(), "all terms are differentiable.")
    direct = all(term.operator is None or term.unitary for term in terms)
    if gaussian and direct and "solve_normal" in A.capabilities:
        yield Choice(ADMM(), f"{A.name} and the prior's terms have closed forms.")
    if gaussian and not direct and near_convolutions(problem, A):
        yield Choice(ADMM(), f"{A.name} and the prior's operators are nearly convolutions: easy subproblems.")
    yield Choice(PDHG(), "all terms are convex and have a prox.")
    yield Choice(PD3O(), "all terms are convex, and the data term has a gradient but no prox.")
