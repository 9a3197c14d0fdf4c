"""What discretised Langevin diffusions share: the drift, and the curvature that bounds their steps."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import inf, isfinite

from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import per_item
from recon.solvers.problem import Problem
from recon.solvers.sampling.chains.chain import Chain
from recon.solvers.sampling.curvature import data_curvature, require_curvature
from recon.solvers.sampling.sampler import SamplerState


@dataclass(frozen=True, kw_only=True)
class Langevin(Chain):
    """Discretised dx = ∇ log p(y | x) dt + ∇ log p_σ(x) dt + √2 dw with ∇ log p_σ(x) = (D(x, σ) − x)/σ².

    In continuous time its law is p_σ(x) p(y | x), with p_σ the prior convolved with N(0, σ²I). The curvature of its
    potential is at most

        L = ‖A‖²/λ_min(Σ_y) + 1/σ²,

    the second part because (I − J)/σ² ≤ I/σ² for the exact D, whose J = Cov[x₀ | u]/σ² is positive; nothing of the
    kind is known of networks. Steps are a share of the largest for which the discretised chain is stable.

    Parameters
    ----------
    steps
        Steps of the chain.
    sigma
        σ of p_σ, in units of the images, within the range of the prior: small compared with what the posterior
        resolves, since steps shrink with σ².
    step_size
        The step δ over the largest stable one, in (0, 1).
    lipschitz
        ‖A‖²/λ_min(Σ_y), where it is better known; needed for nonlinear operators and noise that is not Gaussian: the
        largest curvature of −log p(y | x).
    bounds
        (low, high): images outside are drawn back by (Π(x) − x)/λ with the projection Π and λ = 1/(2L), which adds 2L
        to the curvature. It makes chains stable in the tails, where networks are no denoisers; well beyond the range
        of the images, such as (−1, 2) for [0, 1], it hardly changes the law.
    """

    steps: int = 2000
    sigma: float = 0.02
    step_size: float = 0.25
    lipschitz: float | None = None
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.sigma < inf:
            raise ValueError(f"{self.name} expects sigma > 0, got {self.sigma!r}.")
        if not 0 < self.step_size < 1:
            raise ValueError(f"{self.name} expects 0 < step_size < 1, got {self.step_size!r}.")
        if self.lipschitz is not None and not 0 < self.lipschitz < inf:
            raise ValueError(f"{self.name} expects lipschitz > 0, got {self.lipschitz!r}.")
        if self.bounds is not None:
            object.__setattr__(self, "bounds", tuple(float(v) for v in self.bounds))
            ends = self.bounds
            if len(ends) != 2 or not all(isfinite(v) for v in ends) or not ends[0] < ends[1]:
                raise ValueError(f"{self.name} expects bounds = (low, high) with low < high, got {self.bounds!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        self.prior(problem).check_sigma(self.sigma)
        require_curvature(problem, self.lipschitz, self.name)
        if self.bounds is not None and problem.dtype.is_complex:
            raise CapabilityError(f"{self.name} takes bounds for real images only; those of this problem are complex.")

    @property
    @abstractmethod
    def stable(self) -> float:
        """The largest stable δ times the curvature."""

    @abstractmethod
    def move(self, problem: Problem, x: Tensor, delta: Tensor, z: Tensor) -> Tensor:
        """The next image, with δ that broadcasts against x and white noise z."""

    def curvature(self, problem: Problem) -> Tensor:
        """The bound on the curvature of the whole potential, per item."""
        data = data_curvature(problem, self.lipschitz)
        total = data + 1 / self.sigma**2
        return total if self.bounds is None else 3 * total

    def drift(self, problem: Problem, x: Tensor) -> Tensor:
        """∇ log p(y | x) + ∇ log p_σ(x), and what draws back from outside the bounds."""
        fit = problem.operator.vjp(x, problem.likelihood.grad(problem.operator(x)))
        drift: Tensor = (self.prior(problem)(x, self.sigma) - x) / self.sigma**2 - fit
        if self.bounds is not None:
            weight = per_item(self.curvature(problem) * (2 / 3), x, x.ndim - 1)
            drift = drift + weight * (x.clamp(*self.bounds) - x)
        return drift

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        delta = self.step_size * self.stable / self.curvature(problem)
        whole = per_item(delta, state.u, state.u.ndim - 1)
        assert isinstance(whole, Tensor)
        x = self.move(problem, state.u, whole, self.noise(problem, state)(0))
        return self.advance(state, x, x)
