"""Whether data and prior speak of images with the same values."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_dot, item_sum, per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.latent_prior import LatentPrior
from recon.solvers.problem import Problem
from recon.solvers.sampling.random import normal
from recon.solvers.sampling.scatter import known, residual, scatter

ITERATIONS = 30
SLACK = 0.1
"""By how much of its width a range is enlarged before data are said to lie outside."""

VISIBLE = 25.0
"""Power of half the range in the data, over that of the noise, from which halves are told apart."""

RELATIVE = 0.1
"""Part of the data that has to be left unexplained."""

_CHECKED = "_values_checked"


def check_values(problem: Problem) -> None:
    """Compare the data with the prior's range of values, [0, 1] against [−1, 1] say.

    For linear operators and noise of known covariance; for real images, complex ones that the prior takes for real, and
    those of a :class:`recon.priors.LatentPrior` that says which values stand for which.

    ValueError for an item whose data no image in the range, enlarged by a tenth of its width on each side, explains:
    min ‖y − A x‖² over such images is more than t = 4 + 10 (2/m)^½ times what noise has on the average, and more than a
    tenth of ‖y‖; m is the effective number of measurements, (tr Σ)²/tr Σ². The minimum is bounded from below, so that
    iterations that end early raise no false alarm; true images within the range do with a probability below 1e-6.

    UserWarning where the noise is low enough to tell, images in one half of the range explain an item's data to
    within the noise, those in the other half do not, and the mean of the prior lies in that other half.

    UserWarning, too, where images in the lowest eighth of the range explain an item's data and its end alone does not:
    the prior then takes the values for much smaller than they are meant.

    A problem is looked at once: what was found is noted on it.
    """
    prior, A, bounds = problem.prior, problem.operator, _bounds(problem)
    if bounds is None or not (isinstance(A, LinearOperator) and known(problem.noise) and len(problem.data)):
        return
    assert prior is not None
    version = problem.data._version
    if problem.__dict__.get(_CHECKED) == version:
        return
    low, high = bounds
    middle, margin = (low + high) / 2, SLACK * (high - low)
    with torch.no_grad():
        test = _Test.of(problem)
        outside = test.refuted(low - margin, high + margin)
        if bool(outside.any()):
            raise ValueError(
                f"no image with values in [{low:g}, {high:g}], which {prior.name} is for, explains the data of item "
                f"{_first(outside)} to within the noise: scale the data, give the prior the value_range of the images, "
                "or check operator and sigma."
            )
        problem.__dict__[_CHECKED] = version
        if not isinstance(prior, DiffusionPrior) or problem.dtype.is_complex:
            return
        images = torch.full_like(problem.zeros(), (high - low) / 2)
        power = item_sum(A(images).abs().square(), test.rank) / (test.count * test.variance)
        if not bool((power > VISIBLE).any()):
            return
        eighth = low + (high - low) / 8
        faint = test.explained(low, eighth) & ~test.explained(low, low) & (power > VISIBLE)
        if bool(faint.any()):
            warnings.warn(
                f"{prior.name} is for images with values in [{low:g}, {high:g}], and images in [{low:g}, {eighth:g}] "
                f"explain the data of item {_first(faint)}: give the prior the value_range that its images have.",
                UserWarning,
                stacklevel=3,
            )
            return
        halves = (low, middle), (middle, high)
        explained = [test.explained(*half) for half in halves]
        if not bool((explained[0] | explained[1]).any()):
            return
        alone = [explained[i] & (power > VISIBLE) & test.refuted(*halves[1 - i]) for i in range(2)]
        if not bool((alone[0] | alone[1]).any()):
            return
        level = _level(prior, problem)
        suspicious = alone[0] if level > middle else alone[1]
    if bool(suspicious.any()):
        half = halves[0] if level > middle else halves[1]
        warnings.warn(
            f"{prior.name} is for images with values in [{low:g}, {high:g}], around {level:.2g} on the average, and "
            f"images in [{half[0]:g}, {half[1]:g}] explain the data of item {_first(suspicious)}: if those are the "
            "values that its images have, scale the data, or give the prior that value_range.",
            UserWarning,
            stacklevel=3,
        )


def _bounds(problem: Problem) -> tuple[float, float] | None:
    """The values of the prior's images: of real ones, or of complex ones whose imaginary part is known to be zero."""
    prior = problem.prior
    if isinstance(prior, LatentPrior):
        return None if problem.dtype.is_complex or prior.range.identity else prior.range.images
    if not isinstance(prior, DiffusionPrior) or (problem.dtype.is_complex and not prior.real):
        return None
    return prior.value_range


