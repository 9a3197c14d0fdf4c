"""The solver that is picked, why, and that it solves the problem."""

from __future__ import annotations

from math import pi

import pytest
import torch

from recon.operators import (
    BeerLambertNoise,
    Blur,
    CapabilityError,
    GaussianNoise,
    Gradient,
    Mask,
    NoiseModel,
    Operator,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Volume,
)
from recon.operators.functionals import GroupL1
from recon.priors import (
    DenoiserPrior,
    GaussianPrior,
    NonNegative,
    Prior,
    Tikhonov,
    TotalVariation,
    WaveletSparsity,
)
from recon.solvers import (
    PDHG,
    Auto,
    Gap,
    MaxIter,
    Problem,
    Reason,
    RelChange,
    Residuals,
    choose,
    iterate,
    solve,
)
from recon.solvers.auto import PROVEN
from recon.solvers.direct.direct import Direct

from .known_optima import tv_deblurring, tv_denoising, wavelet_inpainting

SHAPE = (8, 8)
PSF = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
PERIODIC = Blur(PSF, SHAPE, boundary="circular")
MIRRORED = Blur(PSF, SHAPE, boundary="reflect")
RAYS = RayTransform(Volume(SHAPE), ParallelBeam([pi * a / 9 for a in range(9)], 13))
JOSEPH = RayTransform(RAYS.volume, RAYS.geometry, "joseph")


class Squares(Operator):
    """x ↦ x², elementwise."""

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return x.square()


