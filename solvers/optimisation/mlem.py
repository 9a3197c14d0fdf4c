"""Expectation maximisation for Poisson data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators import Blur, LinearOperator, ParallelBeam, PoissonNoise, RayTransform, Volume
from recon.operators.functionals import BoxIndicator, PoissonKL
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_sum
from recon.priors import NonNegative, VariationalPrior
from recon.solvers.optimisation.smooth import positive
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class Part(NamedTuple):
    """A part of the measurement: its operator, data and background."""

    operator: LinearOperator
    data: Tensor
    background: Tensor


class MLEMState(NamedTuple):
    """x, and Aₛᵀ1 for every part of the measurement."""

    x: Tensor
    sensitivities: tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class MLEM(Solver):
    """Maximise the Poisson likelihood of y over x ≥ 0:

        x⁺ = x/(Aᵀ1) · Aᵀ(y / (A x + b))

    for a linear A ≥ 0. It is the expectation maximisation of Shepp and Vardi; in deconvolution it is that of Richardson
    and Lucy. The Kullback-Leibler divergence from y never rises, x stays nonnegative, a pixel that is zero stays zero,
    and with b = 0 Σ Ax = Σ y after every step. Pixels that no datum sees (Aᵀ1 = 0) become zero. The start is the
    constant image that explains the counts, unless one is given.

    With noisy data the image is best long before the limit (semiconvergence): the number of iterations is the
    regularisation. For a prior use PDHG or FISTA.

    The measurement ``gap`` is a bound on the excess of the objective over its least value, from the dual point
    (1 − y/(c(Ax + b)))/g, which is feasible for c = max Aᵀ(y/(Ax + b))/Aᵀ1.

    Errors: CapabilityError for a data term that is not Poisson, a complex operator, one with negative column sums, a
    ray transform in another model than Joseph's (whose weights are not all ≥ 0), and any prior but NonNegative.

    Sources: Shepp and Vardi, IEEE Trans. Med. Imaging 1 (1982) 113; Richardson, J. Opt. Soc. Am. 62 (1972) 55; Lucy,
    Astron. J. 79 (1974) 745.
    """

    names = ("mlem", "richardson_lucy")
    warm_start = False
    measures = frozenset({"change", "objective", "gap", "relative_gap"})

    stop: Rule = MaxIter(50)

    def require(self, problem: Problem) -> None:
        f, A = problem.likelihood, problem.linear
        if not isinstance(f, PoissonKL):
            raise CapabilityError(f"{self.name} needs Poisson noise, got {f.name}.")
        require_nonnegativity_only(problem, self.name)
        if "complex" in (A.domain_field, A.range_field):
            raise CapabilityError(f"{self.name} needs an operator with real entries >= 0, got {A.name}.")
        if isinstance(A, RayTransform) and not A.is_joseph(problem.data):
            raise CapabilityError(
                f"{self.name} needs an operator with entries >= 0, which a ray transform has with model='joseph', not "
                f"with model={A.model!r} on this device."
            )
        for part in self.parts(problem):
            sums = self._sensitivity(part)
            if not bool((sums != 0).any()):
                raise CapabilityError(f"{self.name} needs an operator that is not zero, got {A.name}.")
            if bool((sums < -1e-6 * sums.abs().max()).any()):
                raise CapabilityError(
                    f"{self.name} needs an operator with entries >= 0; {A.name} has columns with a sum below zero."
                )

    def parts(self, problem: Problem) -> tuple[Part, ...]:
        """The parts of the measurement that one iteration goes through."""
        return (Part(problem.linear, problem.data, background_of(problem)),)

    @staticmethod
    def _sensitivity(part: Part) -> Tensor:
        ones = torch.ones(part.operator.range_shape, dtype=part.data.dtype, device=part.data.device)
        return part.operator.adjoint(ones)

    def init(self, problem: Problem, initial: Tensor | None = None) -> MLEMState:
        count, parts = len(problem.data), self.parts(problem)
        sums = tuple(self._sensitivity(part).clamp(min=0).expand(count, *problem.shape) for part in parts)
        if initial is not None:
            return MLEMState(initial.clamp(min=0), sums)
        n, m = len(problem.shape), len(problem.operator.range_shape)
        excess = item_sum(problem.data - background_of(problem), m)
        total = torch.maximum(excess, item_sum(problem.data, m) * 1e-3)
        level = total / positive(torch.stack([item_sum(s, n) for s in sums]).sum(0))
        x = positive(level).reshape(-1, *(1,) * n).expand(count, *problem.shape)
        return MLEMState(x, sums)

    def step(self, problem: Problem, state: MLEMState) -> MLEMState:
        x = state.x
        for part, s in zip(self.parts(problem), state.sensitivities, strict=True):
            x = torch.where(s > 0, x * part.operator.adjoint(_ratio(part, x)) / torch.where(s > 0, s, 1), 0)
            x = x.clamp(min=0)
        return MLEMState(x, state.sensitivities)

    def measure(self, problem: Problem, state: MLEMState) -> dict[str, Tensor]:
        f = problem.likelihood
        assert isinstance(f, PoissonKL)
        objective = f(problem.linear(state.x))
        whole = Part(problem.linear, problem.data, background_of(problem))
        ratio = _ratio(whole, state.x)
        s = torch.stack(state.sensitivities).sum(0)
        factors = torch.where(s > 0, whole.operator.adjoint(ratio) / torch.where(s > 0, s, 1), 0)
        c = factors.flatten(1).amax(1).reshape(-1, *(1,) * f.ndim)
        lower = -f.conjugate(f.dual_point((1 - ratio / torch.where(c > 0, c, 1)) / f.gain))
        gap = objective - lower
        tiny = torch.finfo(objective.dtype).tiny
        return {"objective": objective, "gap": gap, "relative_gap": gap / objective.abs().clamp(min=tiny)}

    def image(self, state: MLEMState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.ones(2, 8, 8, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4] = 6.0, 9.0
        yield cls(stop=MaxIter(20)), Problem(A, A(x) + 0.5, PoissonNoise(background=0.3), NonNegative())
        blur = Blur(torch.tensor([[0.1, 0.2, 0.1], [0.1, 0.3, 0.2]]), (8, 8), "reflect", "direct")
        yield cls(stop=MaxIter(20)), Problem(blur, blur(x), PoissonNoise(gain=0.5))


def require_nonnegativity_only(problem: Problem, solver: str) -> None:
    """Refuse priors other than x ≥ 0."""
    if problem.prior is None:
        return
    known = isinstance(problem.prior, VariationalPrior)
    for term in problem.terms if known else (None,):
        f = None if term is None or term.operator is not None else term.functional
        if not (isinstance(f, BoxIndicator) and f.lower == 0 and f.upper == float("inf")):
            raise CapabilityError(
                f"{solver} keeps images nonnegative and takes no other prior, got {problem.prior.name}; use PDHG."
            )


def background_of(problem: Problem) -> Tensor:
    """b on one item of data."""
    f = problem.likelihood
    assert isinstance(f, PoissonKL)
    return f.constant("background", problem.data).expand(problem.operator.range_shape)


def _ratio(part: Part, x: Tensor) -> Tensor:
    """y/(A x + b), 0 where that is no positive number."""
    mean = part.operator(x) + part.background
    outside = mean <= 0
    return torch.where(outside, 0, part.data / torch.where(outside, 1, mean))
