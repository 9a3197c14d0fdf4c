"""Solutions for one weight after another, each from the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, prod

import torch
from torch import Tensor

from recon.operators.functionals import Functional, SquaredL2
from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_sum, per_item
from recon.priors.prior import VariationalPrior
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.solver import Solver
from recon.solvers.tuning.which import with_weight

DRAWN = 200_000
"""Measurements drawn to estimate the mean of a misfit: to 0.3 % for one like that of Gaussian noise."""

INWARD = 1e-6
"""Length of a proximal step into the domain of a data term, in units of its curvature at a solution."""


@dataclass
class Trials:
    """The problem whose λ is sought, flattened, and where its items have got to.

    Attributes
    ----------
    which
        Number of the summand of the prior to tune.
    deviations
        Standard deviation of every measurement, ``(items, *range_shape)``, zero where the row of A is zero or the
        weight of the data term is: such entries say nothing. Zero or one for other than Gaussian noise.
    images
        The latest solution of each item, where the next starts.
    solves
        Images computed so far.
    """

    problem: Problem
    solver: Solver
    which: int | None
    initial: Tensor | None = None
    deviations: Tensor = field(init=False)
    images: Tensor = field(init=False)
    started: Tensor = field(init=False)
    solves: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.deviations = _deviations(self.problem)
        self.images = self.problem.zeros() if self.initial is None else self.initial.clone()
        self.started = torch.full((len(self.images),), self.initial is not None)

    @property
    def gaussian(self) -> bool:
        """Whether the data term is ‖(z − y)/σ‖²/2."""
        return isinstance(self.problem.likelihood, SquaredL2)

    @property
    def ndim(self) -> int:
        """Dimensions of one item of data."""
        return len(self.problem.operator.range_shape)

    @property
    def counts(self) -> Tensor:
        """m, how many real numbers each item's data hold."""
        parts = 2 if self.problem.data.is_complex() else 1
        return (parts * (self.deviations > 0).flatten(1).sum(1)).double().cpu()

    def question(self, items: Tensor, lam: Tensor, data: Tensor | None = None) -> Problem:
        """The problem of some items for given weights and, where given, other data; items may repeat."""
        old = self.problem.select(items)
        assert isinstance(old.prior, VariationalPrior)
        prior = with_weight(old.prior, self.which, lam.to(self.problem.data.device))
        if isinstance(old.fidelity, Functional):
            return Problem(old.operator, old.data, prior=prior, fidelity=old.fidelity)
        return Problem(old.operator, old.data if data is None else data, old.noise, prior, old.fidelity)

    def solve(self, items: Tensor, lam: Tensor) -> Tensor:
        """Solutions of some items, each from its latest one."""
        images = self._run(self.question(items, lam), items).image
        self._keep(items, images)
        return images

    def solve_with(self, items: Tensor, lam: Tensor, data: Tensor) -> tuple[Tensor, Tensor]:
        """Solutions for the data and, from the same starts and in the same batch, for other ``data``."""
        twice = torch.cat([items, items])
        both = self.question(twice, torch.cat([lam, lam]), torch.cat([self.problem.data[items], data]))
        images = self._run(both, twice).image
        first, second = images[: len(items)], images[len(items) :]
        self._keep(items, first)
        return first, second

    def _run(self, question: Problem, items: Tensor) -> Result:
        self.solves += len(items)
        warm = self.solver.warm_start and bool(self.started[items].all())
        result = self.solver.solve(question, self.images[items.to(self.images.device)] if warm else None)
        if Reason.INTERRUPTED in result.reasons:
            raise KeyboardInterrupt
        return result

    def _keep(self, items: Tensor, images: Tensor) -> None:
        self.images[items.to(self.images.device)] = images
        self.started[items] = True

    def misfit(self, items: Tensor, images: Tensor) -> Tensor:
        """‖(Ax − y)/σ‖² over what is measured; for other than Gaussian noise twice the data term, the deviance."""
        question = self.problem.select(items)
        predicted = self.predicted(question, images)
        if not self.gaussian:
            return 2 * question.likelihood(predicted)
        deviation = self.deviations[items.to(self.deviations.device)]
        scaled = (predicted - question.data) / torch.where(deviation > 0, deviation, torch.inf)
        return item_sum(scaled.abs().square(), self.ndim)

    def predicted(self, question: Problem, images: Tensor) -> Tensor:
        """A x; where errors of the solver have led out of the domain of the data term, a point of it close by."""
        f, z = question.likelihood, question.operator(images)
        if "prox" not in f.capabilities:
            return z
        scale = torch.as_tensor(f.dual_scale()).to(z.real if z.is_complex() else z)
        inside = f.prox(z, (INWARD / scale.square()).expand(len(z)))
        return torch.where(wide(f(z), z).isfinite(), z, inside)

    def expected_misfit(self, items: Tensor, images: Tensor, seed: int) -> Tensor:
        """The mean of :meth:`misfit` over data drawn around A x: their number for Gaussian noise, else from samples."""
        question, shape = self.problem.select(items), self.problem.operator.range_shape
        if self.gaussian or question.noise is None:
            return self.counts[items]
        draws = ceil(DRAWN / prod(shape))
        clean = self.predicted(question, images).repeat_interleave(draws, 0)
        noise = question.noise.select(torch.arange(len(items)).repeat_interleave(draws))
        data = noise.sample(clean, torch.Generator(clean.device).manual_seed(seed))
        return 2 * noise.fidelity(data, shape)(clean).reshape(len(items), draws).double().mean(1).cpu()

    def first_weight(self) -> Tensor:
        """‖A‖ over the noise's standard deviation, per item: where data and a prior of slope 1 are of one order."""
        A = self.problem.operator
        size = A.norm_bound(self.problem.data) if isinstance(A, LinearOperator) else 1.0
        scale = torch.as_tensor(self.problem.likelihood.dual_scale(), dtype=torch.float64).detach().cpu()
        return (scale * max(size, 1e-30)).expand(len(self.problem.data)).clone()

    def sigma(self) -> Tensor | None:
        """Of Gaussian noise, per item in double precision; None where σ is not the same for all measurements."""
        f = self.problem.likelihood
        if not isinstance(f, SquaredL2) or f.elements is not None:
            return None
        weight = torch.as_tensor(f.weight, dtype=torch.float64).detach().cpu()
        return weight.rsqrt().expand(len(self.problem.data))

    def probe(self, number: int, seed: int, shape: tuple[int, ...]) -> Tensor:
        """Random signs, of each real component, the same for every item: a function of seed and number alone."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        like = self.problem.data
        signs = torch.randint(0, 2, (*shape, 2), generator=generator).double() * 2 - 1
        found = torch.view_as_complex(signs) if like.is_complex() else signs[..., 0]
        return found.to(device=like.device, dtype=like.dtype)


def _deviations(problem: Problem) -> Tensor:
    """See :class:`Trials`; which entries change with the image is seen with two random ones (always the same)."""
    A, f, data = problem.operator, problem.likelihood, problem.data
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((2, *A.domain_shape), generator=generator, dtype=torch.float64)
    first, second = A(images.to(device=problem.data.device, dtype=problem.dtype))
    real = data.real if data.is_complex() else data
    sizes = torch.ones_like(real)
    if isinstance(f, SquaredL2):
        weights = f.hessian(data, torch.ones_like(data))
        weights = (weights.real if weights.is_complex() else weights).detach()
        sizes = torch.where(weights > 0, torch.where(weights > 0, weights, 1).rsqrt(), 0)
    out: Tensor = sizes * (first != second)
    return out


def wide(value: Tensor, like: Tensor) -> Tensor:
    """One value per item, shaped to multiply items such as ``like`` and in its precision."""
    real = like.real if like.is_complex() else like
    shaped = per_item(value.to(real), like, like.ndim - 1)
    assert isinstance(shaped, Tensor)
    return shaped
