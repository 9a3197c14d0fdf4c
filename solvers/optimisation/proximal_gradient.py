"""Proximal gradient descent with Barzilai-Borwein steps and nonmonotone acceptance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError
from recon.operators.noise import PoissonNoise
from recon.operators.tensors import is_number, item_dot, item_norm, per_item
from recon.priors.handcrafted.wavelet_sparsity import WaveletSparsity
from recon.priors.proximal import prox
from recon.solvers.optimisation.certificates import certificate
from recon.solvers.optimisation.smooth import (
    Images,
    choose,
    choose_all,
    composite,
    inside,
    positive,
    rounding,
)
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Steps = Literal["curvature", "secant", "constant"]

FLAT = 0.1
"""Share of the secant's curvature below which that at a point does not count."""


class ProximalGradientState(NamedTuple):
    """x, its images Kᵢ(x), ∇F(x), inner duals; the inverse step α, past objectives and figures per item."""

    x: Tensor
    images: Images
    g: Tensor
    duals: Images
    alpha: Tensor
    window: Tensor
    first: Tensor
    scale: Tensor
    iteration: int
    residual: Tensor
    progress: Tensor
    inner_gap: Tensor
    change: Tensor
    accepted: Tensor


@dataclass(frozen=True, kw_only=True)
class ProximalGradient(Solver):
    """Find a stationary point of F(x) + h(x), with a differentiable F and a prox of h; neither need be convex.

        z = prox_{h/α}(x − ∇F(x)/α),   δ = z − x

    z becomes the next x if P(z) ≤ max of the last ``memory`` objectives − (``decrease``·α/2)‖δ‖²; else x stays for this
    iteration and α grows by the factor ``growth``, or to half the secant's curvature. After an accepted step α is

    * ``"curvature"``: Σᵢ Re⟨DKᵢδ, ∇²fᵢ(Kᵢx) DKᵢδ⟩/‖δ‖². For Poisson data that is ‖√y ⊙ Aδ/(Ax + b)‖²/‖δ‖², the step
      of SPIRAL-TAP, and for Gaussian data the first one of Barzilai and Borwein;
    * ``"secant"``: Re⟨∇F(z) − ∇F(x), δ⟩/‖δ‖², that of Barzilai and Borwein for any F;
    * ``"constant"``: α = Σᵢ Lip(∇fᵢ)‖Kᵢ‖² or 1/``tau``, every step accepted: Landweber's iteration without a prior.

    F is f∘A, with an A that may be nonlinear, and those terms of a prior of several that have a Lipschitz gradient. The
    prox of h is exact if h is one term behind a unitary operator, which need not be convex; otherwise an inner dual
    method computes it to a duality gap of ``inner_tol`` times the lesser of P(x⁰)/k³ at iteration k and α‖δ‖²/2 at the
    last. Where F(0) is infinite, the start is the constant image that fits the data best.

    ``dual_residual`` is α‖δ‖/‖∇F(x⁰)‖ of the last attempt, zero at stationary points; ``primal_residual`` is zero.

    Parameters
    ----------
    steps
        The choice of α.
    tau
        With ``"constant"``, a step of your own, for operators that are nonlinear and have no norm.
    memory
        Number of objectives compared with, at least 1, which is monotone descent.
    decrease, growth
        σ in (0, 1) and η > 1.
    inner_tol, inner_iter
        Accuracy and iteration limit of the inner method.

    Errors: CapabilityError for data terms without gradient, terms without prox or gradient, and constant steps without
    Lipschitz constants; ValueError for a ``tau`` above 2/α.

    Sources: Harmany, Marcia and Willett, IEEE Trans. Image Process. 21 (2012) 1084, for SPIRAL-TAP; Wright, Nowak and
    Figueiredo, IEEE Trans. Signal Process. 57 (2009) 2479, for nonconvex h.
    """

    names = ("proximal_gradient", "spiral_tap", "spiral")
    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    steps: Steps = "curvature"
    tau: float | None = None
    memory: int = 11
    decrease: float = 0.1
    growth: float = 2.0
    inner_tol: float = 0.01
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps not in get_args(Steps):
            raise ValueError(f"ProximalGradient expects steps 'curvature', 'secant' or 'constant', got {self.steps!r}.")
        if self.tau is not None and not (is_number(self.tau) and 0 < self.tau < float("inf")):
            raise ValueError(f"ProximalGradient expects tau > 0, got {self.tau!r}.")
        if self.tau is not None and self.steps != "constant":
            raise ValueError(f"ProximalGradient takes a tau with steps='constant' only, got {self.steps!r}.")
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            raise ValueError(f"ProximalGradient expects memory >= 1, got {self.memory!r}.")
        if not (0 < self.decrease < 1 and 1 < self.growth < float("inf")):
            raise ValueError(
                f"ProximalGradient expects decrease in (0, 1) and growth > 1, got {self.decrease!r}, {self.growth!r}."
            )
        if not 0 < self.inner_tol < float("inf") or self.inner_iter < 1:
            raise ValueError(
                f"ProximalGradient expects inner_tol > 0 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        smooth = composite(problem, self.name).smooth
        if self.steps != "constant":
            return
        constant = smooth.lipschitz(problem.zeros().abs().flatten(1)[:, 0])
        if constant is None and self.tau is None:
            raise CapabilityError(
                f"ProximalGradient with constant steps needs a Lipschitz constant, which {problem.likelihood.name} "
                f"behind {problem.operator.name} has not; use steps='curvature', or give a tau."
            )
        if constant is not None and self.tau is not None and bool((self.tau * constant > 2).any()):
            raise ValueError(
                f"ProximalGradient expects tau <= 2/L = {float(2 / constant.max()):.4g} here, got {self.tau!r}; "
                "leave it out."
            )

    def init(self, problem: Problem, initial: Tensor | None = None) -> ProximalGradientState:
        parts, n = composite(problem, self.name), len(problem.shape)
        smooth = parts.smooth
        x = inside(problem, parts)
        images = smooth.images(x)
        g = smooth.gradient(x, images)
        scale = item_norm(g, n)
        first = problem.likelihood(images[0])
        if initial is not None:
            x, images = initial, smooth.images(initial)
            g = smooth.gradient(x, images)
            scale = torch.maximum(scale, item_norm(g, n))
        if self.tau is not None:
            alpha = torch.full_like(scale, 1 / self.tau)
        elif self.steps == "constant":
            constant = smooth.lipschitz(scale)
            assert constant is not None
            alpha = positive(constant)
        else:
            curvature = smooth.curvature(images, smooth.moves(x, g))
            alpha = torch.where(curvature > 0, curvature / positive(scale.square()), 1)
        value = parts.value(x, images)
        x = choose(torch.isinf(smooth.value(images)), torch.full_like(x, torch.nan), x)  # no point of the domain known
        window = value[:, None].expand(-1, self.memory)
        zero = torch.zeros_like(alpha)
        duals = tuple(torch.zeros_like(z) for z in parts.rest.forward(x))
        unknown = zero + torch.inf
        return ProximalGradientState(
            x, images, g, duals, alpha, window, first, scale, 0, unknown, unknown, zero, unknown, zero
        )

    def step(self, problem: Problem, state: ProximalGradientState) -> ProximalGradientState:
        parts, n, count = composite(problem, self.name), len(problem.shape), state.iteration + 1
        smooth, alpha, x = parts.smooth, state.alpha, state.x
        inner = prox(
            parts.rest,
            x - state.g / per_item(alpha, x, n),
            1 / alpha,
            n,
            state.duals,
            self.inner_tol * torch.minimum(state.first / count**3, state.progress),
            self.inner_iter,
        )
        z, images = inner.x, smooth.images(inner.x)
        delta, value = z - x, parts.value(z, images)
        square = item_dot(delta, delta, n)
        g = smooth.gradient(z, images)
        residual = alpha * square.sqrt() / positive(state.scale)
        size = square.sqrt() / positive(item_norm(z, n))
        accepted, curvature, longest = torch.ones_like(alpha, dtype=torch.bool), torch.zeros_like(alpha), alpha
        if self.steps != "constant":
            worst = state.window.amax(1)
            refused = value > worst - self.decrease / 2 * alpha * square + rounding(worst)
            accepted = ~refused  # NaN is accepted, and noticed
            curvature = bend = item_dot(g - state.g, delta, n).nan_to_num(posinf=0.0)
            if self.steps == "curvature":
                local = smooth.curvature(state.images, smooth.differences(x, delta, state.images, images))
                curvature = torch.where(local < FLAT * bend, bend, local)
            longest = torch.maximum(self.growth * alpha, bend / (2 * positive(square)))
        found = torch.where((curvature > 0) & (square > 0), curvature / positive(square), alpha)
        window = torch.cat([state.window[:, 1:], value[:, None]], 1)
        return ProximalGradientState(
            choose(accepted, z, x),
            choose_all(accepted, images, state.images),
            choose(accepted, g, state.g),
            choose_all(accepted, inner.duals, state.duals),
            torch.where(accepted, found, longest),
            choose(accepted, window, state.window),
            state.first,
            state.scale,
            count,
            residual,
            alpha * square / 2,
            torch.where(accepted, inner.gap, state.inner_gap),
            torch.where(accepted, size, state.change),
            state.accepted + accepted,
        )

    def measure(self, problem: Problem, state: ProximalGradientState) -> dict[str, Tensor]:
        parts = composite(problem, self.name)
        return {
            **certificate(problem, parts, state.x, state.images, state.duals),
            "change": state.change,
            "primal_residual": torch.zeros_like(state.residual),
            "dual_residual": state.residual,
            "alpha": state.alpha,
            "accepted": state.accepted,
            "inner_gap": state.inner_gap,
        }

    def image(self, state: ProximalGradientState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(10), inner_iter=20), problem
        A = Diagonal(torch.linspace(0.3, 1.2, 16, dtype=torch.float64).reshape(4, 4))
        counts = 1 + torch.arange(48, dtype=torch.float64).reshape(3, 4, 4) % 7
        sparse = WaveletSparsity(0.2, "haar", 1)
        yield cls(stop=MaxIter(30)), Problem(A, counts, PoissonNoise(background=0.5), sparse)
        yield cls(stop=MaxIter(30), steps="secant"), Problem(A, counts, PoissonNoise(background=0.5), sparse)
        yield cls(stop=MaxIter(30), steps="constant"), Problem(A, counts, prior=sparse)
        yield cls(stop=MaxIter(30), steps="constant", tau=0.5), Problem(A, counts, prior=sparse)
