"""What the solvers by bidiagonalisation share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators import SARTWeights, sart_weights
from recon.operators.functionals import Functional, SquaredL2
from recon.operators.functionals.scaled import ScaledFunctional
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, per_item
from recon.priors import VariationalPrior
from recon.solvers.linear.least_squares import LeastSquares, relative
from recon.solvers.problem import Problem
from recon.solvers.stopping import MaxIter, Rule

Preconditioner = Literal["none", "sart"]


class Basis(NamedTuple):
    """The last vectors u (of data, and of images where there is damping) and v, with β and α."""

    u: tuple[Tensor, ...]
    v: Tensor
    beta: Tensor
    alpha: Tensor


@dataclass(frozen=True, kw_only=True)
class GolubKahan(LeastSquares):
    """Least squares min ‖B z − b‖ by the bidiagonalisation βu⁺ = Bv − αu, αv⁺ = Bᴴu⁺ − βv.

    B is A, or R^½ A C^½ with SART weights (x = C^½z), with √(λσ²) I below where the prior is (λ/2)‖x‖².
    """

    measures: ClassVar[frozenset[str]] = frozenset({"change", "misfit", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(30)
    check_every: int = 1
    preconditioner: Preconditioner = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.preconditioner not in get_args(Preconditioner):
            raise ValueError(f"{self.name} expects the preconditioner 'none' or 'sart', got {self.preconditioner!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        damping = self.damping(problem)
        if self.preconditioner == "sart":
            if damping is not None:
                raise CapabilityError(f"{self.name} takes no prior with preconditioner='sart'.")
            sart_weights(problem.linear, problem.data)

    def damping(self, problem: Problem) -> Tensor | None:
        """√(λσ²) per item for a prior (λ/2)‖x‖², None without; refuses other priors."""
        if problem.prior is None:
            return None
        total: float | Tensor = 0.0
        for term in problem.terms if isinstance(problem.prior, VariationalPrior) else (None,):
            f, factor = unscaled(None if term is None or term.operator is not None else term.functional)
            if not isinstance(f, SquaredL2) or f.data is not None or f.elements is not None:
                raise CapabilityError(
                    f"{self.name} takes the prior Tikhonov(lam) and no other, got {problem.prior.name}; use FISTA or "
                    "PDHG instead."
                )
            total = total + factor * f.weight
        likelihood = problem.likelihood
        assert isinstance(likelihood, SquaredL2)
        zero = torch.zeros(len(problem.data), dtype=problem.zeros().real.dtype, device=problem.data.device)
        return (total / likelihood.weight + zero).sqrt()

    def weights(self, problem: Problem) -> SARTWeights | None:
        """R and C where they are used."""
        return sart_weights(problem.linear, problem.data) if self.preconditioner == "sart" else None

    def start(self, problem: Problem, initial: Tensor | None) -> tuple[Tensor, Basis]:
        """x⁰ and the first vectors."""
        x = problem.zeros() if initial is None else initial
        r = problem.data if initial is None else problem.data - problem.linear(x)
        weights, damping = self.weights(problem), self.damping(problem)
        u: tuple[Tensor, ...] = (r if weights is None else weights.rows.sqrt() * r,)
        if damping is not None:
            u = (*u, -per_item(damping, x, len(problem.shape)) * x)
        unit, beta = self._unit(problem, u)
        v, _, product = self._image(problem, u, None, beta)
        return x, Basis(unit, v, beta, product / torch.where(beta == 0, 1, beta))

    def advance(self, problem: Problem, basis: Basis) -> Basis:
        """The next vectors."""
        n, m = len(problem.shape), len(problem.operator.range_shape)
        weights, damping, v = self.weights(problem), self.damping(problem), basis.v
        product = (
            problem.linear(v) if weights is None else weights.rows.sqrt() * problem.linear(self.scaled(problem, v))
        )
        u: tuple[Tensor, ...] = (product - per_item(basis.alpha, product, m) * basis.u[0],)
        if damping is not None:
            u = (*u, per_item(damping, v, n) * v - per_item(basis.alpha, v, n) * basis.u[1])
        u, beta = self._unit(problem, u)
        return Basis(u, *self._image(problem, u, v, beta))

    def scaled(self, problem: Problem, z: Tensor) -> Tensor:
        """x = C^½ z."""
        weights = self.weights(problem)
        return z if weights is None else weights.columns.sqrt() * z

    def _unit(self, problem: Problem, u: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        dims = (len(problem.operator.range_shape), len(problem.shape))
        size = torch.stack([item_dot(part, part, n) for part, n in zip(u, dims, strict=False)]).sum(0).sqrt()
        safe = torch.where(size == 0, 1, size)
        return tuple(part / per_item(safe, part, n) for part, n in zip(u, dims, strict=False)), size

    def _image(
        self, problem: Problem, u: tuple[Tensor, ...], v: Tensor | None, beta: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """v⁺, β and α."""
        n, weights, damping = len(problem.shape), self.weights(problem), self.damping(problem)
        if weights is None:
            w = problem.linear.adjoint(u[0])
        else:
            w = self.scaled(problem, problem.linear.adjoint(weights.rows.sqrt() * u[0]))
        if damping is not None:
            w = w + per_item(damping, w, n) * u[1]
        if v is not None:
            w = w - per_item(beta, w, n) * v
        square = item_dot(w, w, n)
        alpha = torch.where(square == 0, 0, torch.where(square == 0, 1, square).sqrt())
        return w / per_item(torch.where(square == 0, 1, alpha), w, n), beta, alpha

    def residuals(
        self, problem: Problem, x: Tensor, carried: Tensor, size: Tensor, of_gradient: bool
    ) -> dict[str, Tensor]:
        """Measurements; ``carried`` is ‖b − Bz‖, or with ``of_gradient`` ‖Bᴴ(b − Bz)‖, as the recursion has it."""
        A, n, weights, damping = problem.linear, len(problem.shape), self.weights(problem), self.damping(problem)
        r = problem.data - A(x)
        u = r if weights is None else weights.rows.sqrt() * r
        g = A.adjoint(r) if weights is None else self.scaled(problem, A.adjoint(weights.rows * r))
        square = item_dot(u, u, u.ndim - 1)
        if damping is not None:
            g = g - per_item(damping.square(), x, n) * x
            square = square + damping.square() * item_dot(x, x, n)
        slope = item_dot(g, g, n).sqrt()
        true = slope if of_gradient else square.sqrt()
        unit = torch.where(size > 0, size, 1)
        first = relative_size(problem, weights)
        return {
            "misfit": relative(r, problem),
            "primal_residual": (true - carried).abs() / (unit if of_gradient else first),
            "dual_residual": slope / unit,
        }

    def gradient_size(self, problem: Problem, basis: Basis, initial: Tensor | None) -> Tensor:
        """‖Bᴴb‖ at the start, or for x = 0 where that is larger."""
        here = basis.alpha * basis.beta
        if initial is None:
            return here
        zero = self.start(problem, None)[1]
        return torch.maximum(here, zero.alpha * zero.beta)


def unscaled(f: Functional | None) -> tuple[Functional | None, float | Tensor]:
    """A functional and the factor it is multiplied by."""
    factor: float | Tensor = 1.0
    while isinstance(f, ScaledFunctional):
        factor, f = factor * f.factor, f.functional
    return f, factor


def relative_size(problem: Problem, weights: SARTWeights | None) -> Tensor:
    """‖y‖, or ‖R^½y‖, per item; 1 where that is zero."""
    y = problem.data if weights is None else weights.rows.sqrt() * problem.data
    size = item_dot(y, y, len(problem.operator.range_shape)).sqrt()
    return torch.where(size > 0, size, 1)


def examples() -> Iterator[tuple[dict[str, Any], Problem]]:
    """Problems for the solvers of this family."""
    from math import pi

    from recon.operators import CartesianMRI, Gradient, ParallelBeam, RayTransform, Volume
    from recon.operators.noise import GaussianNoise
    from recon.priors import Tikhonov

    A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 9 for a in range(9)], 13), model="joseph")
    x = torch.zeros(2, 8, 8, dtype=torch.float64)
    x[0, 2:6, 3:5], x[1, 4, 4] = 1.0, 2.0
    yield {"preconditioner": "sart"}, Problem(A, A(x) + 0.1)
    yield {}, Problem(A, A(x) + 0.1, GaussianNoise(0.5), Tikhonov(0.7))
    yield {}, Problem(Gradient((8, 8)), Gradient((8, 8))(x))
    mask = torch.ones(8, 8)
    mask[::3] = 0
    place = torch.linspace(0.2, 1.4, 2 * 64, dtype=torch.float64).reshape(2, 8, 8)
    maps = place * torch.exp(9j * place)
    F = CartesianMRI(mask, maps)
    yield {}, Problem(F, F((1 + 0.5j) * x))