def _shrink(x: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    return x / 1.2


def _problem(A: Operator, prior: Prior | None = None, noise: NoiseModel | None = None) -> Problem:
    x = 1 + torch.rand((2, *A.domain_shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = A(x).clamp(min=0)
    y = y.round() if isinstance(noise, BeerLambertNoise) else y
    return Problem(A, y, GaussianNoise(0.1) if noise is None else noise, prior)


CASES = {
    "a scan without prior": (_problem(RAYS), "FBP", "filtered backprojection"),
    "a mask without prior": (
        _problem(Mask((torch.arange(64).reshape(SHAPE) % 3 > 0).double())),
        "PseudoInverse",
        "stable",
    ),
    "a blur without prior": (_problem(MIRRORED), "CGLS", "early stop"),
    "Tikhonov, closed form": (_problem(PERIODIC, Tikhonov(0.3)), "TikhonovInverse", "closed form"),
    "Tikhonov of a gradient": (_problem(PERIODIC, Tikhonov(0.3, Gradient(SHAPE))), "LBFGS", "differentiable"),
    "wavelets": (_problem(MIRRORED, WaveletSparsity(0.3, level=1)), "FISTA", "prox in closed form"),
    "wavelets and bounds, closed form": (
        _problem(PERIODIC, WaveletSparsity(0.3, level=1) + NonNegative()),
        "ADMM",
        "closed",
    ),
    "total variation and blur": (_problem(MIRRORED, TotalVariation(0.3)), "ADMM", "nearly convolutions"),
    "total variation and rays": (_problem(RAYS, TotalVariation(0.3)), "PDHG", "convex"),
    "Poisson counts": (_problem(MIRRORED, TotalVariation(0.3), PoissonNoise(0.1)), "PDHG", "convex"),
    "Poisson counts without prior": (_problem(JOSEPH, noise=PoissonNoise(0.1)), "MLEM", "early stop"),
    "Poisson counts, sheared rays": (_problem(RAYS, noise=PoissonNoise(0.1)), "FBP", "filtered backprojection"),
    "Poisson counts, negative entries": (_problem(Gradient(SHAPE), noise=PoissonNoise(0.1)), "PDHG", "convex"),
    "counts behind an absorber": (_problem(RAYS, noise=BeerLambertNoise(9.0)), "SPS", "early stop"),
    "counts behind an absorber, TV": (_problem(RAYS, TotalVariation(), BeerLambertNoise(9.0)), "PDHG", "convex"),
    "counts behind an absorber, scatter": (
        _problem(RAYS, TotalVariation(), BeerLambertNoise(9.0, 1.0)),
        "ProximalGradient",
        "not convex",
    ),
    "a denoiser, closed form": (_problem(PERIODIC, DenoiserPrior(_shrink, sigma=0.1)), "PnPADMM", "denoiser"),
    "a denoiser": (_problem(MIRRORED, DenoiserPrior(_shrink, sigma=0.1)), "PnPPGD", "denoiser"),
    "a nonlinear operator": (_problem(Squares(SHAPE, SHAPE), Tikhonov(0.1)), "LBFGS", "nonlinear"),
    "a nonlinear operator and wavelets": (
        _problem(Squares(SHAPE, SHAPE), WaveletSparsity(0.1, level=1)),
        "GaussNewton",
        "nonl",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_picks_and_says_why(name: str) -> None:
    problem, solver, why = CASES[name]
    chosen = choose(problem)
    assert type(chosen.solver).__name__ == solver
    assert chosen.why.startswith(f"{solver}: ")
    assert why in chosen.why
    assert chosen.why.endswith(".")
    chosen.solver.require(problem.flatten().lifted)


@pytest.mark.parametrize("known", [tv_deblurring, tv_denoising, wavelet_inpainting])
def test_answers_are_proven_by_default(known) -> None:  # type: ignore[no-untyped-def]
    problem, optimum = known().problem, known().optimum
    answer = solve(problem)
    assert answer.reason is Reason.CONVERGED
    assert float(problem.objective(answer.image)) <= optimum * (1 + 1.01e-4)
    assert answer.solver.name in answer.why
    assert f"solver={answer.solver.name}" in repr(answer)


def test_rules_are_handed_on_or_refused() -> None:
    problem = tv_deblurring().problem
    answer = solve(problem, stop=MaxIter(7))
    assert answer.iterations.tolist() == 7
    assert answer.solver == PDHG(stop=MaxIter(7))
    assert isinstance(Auto().choice(CASES["a mask without prior"][0]).solver, Direct)
    nonlinear = CASES["a nonlinear operator"][0]
    assert Auto().choice(nonlinear).solver.stop == MaxIter(1000) | RelChange(1e-6)
    assert Auto().choice(problem).solver.stop == PROVEN
    shorter = Auto(stop=MaxIter(20) | Gap(1e-4))  # a job that says max_iter: 20 and leaves the gap as it is
    assert shorter.choice(nonlinear).solver.stop == MaxIter(20) | RelChange(1e-6)
    assert shorter.choice(problem).solver.stop == shorter.stop
    assert shorter.choice(CASES["a denoiser"][0]).solver.stop == MaxIter(20)
    denoised = CASES["a denoiser"][0]
    with pytest.raises(ValueError, match="PnPPGD does not measure dual_residual, primal_residual"):
        solve(denoised, stop=Residuals(1e-3))
    with pytest.raises(CapabilityError, match="which only convex problems have"):
        solve(nonlinear, stop=MaxIter(5) | Gap(1e-3))


def test_running_auto_is_running_what_it_picks() -> None:
    problem = tv_deblurring().problem
    auto, own = Auto(stop=MaxIter(12)), PDHG(stop=MaxIter(12))
    assert torch.equal(iterate(auto, problem).image, own.solve(problem).image)
    flat = problem.flatten()
    state = auto.step(flat, auto.init(flat))
    assert torch.equal(auto.image(state), own.image(own.step(flat, own.init(flat))))


def test_says_what_it_has_no_solver_for() -> None:
    with pytest.raises(CapabilityError, match="GaussianPrior is a prior to draw samples with: name a sampler, such as"):
        solve(_problem(MIRRORED, GaussianPrior()))

    class Rough(GroupL1):
        capabilities = frozenset({"conjugate"})

    problem = _problem(MIRRORED)
    data = problem.data
    rough = Problem(Gradient(SHAPE), Gradient(SHAPE)(data), prior=NonNegative(), fidelity=Rough((2, *SHAPE)))
    with pytest.raises(CapabilityError, match=r"no solver fits this problem; the last that was tried says: PD3O"):
        solve(rough)
