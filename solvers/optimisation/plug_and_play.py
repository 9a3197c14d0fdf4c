"""What the plug-and-play loops share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError
from recon.operators.noise import GaussianNoise
from recon.operators.tensors import item_norm
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.denoiser_prior import DenoiserPrior
from recon.solvers.norms import step_norm
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver

SUBSTANTIAL = 0.01
"""A step that is no larger than this share of the image is no sign of divergence."""


class Watch(NamedTuple):
    """The last step ‖x⁺ − x‖, the least so far, and below what steps count as equal, per item."""

    step: Tensor
    least: Tensor
    floor: Tensor


def denoiser_of(problem: Problem, solver: str) -> Denoiser:
    """The prior of a problem as a denoiser; refuses others by name."""
    if not isinstance(problem.prior, Denoiser):
        given = "none" if problem.prior is None else problem.prior.name
        raise CapabilityError(f"{solver} needs a denoiser as prior, for example DenoiserPrior(denoiser), got {given}.")
    return problem.prior


@dataclass(frozen=True, kw_only=True)
class PlugAndPlay(Solver):
    """Base of the plug-and-play loops: proximal methods whose prox is a denoiser D(·, σ_d).

    Fixed points solve no optimisation problem in general, and exist and attract only under conditions on D
    (nonexpansiveness of D or of 2D − I, depending on the loop), which no denoiser network satisfies by itself. A loop
    that grows is reported as diverged.

    Parameters
    ----------
    sigma
        Denoiser strength σ_d, in the units of the image; None for the prior's own.
    averaging
        θ in (0, 1]: (1 − θ) I + θ D in the place of D, which is averaged where D is nonexpansive, so that loops that
        need that converge. Fixed points change, except where they are those of D itself.
    growth
        An item whose step ‖x⁺ − x‖ is that many times its least one so far, and more than 1 % of the image it started
        from or of Aᴴy/‖A‖², has diverged: it stops there, and the iterate before is kept.
    probes
        Power iterations on the derivative of D at the image, at every measurement; the measurement ``lipschitz`` is the
        largest ‖D(x + v) − D(x − v)‖/‖2v‖ met, a lower bound on the Lipschitz constant of D: above 1, convergence is
        not assured. 0 for none; each costs two denoisings.
    """

    measures = frozenset({"change", "data_residual"})

    sigma: float | None = None
    averaging: float = 1.0
    growth: float = 100.0
    probes: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma is not None and not 0 < self.sigma < float("inf"):
            raise ValueError(f"{self.name} expects sigma > 0, got {self.sigma!r}.")
        if not 0 < self.averaging <= 1:
            raise ValueError(f"{self.name} expects averaging in (0, 1], got {self.averaging!r}.")
        if not self.growth > 1:
            raise ValueError(f"{self.name} expects growth > 1, got {self.growth!r}.")
        if isinstance(self.probes, bool) or not isinstance(self.probes, int) or self.probes < 0:
            raise ValueError(f"{self.name} expects a number of probes >= 0, got {self.probes!r}.")

    def strength(self, problem: Problem) -> float:
        """σ_d."""
        return self.sigma if self.sigma is not None else denoiser_of(problem, self.name).sigma

    def denoise(self, problem: Problem, x: Tensor, sigma: float | None = None) -> Tensor:
        """D(x, σ), averaged."""
        level = self.strength(problem) if sigma is None else sigma
        clean = denoiser_of(problem, self.name).denoise(x, level)
        return clean if self.averaging == 1 else x + self.averaging * (clean - x)

    def watch(self, new: Tensor, old: Tensor, last: Watch) -> tuple[Tensor, Watch]:
        """The new image, NaN where its step has grown too much, and the steps seen."""
        n = new.ndim - 1
        step = item_norm(new - old, n).detach()
        grown = step > self.growth * last.least
        image = torch.where(grown.reshape(-1, *(1,) * n), torch.nan, new)
        return image, Watch(step, step.clamp(last.floor, last.least), last.floor)

    def begin(self, problem: Problem, initial: Tensor | None) -> tuple[Tensor, Watch]:
        """Where to start, Aᴴy/‖A‖² unless told, with nothing seen yet."""
        n = len(problem.shape)
        back = problem.linear.adjoint(problem.data) / step_norm(problem.linear, problem.zeros()) ** 2
        x = back if initial is None else initial
        size = torch.maximum(item_norm(x, n), item_norm(back, n)).detach()
        unknown = torch.full_like(size, torch.inf)
        return x, Watch(unknown, unknown, SUBSTANTIAL / self.growth * size)

    def measure(self, problem: Problem, state: Any) -> dict[str, Tensor]:
        """‖A x − y‖/‖y‖ per item, and the expansion of D where it is probed."""
        x = self.image(state)
        residual = problem.operator(x) - problem.data
        size = problem.data.flatten(1).norm(dim=1)
        measured = {"data_residual": residual.flatten(1).norm(dim=1) / torch.where(size > 0, size, 1)}
        if self.probes:
            measured["lipschitz"] = self.expansion(problem, x)
        return measured

    def expansion(self, problem: Problem, x: Tensor) -> Tensor:
        """The largest ‖D(x + v) − D(x − v)‖/‖2v‖ per item that power iterations from a fixed v meet."""
        n = len(problem.shape)
        generator = torch.Generator().manual_seed(0)
        v = torch.randn(problem.shape, generator=generator, dtype=torch.float64).to(x).expand_as(x)
        reach = 0.01 * self.strength(problem) * x[0].numel() ** 0.5
        largest = torch.zeros_like(item_norm(x, n))
        for _ in range(self.probes):
            v = reach * v / item_norm(v, n).clamp(min=torch.finfo(largest.dtype).tiny).reshape(-1, *(1,) * n)
            v = (self.denoise(problem, x + v) - self.denoise(problem, x - v)) / 2
            largest = torch.maximum(largest, item_norm(v, n) / reach)
        return largest


def small_problem() -> Problem:
    """A diagonal operator, two items of 5 × 6, and a linear denoiser."""
    generator = torch.Generator().manual_seed(5)
    weights = torch.linspace(0.4, 1.1, 30, dtype=torch.float64).reshape(5, 6)
    data = torch.rand((2, 5, 6), generator=generator, dtype=torch.float64)
    return Problem(Diagonal(weights), data, GaussianNoise(0.2), DenoiserPrior(shrink, sigma=0.3))


def shrink(x: Tensor, sigma: float | Tensor) -> Tensor:
    """The denoiser of N(0, I): x/(1 + σ²)."""
    if isinstance(sigma, Tensor) and sigma.ndim:
        sigma = sigma.reshape(*sigma.shape, *(1,) * (x.ndim - sigma.ndim))
    return x / (1 + sigma**2)
