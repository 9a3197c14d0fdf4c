"""Regularisation by denoising."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.plug_and_play import PlugAndPlay, Watch, denoiser_of, small_problem
from recon.solvers.optimisation.quadratic import data_prox, quadratic
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Method = Literal["gradient", "fixed-point", "apg", "admm"]


class REDState(NamedTuple):
    """x, the copy v (extrapolated by APG) and the multiplier u of ADMM; momentum and figures per item."""

    x: Tensor
    v: Tensor
    u: Tensor
    momentum: Tensor
    scale: Tensor
    inner_residual: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class RED(PlugAndPlay):
    """Find x with Aᴴ∇f(A x) + μ(x − D(x, σ_d)) = 0, μ = lam/σ_d²:

    * ``"gradient"``: x⁺ = x − τ[Aᴴ∇f(A x) + μ(x − D(x))], τ = step_size/(Lip(∇f)‖A‖² + 2μ);
    * ``"fixed-point"``: x⁺ = argmin_x f(A x) + μ/2 ‖x − D(x_k)‖²;
    * ``"apg"``: the same from D(v) with the momentum of FISTA, v⁺ = x⁺ + (t − 1)/t⁺ (x⁺ − x), which restarts (t = 1),
      per item, where Re⟨v − x⁺, x⁺ − x⟩ > 0;
    * ``"admm"``: x⁺ = argmin_x f(A x) + β/2 ‖x − v + u‖², v⁺ = (μD(v) + β(x⁺ + u))/(μ + β) ``denoisings`` times,
      u⁺ = u + x⁺ − v⁺, with β = μ.

    Where D is nonexpansive, the first converges to such an x; where it is a contraction, the second does, and the third
    in fewer iterations where D is a gradient, as linear symmetric ones are. For a
    homogeneous D with a symmetric Jacobian x minimises f(A x) + (μ/2) Re⟨x, x − D(x)⟩; no network is both exactly, and
    then there is no objective, only the equation.

    The measurement ``dual_residual`` is ‖Aᴴ∇f(Ax) + μ(x − D(x))‖/‖Aᴴ∇f(0)‖, which vanishes at solutions.

    Parameters
    ----------
    method
        The loop. All but the first need Gaussian noise, and conjugate gradients where A has no ``solve_normal``.
    lam
        λ > 0, in units of the noise level that D removes.
    step_size
        In (0, 2), of the gradient method.
    denoisings
        Denoisings per iteration of ADMM.
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Sources: Romano, Elad and Milanfar, SIAM J. Imaging Sci. 10 (2017) 1804; Reehorst and Schniter, IEEE Trans. Comput.
    Imaging 5 (2019) 52, for what it solves and for APG (algorithm 6, L = 1).
    """

    names = ("red",)
    measures = frozenset({"change", "data_residual", "inner_residual", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(100)
    method: Method = "fixed-point"
    lam: float = 1.0
    step_size: float = 1.0
    denoisings: int = 1
    inner_tol: float = 0.01
    inner_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in get_args(Method):
            raise ValueError(f"RED expects a method among {', '.join(get_args(Method))}, got {self.method!r}.")
        if not 0 < self.lam < float("inf"):
            raise ValueError(f"RED expects lam > 0, got {self.lam!r}.")
        if not 0 < self.step_size < 2:
            raise ValueError(f"RED expects step_size in (0, 2), got {self.step_size!r}.")
        if isinstance(self.denoisings, bool) or not isinstance(self.denoisings, int) or self.denoisings < 1:
            raise ValueError(f"RED expects denoisings >= 1, got {self.denoisings!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"RED expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        problem.linear  # noqa: B018  (raises for nonlinear operators)
        if self.method != "gradient":
            quadratic(problem, self.name)
        elif problem.likelihood.lipschitz() is None:
            raise CapabilityError(
                f"RED by gradients needs a data term with a Lipschitz gradient; {problem.likelihood.name} has none."
            )

    def init(self, problem: Problem, initial: Tensor | None = None) -> REDState:
        (x, watch), A = self.begin(problem, initial), problem.linear
        zeros = problem.zeros()
        scale = item_norm(A.adjoint(problem.likelihood.grad(A(zeros))), len(problem.shape)).detach()
        zero = torch.zeros_like(scale)
        return REDState(x, x, torch.zeros_like(x), zero + 1, scale, zero, watch)

    def step(self, problem: Problem, state: REDState) -> REDState:
        mu = self.lam / self.strength(problem) ** 2
        beta = torch.full_like(state.scale, mu)
        x, v, u, inner, n = state.x, state.v, state.u, state.inner_residual, len(problem.shape)
        if self.method == "gradient":
            f, A = problem.likelihood, problem.linear
            constant = f.lipschitz()
            assert constant is not None
            tau = self.step_size / (constant * step_norm(A, x) ** 2 + 2 * beta)
            new = x - per_item(tau, x, n) * self.force(problem, x)
        elif self.method != "admm":
            new, inner = data_prox(problem, self.denoise(problem, v), beta, x, self.inner_tol, self.inner_iter)
        else:
            new, inner = data_prox(problem, v - u, beta, x, self.inner_tol, self.inner_iter)
            for _ in range(self.denoisings):
                v = (self.denoise(problem, v) + new + u) / 2
            u = u + new - v
        new, watch = self.watch(new, x, state.watch)
        t = state.momentum
        if self.method == "apg":
            t = torch.where(item_dot(v - new, new - x, n) > 0, 1, t)
            following = (1 + (1 + 4 * t.square()).sqrt()) / 2
            v, t = new + per_item((t - 1) / following, x, n) * (new - x), following
        elif self.method != "admm":
            v = new
        return REDState(new, v, u, t, state.scale, inner.to(beta.dtype), watch)

    def force(self, problem: Problem, x: Tensor) -> Tensor:
        """Aᴴ∇f(Ax) + μ(x − D(x))."""
        A, mu = problem.linear, self.lam / self.strength(problem) ** 2
        return A.adjoint(problem.likelihood.grad(A(x))) + mu * (x - self.denoise(problem, x))

    def measure(self, problem: Problem, state: REDState) -> dict[str, Tensor]:
        n, unit = len(problem.shape), torch.where(state.scale > 0, state.scale, 1)
        size = item_norm(state.x, n)
        return {
            **super().measure(problem, state),
            "primal_residual": item_norm(state.x - state.v, n) / torch.where(size > 0, size, 1),
            "dual_residual": item_norm(self.force(problem, state.x), n) / unit,
            "inner_residual": state.inner_residual,
        }

    def image(self, state: REDState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        for method in get_args(Method):
            yield cls(stop=MaxIter(30), method=method), small_problem()
        yield cls(stop=MaxIter(10), method="admm", denoisings=3, averaging=0.7, probes=2), small_problem()