@dataclass(frozen=True)
class _Test:
    """Data against boxes of images; all of it per item."""

    problem: Problem
    data: Tensor
    variance: Tensor
    limit: Tensor

    @classmethod
    def of(cls, problem: Problem) -> _Test:
        clean = torch.zeros_like(problem.data)
        data = residual(problem, clean)
        S = scatter(problem, data)
        streams = torch.zeros(len(data), dtype=torch.long, device=data.device)
        probe = _signs(normal(0, streams, streams, tuple(data.shape[1:]), data.dtype))
        rank, parts = data.ndim - 1, 2 if data.is_complex() else 1
        variance = parts * S.variance.to(data.real.dtype if parts == 2 else data.dtype)
        spread = item_sum(S.times(probe).abs().square(), rank)  # tr Σ² on the average, of both parts
        effective = (data[0].numel() * variance).square() / spread.clamp(min=torch.finfo(variance.dtype).tiny)
        return cls(problem, data, variance, (2 / effective).sqrt())

    @property
    def rank(self) -> int:
        """Dimensions of one item of data."""
        return self.data.ndim - 1

    @property
    def count(self) -> int:
        """Measurements of an item."""
        return self.data[0].numel()

    def refuted(self, low: float, high: float) -> Tensor:
        """Whether no image in the box explains the data: a bound from below is beyond the limit."""
        scale = self.count * self.variance
        needed = torch.maximum(
            (4 + 10 * self.limit) * scale, RELATIVE**2 * item_sum(self.data.abs().square(), self.rank)
        )
        return self._fit(low, high, (2 + 5 * self.limit) * scale, needed)[1] > needed

    def explained(self, low: float, high: float) -> Tensor:
        """Whether an image in the box was found that explains the data."""
        scale = self.count * self.variance
        enough = (1.2 + 5 * self.limit) * scale
        return self._fit(low, high, enough, enough)[0] <= enough

    def _fit(self, low: float, high: float, enough: Tensor, too_much: Tensor) -> tuple[Tensor, Tensor]:
        """‖y − A x‖² of the best image found in the box, and a bound from below on that of all.

        Projected gradients with steps of Barzilai and Borwein and exact line search (Birgin, Martínez and Raydan, SIAM
        J. Optim. 10 (2000) 1196); ends where each item is below ``enough`` or known to be above ``too_much``.
        """
        A, ndim = self.problem.linear, len(self.problem.shape)
        dtype, real = self.problem.dtype, self.problem.data.real.dtype if self.data.is_complex() else self.data.dtype
        x = torch.full_like(self.problem.zeros(), (low + high) / 2, dtype=real)
        r = self.data - A(x.to(dtype))
        g = -_real(A.adjoint(r))
        lowest = torch.full_like(enough, -inf)
        step: Tensor = torch.ones_like(enough)
        for iteration in range(ITERATIONS):
            value = item_sum(r.abs().square(), self.rank)
            reach = torch.maximum(g * (x - low), g * (x - high))
            lowest = torch.maximum(lowest, value - 2 * item_sum(reach, ndim))
            if bool(((value <= enough) | (lowest > too_much)).all()):
                break
            if iteration == 0:
                image = A(g.to(dtype))
                step = item_dot(g, g, ndim) / item_dot(image, image, self.rank).clamp(min=torch.finfo(g.dtype).tiny)
            d = (x - per_item(step, x, ndim) * g).clamp(low, high) - x
            image = A(d.to(dtype))
            curvature = item_dot(image, image, self.rank)
            length = (-item_dot(g, d, ndim) / curvature.clamp(min=torch.finfo(g.dtype).tiny)).clamp(0, 1)
            x = x + per_item(length, x, ndim) * d
            r = r - per_item(length, r, self.rank) * image
            g = -_real(A.adjoint(r))
            moved = item_dot(d, d, ndim)
            step = torch.where(curvature > 0, moved / torch.where(curvature > 0, curvature, 1), step)
        return item_sum(r.abs().square(), self.rank), lowest


def _real(x: Tensor) -> Tensor:
    return x.real if x.is_complex() else x


def _signs(z: Tensor) -> Tensor:
    return torch.complex(z.real.sgn(), z.imag.sgn()) if z.is_complex() else z.sgn()


def _level(prior: DiffusionPrior, problem: Problem) -> float:
    """The mean value of the prior's images: that of D(σ z, σ) at its highest level."""
    high = prior.sigma_range[1]
    if prior.levels is not None:
        sigma = float(prior.levels[-1])
    else:
        assert prior.value_range is not None
        sigma = high if isfinite(high) else 100 * (prior.value_range[1] - prior.value_range[0])
    zero = torch.zeros(1, dtype=torch.long, device=problem.data.device)
    return float(prior(sigma * normal(0, zero, zero, problem.shape, problem.dtype), sigma).mean())


def _first(items: Tensor) -> int:
    return int(items.nonzero()[0])
