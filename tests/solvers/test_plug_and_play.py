"""Plug-and-play with a linear denoiser D(x) = W x against fixed points in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, GaussianNoise, LinearOperator, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import DenoiserPrior
from recon.solvers import (
    FISTA,
    RED,
    Gap,
    MaxIter,
    PnPADMM,
    PnPDRS,
    PnPFISTA,
    PnPHQS,
    PnPPDHG,
    PnPPGD,
    Problem,
    Reason,
    RelChange,
)

N, M, SIGMA, STRENGTH = 6, 5, 0.3, 0.4
generator = torch.Generator().manual_seed(7)
MATRIX = torch.randn((M, N), generator=generator, dtype=torch.float64)
BASIS = torch.linalg.qr(torch.randn((N, N), generator=generator, dtype=torch.float64))[0]
SMOOTH = BASIS @ torch.diag(torch.linspace(0.2, 0.95, N, dtype=torch.float64)) @ BASIS.T
DATA = torch.randn((3, M), generator=generator, dtype=torch.float64)
EYE = torch.eye(N, dtype=torch.float64)


def forward(x: Tensor) -> Tensor:
    return x @ MATRIX.T.to(x)


def adjoint(y: Tensor) -> Tensor:
    return y @ MATRIX.to(y)


def denoise(x: Tensor, sigma: float | Tensor) -> Tensor:
    return x @ SMOOTH.T


@pytest.fixture
def problem() -> Problem:
    A = LinearOperator.from_functions(forward, adjoint, (N,), (M,))
    return Problem(A, DATA, GaussianNoise(SIGMA), DenoiserPrior(denoise, sigma=STRENGTH))


def test_pgd_fixed_point(problem: Problem) -> None:
    solver = PnPPGD(stop=MaxIter(20000) | RelChange(1e-14))
    result = solver.solve(problem)
    tau = solver.init(problem.flatten()).tau[0]
    gram = MATRIX.T @ MATRIX / SIGMA**2
    expected = torch.linalg.solve(EYE - SMOOTH + tau * SMOOTH @ gram, (tau * DATA @ MATRIX / SIGMA**2 @ SMOOTH.T).T).T
    torch.testing.assert_close(result.image, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lam", [0.23, 2.0])
def test_hqs_fixed_point(problem: Problem, lam: float) -> None:
    """z = W (AᴴA/σ² + μ)⁻¹(Aᴴy/σ² + μ z)."""
    result = PnPHQS(stop=MaxIter(5000) | RelChange(1e-14), lam=lam, inner_tol=1e-10).solve(problem)
    mu = lam / STRENGTH**2
    inverse = torch.linalg.inv(MATRIX.T @ MATRIX / SIGMA**2 + mu * EYE)
    rhs = SMOOTH @ inverse @ MATRIX.T @ DATA.T / SIGMA**2
    expected = torch.linalg.solve(EYE - mu * SMOOTH @ inverse, rhs).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("lam", [0.23, 2.0])
def test_admm_fixed_point_is_the_map_estimate(problem: Problem, lam: float) -> None:
    """W = (I + Q/μ)⁻¹ is the prox of ½xᵀQx, so the limit minimises ‖Ax − y‖²/2σ² + ½xᵀQx."""
    result = PnPADMM(stop=MaxIter(5000) | RelChange(1e-14), lam=lam, inner_tol=1e-8).solve(problem)
    mu = lam / STRENGTH**2
    Q = mu * (torch.linalg.inv(SMOOTH) - EYE)
    expected = torch.linalg.solve(MATRIX.T @ MATRIX / SIGMA**2 + Q, MATRIX.T @ DATA.T / SIGMA**2).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)


def fixed_point(mu: float) -> Tensor:
    """x = W(x − Aᴴ(Ax − y)/(σ²μ))."""
    gram, back = MATRIX.T @ MATRIX / SIGMA**2 / mu, DATA @ MATRIX / SIGMA**2 / mu
    return torch.linalg.solve(EYE - SMOOTH + SMOOTH @ gram, SMOOTH @ back.T).T


@pytest.mark.parametrize("restart", [True, False])
def test_fista_fixed_point_is_that_of_pgd(problem: Problem, restart: bool) -> None:
    solver = PnPFISTA(stop=MaxIter(20000) | RelChange(1e-14), restart=restart)
    result = solver.solve(problem)
    expected = fixed_point(1 / float(solver.init(problem.flatten()).tau[0]))
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)
    if restart:
        assert int(result.iterations.max()) < int(PnPPGD(stop=solver.stop).solve(problem).iterations.max())


@pytest.mark.parametrize("lam", [0.23, 2.0])
@pytest.mark.parametrize("relaxation", [0.6, 1.0])
def test_drs_fixed_point(problem: Problem, lam: float, relaxation: float) -> None:
    solver = PnPDRS(stop=MaxIter(5000) | RelChange(1e-14), lam=lam, relaxation=relaxation, inner_tol=1e-8)
    result = solver.solve(problem)
    torch.testing.assert_close(result.image, fixed_point(lam / STRENGTH**2), rtol=1e-8, atol=1e-8)
    assert float(result.last("primal_residual").max()) < 1e-9


@pytest.mark.parametrize("lam", [0.23, 2.0])
def test_primal_dual_fixed_point(problem: Problem, lam: float) -> None:
    result = PnPPDHG(stop=MaxIter(20000) | RelChange(1e-14), lam=lam).solve(problem)
    torch.testing.assert_close(result.image, fixed_point(lam / STRENGTH**2), rtol=1e-8, atol=1e-8)


def test_primal_dual_with_a_prox_for_denoiser_solves_poisson_problems() -> None:
    """D(v, σ) = prox of σ²‖·‖₁/5, so the limit minimises the Poisson likelihood plus ‖x‖₁/5."""
    from recon.operators.functionals import L1
    from recon.priors.prior import Term, VariationalPrior

    class Sparse(VariationalPrior):
        def unit_terms(self, shape: tuple[int, ...]) -> tuple[Term, ...]:
            return (Term(L1(shape, torch.tensor(0.2, dtype=torch.float64))),)

    weights = torch.linspace(0.5, 1.5, 8, dtype=torch.float64)
    counts = torch.tensor([[3.0, 1.0, 7.0, 2.0, 1.0, 9.0, 4.0, 2.0]], dtype=torch.float64)
    noise = PoissonNoise(background=1.5)
    soft = DenoiserPrior(lambda v, s: v.sign() * (v.abs() - 0.2 * s**2).clamp(min=0), sigma=0.9)
    found = PnPPDHG(stop=MaxIter(20000) | RelChange(1e-14)).solve(Problem(Diagonal(weights), counts, noise, soft))
    best = FISTA(stop=MaxIter(5000) | Gap(1e-12)).solve(Problem(Diagonal(weights), counts, noise, Sparse()))
    torch.testing.assert_close(found.image, best.image, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lam", [0.23, 2.0])
@pytest.mark.parametrize(
    ("method", "denoisings"), [("gradient", 1), ("fixed-point", 1), ("apg", 1), ("admm", 1), ("admm", 4)]
)
def test_red_solves_its_equation(problem: Problem, lam: float, method: str, denoisings: int) -> None:
    """(AᴴA/σ² + μ(I − W))x = Aᴴy/σ², in closed form."""
    mu = lam / STRENGTH**2
    solver = RED(
        stop=MaxIter(30000) | RelChange(1e-14),
        lam=lam,
        method=method,  # type: ignore[arg-type]
        denoisings=denoisings,
        inner_tol=1e-8,
    )
    result = solver.solve(problem)
    expected = torch.linalg.solve(MATRIX.T @ MATRIX / SIGMA**2 + mu * (EYE - SMOOTH), MATRIX.T @ DATA.T / SIGMA**2).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)
    assert float(result.last("dual_residual").max()) < 1e-9


def test_averaging_changes_the_loop_to_that_of_the_averaged_denoiser(problem: Problem) -> None:
    result = RED(stop=MaxIter(30000) | RelChange(1e-14), averaging=0.6, inner_tol=1e-8).solve(problem)
    mu = 0.6 / STRENGTH**2
    expected = torch.linalg.solve(MATRIX.T @ MATRIX / SIGMA**2 + mu * (EYE - SMOOTH), MATRIX.T @ DATA.T / SIGMA**2).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)


def test_averaging_makes_a_reflection_converge() -> None:
    """D = −I is nonexpansive, and gradient steps with it oscillate; (I + D)/2 = 0 does not."""
    flip = DenoiserPrior(lambda v, s: -v, sigma=1.0)
    asked = Problem(Diagonal(torch.zeros(3).double()), torch.ones(3).double(), GaussianNoise(1.0), flip)
    start = torch.ones(3, dtype=torch.float64)
    swinging = PnPPGD(stop=MaxIter(11)).solve(asked, start)
    torch.testing.assert_close(swinging.image, -start)
    calm = PnPPGD(stop=MaxIter(11), averaging=0.5).solve(asked, start)
    torch.testing.assert_close(calm.image, 0 * start)


@pytest.mark.parametrize("cls", [PnPPGD, PnPHQS, PnPADMM, PnPFISTA, PnPDRS, PnPPDHG, RED])
def test_probes_find_the_norm_of_a_linear_denoiser(problem: Problem, cls: type) -> None:
    result = cls(stop=MaxIter(2), probes=60).solve(problem)
    torch.testing.assert_close(result.last("lipschitz"), torch.full((3,), 0.95).double(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("cls", [PnPPGD, PnPHQS, PnPADMM, PnPFISTA, PnPDRS, PnPPDHG, RED])
def test_growing_steps_are_divergence_long_before_overflow(cls: type) -> None:
    """An expansive denoiser with norm 1.5: the steps grow a hundredfold, and the item stops there."""
    prior = DenoiserPrior(lambda v, s: 1.5 * v, sigma=1.0)
    asked = Problem(
        Diagonal(torch.tensor([1.0, 1e-3, 1e-3, 1e-3]).double()), torch.ones(2, 4).double(), GaussianNoise(1.0), prior
    )
    result = cls(stop=MaxIter(400)).solve(asked)
    assert result.reasons == (Reason.DIVERGED, Reason.DIVERGED)
    assert float(result.image.abs().max()) < 1e8
    assert int(result.iterations.max()) < 60


def test_momentum_saves_red_iterations(problem: Problem) -> None:
    rule = MaxIter(5000) | RelChange(1e-10)
    slow, fast = (RED(stop=rule, method=m, lam=20.0, inner_tol=1e-6, check_every=1) for m in ("fixed-point", "apg"))
    assert int(fast.solve(problem).iterations.max()) < 0.7 * int(slow.solve(problem).iterations.max())


def test_hqs_anneals_geometrically(problem: Problem) -> None:
    solver = PnPHQS(sigma=0.1, sigma_start=1.6, steps=5)
    levels = [solver.level(problem, k) for k in range(7)]
    assert levels == pytest.approx([1.6, 0.8, 0.4, 0.2, 0.1, 0.1, 0.1])


def test_an_expansive_denoiser_is_reported_as_diverged_and_its_neighbours_are_not_touched() -> None:
    def expansive(x: Tensor, sigma: float | Tensor) -> Tensor:
        return torch.where(x.abs().amax(-1, keepdim=True) > 5, 3 * x, 0.5 * x)

    A = Diagonal(torch.ones(4, dtype=torch.float64))
    data = torch.tensor([[1.0, 2, 1, 0], [9.0, 9, 9, 9], [0.5, 1, 1, 2]], dtype=torch.float64)
    prior = DenoiserPrior(expansive, sigma=1.0)
    solver = PnPPGD(stop=MaxIter(300), step_size=0.1)
    result = solver.solve(Problem(A, data, GaussianNoise(1.0), prior))
    assert result.reasons == (Reason.MAX_ITER, Reason.DIVERGED, Reason.MAX_ITER)
    assert bool(torch.isfinite(result.image).all())
    assert int(result.iterations[1]) < 300
    for item in (0, 2):
        alone = solver.solve(Problem(A, data[item], GaussianNoise(1.0), prior))
        torch.testing.assert_close(result.image[item], alone.image, rtol=0, atol=0)


def test_refuses_other_noise_by_name() -> None:
    problem = Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(), DenoiserPrior(denoise))
    with pytest.raises(CapabilityError, match="PnPHQS needs a quadratic data term"):
        PnPHQS().solve(problem)
    with pytest.raises(CapabilityError, match="PnPPGD needs a data term with a Lipschitz gradient"):
        PnPPGD().solve(problem)
    with pytest.raises(CapabilityError, match="PnPDRS needs a quadratic data term"):
        PnPDRS().solve(problem)
    with pytest.raises(CapabilityError, match="RED by gradients needs a data term with a Lipschitz gradient"):
        RED(method="gradient").solve(problem)
    with pytest.raises(ValueError, match="method among gradient, fixed-point, apg, admm, got 'magic'"):
        RED(method="magic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"averaging in \(0, 1\], got 0"):
        PnPPGD(averaging=0)
