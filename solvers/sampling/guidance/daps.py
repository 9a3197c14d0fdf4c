"""Decoupled annealing posterior sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.tensors import checked_count, item_norm, per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess
from recon.solvers.sampling.guidance.solved import SolvedGuidance
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.heun import Heun
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Noise, wide
from recon.solvers.sampling.integrators.renoise import Renoise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass

INNER = 32
"""Draws of noise from here on belong to the inner steps, 16 each."""

LANGEVIN = 2048
"""Draws from here on belong to Langevin steps, one each."""


@dataclass(frozen=True, kw_only=True)
class DAPS(SolvedGuidance):
    """A sample of x₀ given u by the flow, one given the data around it, then noise of the next level s:

        x̂₀:  u along the flow from σ to 0 in a few steps,
        x₀ ~ p(x₀ | y, x̂₀) ∝ exp(−½‖y − A x₀‖²_{Σ_y⁻¹} − ‖x₀ − x̂₀‖²/2r²),   r = γ σ,
        u′ = x₀ + s z.

    Heuristic: the flow's end stands for a Gaussian around it. The last x₀ is the sample; the authors' code ends
    on the flow instead (form "code"), their data term is ‖y − A x₀‖²/τ² with τ = 0.01 for all data, twice that of
    σ_y = τ. ``integrator`` is what turns x₀ into the next state, by default ``Renoise(1)``, as published.

    ``draw`` says how x₀ is drawn. "exact": x₀ = x′ + r² Aᴴ(Σ_y + r² A Aᴴ)⁻¹(y + n − A x′), with x′ ~ N(x̂₀, r²I) and
    n ~ N(0, Σ_y), the operator replaced by its tangent at x̂₀ where it is nonlinear. "langevin", as published:
    x ← x + h ∇ log p(x | y, x̂₀) + (2h)^½ z from x̂₀, with a step of h = ``rate``/(‖Σ_y^−½ A‖² + 1/r²), the norm found
    by power iterations; the authors have h = 1e-4 at first and 1e-6 at last, for all problems. "auto": the first where
    A is linear, else the second. Σ_y is that of data A x̂₀, so that counts are Gaussian here.

    Parameters
    ----------
    gamma
        γ > 0.
    flow, flow_steps
        The inner integrator, DDIM() for Euler's rule, and its steps.
    flow_end
        Least level of the inner steps but for 0, in units of the images.
    form, draw
        See above.
    langevin_steps, rate
        Number of Langevin steps, at most 2048, and their length, in (0, 1].

    Source: Zhang, Chu, Berner, Meng, Anandkumar and Song, Improving diffusion inverse problem solving with decoupled
    noise annealing, CVPR 2025, Algorithm 1.
    """

    names = ("daps",)
    kind: ClassVar[BiasClass] = "heuristic"

    integrator: Integrator = Renoise(1.0)
    gamma: float = 1.0
    flow: Integrator = DDIM()
    flow_steps: int = 5
    flow_end: float = 0.01
    form: Literal["paper", "code"] = "paper"
    draw: Literal["auto", "exact", "langevin"] = "auto"
    langevin_steps: int = 100
    rate: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"DAPS expects form 'paper' or 'code', got {self.form!r}.")
        if self.draw not in ("auto", "exact", "langevin"):
            raise ValueError(f"DAPS expects draw 'auto', 'exact' or 'langevin', got {self.draw!r}.")
        if not isinstance(self.flow, Integrator):
            raise TypeError(f"DAPS expects an Integrator as flow, got {type(self.flow).__name__}.")
        for name, low, high in (("gamma", 0, inf), ("flow_end", 0, inf), ("rate", 0, 1 + 1e-12)):
            value = getattr(self, name)
            if not low < value < high:
                limit = "" if high == inf else " <= 1"
                raise ValueError(f"DAPS expects 0 < {name}{limit}, got {value!r}.")
        for name in ("flow_steps", "langevin_steps"):
            checked_count(getattr(self, name), "DAPS", name)
        if self.flow_steps > 100 or self.langevin_steps > 2048:
            raise ValueError(
                "DAPS expects flow_steps <= 100 and langevin_steps <= 2048, "
                f"got {self.flow_steps} and {self.langevin_steps}."
            )

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        x0 = self._flow(self.prior(problem), u, level, noise)
        r = self.gamma * level.sigma
        linear = isinstance(problem.operator, LinearOperator)
        if self.draw == "langevin" or (self.draw == "auto" and not linear):
            drawn, records = self._langevin(problem, x0, r, noise)
        else:
            drawn, records = self._exact(problem, x0, r, noise)
        if self.form == "code":
            drawn = torch.where(wide(level.lower, u) > 0, drawn, x0)
        return Guess(drawn, records=records)

    def _flow(self, prior: DiffusionPrior, u: Tensor, level: Level, noise: Noise) -> Tensor:
        """Levels from σ down as :class:`KarrasSchedule` has them, per item; then 0."""
        end = torch.minimum(level.sigma, torch.full_like(level.sigma, max(self.flow_end, prior.sigma_range[0])))
        share = torch.linspace(0, 1, self.flow_steps, dtype=torch.float64)[:, None] if self.flow_steps > 1 else 0
        levels = (level.sigma ** (1 / 7) + share * (end ** (1 / 7) - level.sigma ** (1 / 7))) ** 7
        levels = torch.cat([levels.reshape(-1, len(u)), torch.zeros(1, len(u), dtype=torch.float64)])
        upper, memory = torch.full_like(level.sigma, inf), (torch.zeros_like(u),) * self.flow.memory

        for j in range(self.flow_steps):

            def inner(draw: int, like: Tensor | None = None, j: int = j) -> Tensor:
                return noise(INNER + 16 * j + draw, like)

            here = Level(levels[j], levels[j + 1], upper)
            move = self.flow.step(lambda v, here: prior(v, here.at), u, here, inner, memory)
            u, memory, upper = move.u, move.memory, levels[j]
        return u

    def _exact(self, problem: Problem, x0: Tensor, r: Tensor, noise: Noise) -> tuple[Tensor, tuple[Tensor, ...]]:
        A = tangent(problem.operator, x0)
        around, away = scatter(problem, A.value), wide(r, x0) * noise(16)
        misfit = residual(problem, A.value) + around.root(noise(17, problem.data)) - A.forward(away)
        v, records = self.pulled(problem, A, r.square(), misfit)
        return x0 + away + wide(r.square(), x0) * v, records

    def _langevin(self, problem: Problem, x0: Tensor, r: Tensor, noise: Noise) -> tuple[Tensor, tuple[Tensor, ...]]:
        A, n = tangent(problem.operator, x0), x0.ndim - 1
        around, precision = scatter(problem, A.value), wide(r, x0) ** -2
        v = noise(16)
        for _ in range(8):
            size = item_norm(v, n)
            v = A.adjoint(around.inverse(A.forward(v / per_item(torch.where(size > 0, size, 1), v, n))))
        h = self.rate / (per_item(item_norm(v, n), x0, n) + precision)
        x = x0
        for k in range(self.langevin_steps):
            at = tangent(problem.operator, x)
            slope = at.adjoint(around.inverse(residual(problem, at.value))) + precision * (x0 - x)
            x = x + h * slope + (2 * h) ** 0.5 * noise(LANGEVIN + k)
        zero = torch.zeros_like(item_norm(v, n))
        return x, (zero, zero)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1, flow_steps=3), problem
        for problem in noisy_problems():
            yield cls(steps=30, flow=Heun(), flow_steps=2, form="code", cg_rtol=1e-12), problem
        yield cls(steps=3, flow_steps=2, langevin_steps=2), bent_problem()
