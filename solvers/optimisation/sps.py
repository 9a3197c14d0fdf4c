"""Separable paraboloidal surrogates for transmission tomography."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import pi
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators import LinearOperator, ParallelBeam, RayTransform, Volume, sart_weights
from recon.operators.ct.subset import Order
from recon.operators.functionals import TransmissionPoisson
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.priors import NonNegative
from recon.solvers.optimisation.data_parts import restricted
from recon.solvers.optimisation.mlem import require_nonnegativity_only
from recon.solvers.optimisation.osem import check_subsets, require_views
from recon.solvers.optimisation.smooth import positive
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Curvature = Literal["optimal", "precomputed", "newton"]


class View(NamedTuple):
    """A part of the measurement: its operator, likelihood and row sums."""

    operator: LinearOperator
    likelihood: TransmissionPoisson
    rows: Tensor


class SPSState(NamedTuple):
    """x, the row sums γ, the precomputed curvatures of pixels (empty if not used), and the last step per item."""

    x: Tensor
    rows: Tensor
    curvatures: Tensor
    change: Tensor


@dataclass(frozen=True, kw_only=True)
class SPS(Solver):
    """Maximise the likelihood of counts behind an absorbing object, y ~ Poisson(I₀e^{−l} + b), l = Ax, over x ≥ 0:

        x⁺ = [x − Aₛᵀ ḣ(Aₛx) / d]₊,   d = Aₛᵀ(γ c),   γ = A1,   ḣ = ∇f,

    the minimiser of a separable parabola above the negative log-likelihood, for every subset s of the views in turn;
    one pass is one iteration. c are curvatures of parabolas at each datum's −log-likelihood:

    * ``"optimal"``: the least ones that stay above on l ≥ 0, c = [2(h(0) − h(l) + l ḣ(l))/l²]₊. With one subset the
      likelihood then rises at every step, with or without background;
    * ``"precomputed"``: (y − b)²₊/y, that of the likelihood at its maximum, with d = Aᵀ(γc)/S for all of S subsets:
      half the cost, and monotone in practice;
    * ``"newton"``: (I₀e^{−l})²/(I₀e^{−l} + b), the expected one at l: the MLTR method. Between the two in cost.

    The row sums γ of a ray transform are those of Joseph's model, which has no negative entries.

    Parameters
    ----------
    subsets
        Number of subsets S, of every S-th view each. Several need a ray transform, go about S times as fast at first
        and end in a cycle around the optimum.
    curvature
        The choice of c.
    order
        The order of the subsets, see :func:`recon.operators.ct.subset.subset_order`.

    The measurement ``dual_residual`` is the norm of the projected gradient over that at x = 0.

    Errors: CapabilityError for a data term other than transmission Poisson, an operator with negative sums, a prior
    other than NonNegative, and subsets of an operator that is no ray transform; ValueError for more subsets than views.

    Sources: Erdoğan and Fessler, Phys. Med. Biol. 44 (1999) 2835, eqs. 16-24; IEEE Trans. Med. Imaging 18 (1999) 801;
    Nuyts et al., Phys. Med. Biol. 43 (1998) 729, for MLTR.
    """

    names = ("sps", "os_sps")
    warm_start = False
    measures = frozenset({"change", "objective", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(50)
    subsets: int = 1
    curvature: Curvature = "optimal"
    order: Order = "golden"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_subsets(self.name, self.subsets, self.order)
        if self.curvature not in get_args(Curvature):
            raise ValueError(f"SPS expects a curvature among {', '.join(get_args(Curvature))}, got {self.curvature!r}.")

    def require(self, problem: Problem) -> None:
        A, f = problem.linear, problem.likelihood
        if not isinstance(f, TransmissionPoisson):
            raise CapabilityError(f"SPS needs counts behind an absorber (BeerLambertNoise), got {f.name}.")
        require_nonnegativity_only(problem, self.name)
        if self.subsets > 1:
            require_views(problem, self.name, "one subset", self.subsets)
        try:
            sart_weights(A, problem.data)
        except CapabilityError:
            raise CapabilityError(
                f"SPS needs an operator with entries >= 0, not all 0, which {A.name} has not."
            ) from None

    def init(self, problem: Problem, initial: Tensor | None = None) -> SPSState:
        A, f = problem.linear, _likelihood(problem)
        x = problem.zeros() if initial is None else initial.clamp(min=0)
        inverse = sart_weights(A, x).rows
        rows = torch.where(inverse > 0, 1 / torch.where(inverse > 0, inverse, 1), 0).expand_as(problem.data)
        zero = item_norm(x, len(problem.shape)) * 0
        if self.curvature != "precomputed":
            return SPSState(x, rows, torch.zeros_like(zero), zero + torch.inf)
        y, b = problem.data, f.constant("background", problem.data)
        c = (y - b).clamp(min=0).square() / positive(y)
        return SPSState(x, rows, A.adjoint(rows * c) / self.subsets, zero + torch.inf)

    def step(self, problem: Problem, state: SPSState) -> SPSState:
        x, n = state.x, len(problem.shape)
        for operator, f, rows in self._views(problem, state):
            lines = operator(x)
            slope = f.grad(lines)
            d = state.curvatures
            if self.curvature != "precomputed":
                c = _optimal(f, lines, slope) if self.curvature == "optimal" else _expected(f, lines)
                d = operator.adjoint(rows * c)
            known = d > 0
            x = torch.where(known, x - operator.adjoint(slope) / torch.where(known, d, 1), x).clamp(min=0)
        size = item_norm(x - state.x, n) / positive(item_norm(x, n))
        return SPSState(x, state.rows, state.curvatures, size)

    def _views(self, problem: Problem, state: SPSState) -> tuple[View, ...]:
        A, f = problem.linear, _likelihood(problem)
        if self.subsets == 1:
            return (View(A, f, state.rows),)
        assert isinstance(A, RayTransform)
        views = []
        for part in A.subsets(self.subsets, self.order):
            counts = restricted(f, part.of, part.operator.range_shape)
            assert isinstance(counts, TransmissionPoisson)
            views.append(View(part.operator, counts, part.of(state.rows)))
        return tuple(views)

    def measure(self, problem: Problem, state: SPSState) -> dict[str, Tensor]:
        A, f, x, n = problem.linear, _likelihood(problem), state.x, len(problem.shape)
        lines = A(x)
        g, g0 = A.adjoint(f.grad(lines)), A.adjoint(f.grad(torch.zeros_like(lines)))
        held = torch.where((x <= 0) & (g > 0), 0, g)
        return {
            "objective": f(lines),
            "change": state.change,
            "primal_residual": torch.zeros_like(state.change),
            "dual_residual": item_norm(held, n) / positive(item_norm(g0, n)),
        }

    def image(self, state: SPSState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
        x = torch.full((3, 8, 8), 0.02, dtype=torch.float64)
        x[0, 2:6, 3:5], x[1, 4, 4], x[2, 1:3] = 0.3, 0.5, 0.2
        subsets = (cls(curvature="precomputed", subsets=3), cls(curvature="newton", subsets=2))
        for background, solver in zip((2.0, 0.0, 2.0), (cls(), *subsets), strict=True):
            counts = (50 * torch.exp(-A(x)) + background).round()
            f = TransmissionPoisson(A.range_shape, counts, 50.0, background)
            yield replace(solver, stop=MaxIter(15)), Problem(A, counts, fidelity=f, prior=NonNegative())


def _likelihood(problem: Problem) -> TransmissionPoisson:
    f = problem.likelihood
    assert isinstance(f, TransmissionPoisson)
    return f


def _expected(f: TransmissionPoisson, lines: Tensor) -> Tensor:
    """The second derivative of h at l, expected over y."""
    beam = f.constant("blank", lines) * torch.exp(-lines)
    mean = beam + f.constant("background", lines)
    return beam.square() / torch.where(mean > 0, mean, 1)


def _optimal(f: TransmissionPoisson, lines: Tensor, slope: Tensor) -> Tensor:
    """The least curvature c of a parabola through (l, h(l)) with slope ḣ(l) that is above h on l ≥ 0."""
    y, blank, b = f.constant("data", lines), f.constant("blank", lines), f.constant("background", lines)
    mean = blank * torch.exp(-lines) + b
    rise = blank + b - mean - torch.xlogy(y, (blank + b) / positive(mean))  # h(0) − h(l)
    square = lines.square()
    at_zero = (blank * (1 - y * b / positive((blank + b).square()))).clamp(min=0) + torch.zeros_like(lines)
    # Below this the difference of three numbers of the size of I₀ is rounding.
    near = square * at_zero.clamp(min=1) <= 1e3 * torch.finfo(lines.dtype).eps * (blank + y)
    c = 2 * (rise + lines * slope) / torch.where(near, 1, square)
    return torch.where(near, at_zero, c.clamp(min=0))
