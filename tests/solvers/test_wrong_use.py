"""Questions that have no sound answer are refused in a sentence before the first iteration."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from recon.operators import (
    BeerLambertNoise,
    CapabilityError,
    GaussianNoise,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Stack,
    Volume,
)
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import Functional
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import item_sum
from recon.priors import (
    NonNegative,
    Sparsity,
    Term,
    Tikhonov,
    TotalVariation,
    VariationalPrior,
    WaveletSparsity,
)
from recon.solvers import (
    ADMM,
    CGLS,
    FISTA,
    LBFGS,
    LSQR,
    PD3O,
    PDHG,
    CondatVu,
    DouglasRachford,
    Gap,
    GaussNewton,
    LinearisedADMM,
    MaxIter,
    NonlinearCG,
    Problem,
    Reason,
    Result,
    Solver,
    StochasticPDHG,
)
from recon.testing import members

CONVEX_ONLY = [PDHG, ADMM, FISTA, CondatVu, PD3O, LinearisedADMM, DouglasRachford, StochasticPDHG]


class Roots(Functional):
    """Σ √|x|: not convex."""

    capabilities = frozenset({"prox"})
    convex = False

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return item_sum(x.abs().sqrt(), self.ndim)

    def prox(self, x: torch.Tensor, tau: float | torch.Tensor) -> torch.Tensor:
        return x


class NoProx(Functional):
    """Σ x⁴, its prox not implemented."""

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return item_sum(x**4, self.ndim)


class Prior(VariationalPrior):
    """A prior of one functional."""

    def __init__(self, kind: type[Functional]) -> None:
        super().__init__()
        self.kind = kind

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(self.kind(shape)),)


def _problem(prior: VariationalPrior, solver: type[Solver]) -> Problem:
    A = Diagonal(torch.ones(4, 4))
    if solver is StochasticPDHG:
        return Problem(Stack(A, 2 * A), torch.ones(32), GaussianNoise(0.1), prior)
    return Problem(A, torch.ones(4, 4), GaussianNoise(0.1), prior)


@pytest.mark.parametrize("solver", CONVEX_ONLY, ids=lambda cls: cls.__name__)
def test_terms_that_are_not_convex(solver: type[Solver]) -> None:
    with pytest.raises(
        CapabilityError, match=f"{solver.__name__} needs convex terms; Roots is not convex: use Proximal"
    ):
        solver(stop=MaxIter(2)).solve(_problem(Prior(Roots), solver))


@pytest.mark.parametrize("solver", CONVEX_ONLY, ids=lambda cls: cls.__name__)
def test_terms_without_a_prox(solver: type[Solver]) -> None:
    with pytest.raises(CapabilityError, match=rf"{solver.__name__} needs the prox .*of every term; NoProx has none"):
        solver(stop=MaxIter(2)).solve(_problem(Prior(NoProx), solver))


@pytest.mark.parametrize("penalty", ["scad", "mcp", "l0"])
def test_penalties_that_are_not_convex(penalty: str) -> None:
    prior = Sparsity(0.3, penalty)  # type: ignore[arg-type]
    for solver in (PDHG(), FISTA(), ADMM(), PD3O()):
        with pytest.raises(CapabilityError, match="is not convex: use ProximalGradient, GhadimiLan or IRLS"):
            solver.solve(_problem(prior, PDHG))


@pytest.mark.parametrize("solver", [LBFGS, NonlinearCG])
def test_kinks_and_gradients(solver: type[Solver]) -> None:
    with pytest.raises(CapabilityError, match=rf"{solver.__name__} .*; GroupL1 of TotalVariation has no"):
        solver().solve(_problem(TotalVariation(), solver))


@pytest.mark.parametrize(("solver", "words"), [(CGLS, "uses no prior"), (LSQR, "and no other")])
def test_priors_where_none_is_used(solver: type[Solver], words: str) -> None:
    with pytest.raises((CapabilityError, TypeError), match=rf"{solver.__name__} .*{words}, got TotalVariation"):
        solver().solve(_problem(TotalVariation(), solver))


def test_steps_that_are_too_large() -> None:
    with pytest.raises(ValueError, match=r"tau = 2 and sigma = 3 are too large: tau·sigma·‖K‖² is \d.*at most 1"):
        PDHG(steps="constant", tau=2, sigma=3).solve(_problem(TotalVariation(), PDHG))


class Understated(LinearOperator):
    """x ↦ 2x, said to have norm 1."""

    def __init__(self) -> None:
        super().__init__((4, 4), (4, 4))

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x

    def apply_adjoint(self, y: torch.Tensor) -> torch.Tensor:
        return 2 * y

    def known_norm(self) -> float:
        return 1.0


@pytest.mark.parametrize("solver", [PDHG, ADMM, FISTA, CondatVu, PD3O, LinearisedADMM], ids=lambda cls: cls.__name__)
def test_a_norm_that_is_too_small(solver: type[Solver]) -> None:
    with pytest.raises(ValueError, match="declares the norm 1, but ‖Ax‖/‖x‖ reaches 2"):
        solver().solve(Problem(Understated(), torch.ones(4, 4), prior=TotalVariation()))


def test_complex_numbers_where_real_ones_are_needed() -> None:
    A, y = Diagonal(torch.ones(3)), torch.ones(3, dtype=torch.complex64)
    for noise in (PoissonNoise(), BeerLambertNoise(9.0)):
        with pytest.raises(TypeError, match="expects a real tensor, got complex64"):
            Problem(A, y, noise)
    for prior in (NonNegative(), TotalVariation() + NonNegative()):
        with pytest.raises(TypeError, match="NonNegative needs real images; those of Diagonal are complex here"):
            PDHG().solve(Problem(A, y, prior=prior))
    with pytest.raises(TypeError, match=r"images of this problem are torch\.float32, got a complex initial image"):
        PDHG().solve(Problem(A, y.real, prior=TotalVariation()), y)


def test_shapes_that_do_not_fit() -> None:
    A, y = Diagonal(torch.ones(4, 4)), torch.ones(2, 4, 4)
    with pytest.raises(ValueError, match=r"Diagonal expects a tensor of shape \(..., 4, 4\), got \(4, 5\)"):
        Problem(A, torch.ones(4, 5))
    with pytest.raises(ValueError, match=r"Diagonal expects a tensor of shape \(..., 4, 4\), got \(5, 5\)"):
        GaussNewton().solve(Problem(A, y), torch.ones(5, 5))
    with pytest.raises(ValueError, match=r"GaussianNoise has sigma of shape \(3,\) for a batch of shape \(2,\)"):
        Problem(A, y, GaussianNoise(torch.ones(3)))
    with pytest.raises(ValueError, match=r"TotalVariation has lam of shape \(3,\) for a batch of shape \(2,\)"):
        Problem(A, y, prior=TotalVariation().with_lam(torch.ones(3)))
    with pytest.raises(ValueError, match=r"TotalVariation got weights of shape \(3, 3\) for images of shape \(4, 4\)"):
        PDHG().solve(Problem(A, y, prior=TotalVariation(weights=torch.ones(3, 3))))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_none(bad: float) -> None:
    A, y = Diagonal(torch.ones(3)), torch.tensor([1.0, bad, 2.0])
    with pytest.raises(ValueError, match="Problem expects finite data, got NaN or infinity"):
        Problem(A, y)
    with pytest.raises(ValueError, match="the initial image must be finite, got NaN or infinity"):
        PDHG().solve(Problem(A, torch.ones(3)), y)


@pytest.mark.parametrize("cls", members(Solver), ids=lambda cls: cls.__name__)
def test_an_operator_that_is_zero(cls: type[Solver]) -> None:
    """It is refused by name, or what the prior alone prefers comes out."""
    linear = ((s, p, p.operator) for s, p in cls.examples() if isinstance(p.operator, LinearOperator))
    solver, problem, A = next(linear, (None, None, None))
    if solver is None:
        pytest.skip(f"{cls.__name__} gives no example with a linear operator")
    try:
        result: Result = solver.solve(replace(problem, operator=0 * A, noise=problem.noise))
    except CapabilityError as error:
        assert solver.name in str(error) or "Scaled" in str(error)  # noqa: PT017
        return
    assert bool(torch.isfinite(result.image.abs()).all())
    assert Reason.DIVERGED not in result.reasons


def test_a_gap_of_a_problem_that_is_not_convex() -> None:
    with pytest.raises(CapabilityError, match="needs a duality gap, which only convex problems have"):
        PDHG(stop=MaxIter(2) | Gap(1e-3)).solve(_problem(Prior(Roots), PDHG))


@pytest.mark.parametrize("prior", [TotalVariation, Tikhonov, WaveletSparsity])
@pytest.mark.parametrize("lam", [-1.0, 0.0, float("inf"), float("nan")])
def test_weights_that_are_not_positive(prior: type[VariationalPrior], lam: float) -> None:
    with pytest.raises(ValueError, match=rf"{prior.__name__} expects .*positive.*lam"):
        prior(lam)
    with pytest.raises(ValueError, match="positive number"):
        _ = lam * prior(1.0)


def test_poisson_data_below_zero() -> None:
    with pytest.raises(ValueError, match="PoissonKL expects nonnegative data, got negative values"):
        Problem(Diagonal(torch.ones(3)), torch.tensor([1.0, -0.1, 2.0]), PoissonNoise(), NonNegative())
    A = RayTransform(Volume((4, 4)), ParallelBeam([0.0, 1.0], 5))
    with pytest.raises(ValueError, match="nonnegative"):
        Problem(A, torch.full(A.range_shape, -1.0), PoissonNoise(), NonNegative())
