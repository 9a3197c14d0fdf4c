"""Every criterion against closed forms and grids, for Tikhonov regularisation with known singular values."""

from __future__ import annotations

from math import log, log10
from typing import Any

import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor

from recon.operators import Blur, Diagonal, GaussianBlur, GaussianNoise, Gradient, LaplaceNoise, Mask, PoissonNoise
from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError
from recon.priors import DenoiserPrior, NonNegative, Tikhonov, TotalVariation, WaveletSparsity
from recon.solvers import (
    FISTA,
    GCV,
    PDHG,
    SURE,
    DiscrepancyPrinciple,
    Evidence,
    Gap,
    LCurve,
    MaxIter,
    Oracle,
    Problem,
    tune,
)
from recon.solvers.tuning.criterion import Criterion
from recon.solvers.tuning.freedom import freedom
from recon.solvers.tuning.trials import Trials
from tests.solvers.tuning.closed_form import EXACT, PROBLEM, SIGMA, ClosedForm, S, X, Y, least, misfit, shrinkage

T = torch.linspace(log(1e-3), log(1e5), 100001, dtype=torch.float64)
FREE = shrinkage(T).sum(1)
M = 40


@pytest.mark.parametrize("factor", [1.0, 0.9])
def test_discrepancy(factor: float) -> None:
    found = tune(PROBLEM, DiscrepancyPrinciple(factor=factor, freedom=False), EXACT, tol=1e-9)
    for lam, y in zip(found.lam, Y, strict=True):
        t = brentq(lambda t, y=y: float(misfit(torch.tensor([t]), y)) - factor**2 * M, -20, 20, xtol=1e-12)
        assert abs(float(lam.log()) - t) < 1e-6
    assert bool(found.met.all())
    assert int(found.evaluations.max()) < 15


@pytest.mark.parametrize(("seed", "loss"), [pytest.param(0, 20.0, marks=pytest.mark.slow), (1, 1.0)])
def test_noise_above_average_is_not_fitted_in_small_images(seed: int, loss: float) -> None:
    """Of the first noise the weight used to run off to 1e-5, and the image to −29 dB; of the second it lost 4.5 dB."""
    draw = torch.Generator().manual_seed(seed)
    truth = torch.zeros(16, 16)
    truth[4:11, 5:12] = 1
    truth = truth + 0.3 * torch.rand(16, 16, generator=draw)
    blur, noise = GaussianBlur(1.0, (16, 16)), GaussianNoise(0.1)
    problem = Problem(blur, noise.sample(blur(truth), draw), noise, TotalVariation())
    image = tune(problem, "discrepancy", PDHG(stop=MaxIter(200))).result.image
    best = {0: 18.79, 1: 18.96}[seed]  # by Oracle(truth=truth)
    assert 10 * log10(1 / float((image - truth).square().mean())) > best - loss


def test_discrepancy_with_degrees_of_freedom() -> None:
    found = tune(PROBLEM, DiscrepancyPrinciple(), EXACT, tol=1e-9)
    for item, (lam, y) in enumerate(zip(found.lam, Y, strict=True)):
        t = lam.log()[None]
        left = M - shrinkage(t).sum()
        assert abs(float(misfit(t, y) - left - (2 * left).sqrt())) < 1e-6, item
    plain = tune(PROBLEM, DiscrepancyPrinciple(freedom=False), EXACT)
    assert bool((found.lam < plain.lam).all())


def test_gcv() -> None:
    found = tune(PROBLEM, GCV(), EXACT, tol=1e-7)
    for lam, y in zip(found.lam, Y, strict=True):
        assert abs(float(lam.log()) - least(misfit(T, y) / (M - FREE).square(), T)) < 1e-6
    assert not torch.equal(found.lam[0], found.lam[1])


def test_sure() -> None:
    found = tune(PROBLEM, SURE(), EXACT, tol=1e-7)
    for lam, y in zip(found.lam, Y, strict=True):
        assert abs(float(lam.log()) - least(misfit(T, y) + 2 * FREE, T)) < 1e-6


def test_sure_is_unbiased() -> None:
    """The mean over noise of SURE is the mean of the error it estimates, within four standard errors."""
    generator = torch.Generator().manual_seed(5)
    data = S * X[:1] + SIGMA * torch.randn(4000, M, generator=generator, dtype=torch.float64)
    problem = Problem(Diagonal(S), data, GaussianNoise(SIGMA), Tikhonov())
    recorded = tune(problem, SURE(), EXACT, start=30.0, max_solves=3).path
    first = recorded["sure"][0]
    wanted = ((S * EXACT.solve(problem_with(problem, 30.0)).image - S * X[:1]) / SIGMA).square().sum(1)
    gap = first - wanted
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / 4000**0.5
    assert float(gap.std()) < 30


def problem_with(problem: Problem, lam: float) -> Problem:
    return Problem(problem.operator, problem.data, problem.noise, Tikhonov(lam))


def test_projected_sure_where_the_operator_loses_part_of_the_image() -> None:
    s = S.clone()
    s[::3] = 0
    y = s * X + (Y - S * X) * (s > 0)
    problem = Problem(Diagonal(s), y, GaussianNoise(SIGMA), Tikhonov())
    found = tune(problem, SURE(projected=True), EXACT, tol=1e-7)
    seen = s > 0
    for lam, row in zip(found.lam, y, strict=True):
        f = shrinkage(T, s)[:, seen]
        x = f * (row / s)[seen]
        risk = x.square().sum(1) - 2 * (x * (row / s)[seen]).sum(1) + 2 * SIGMA**2 * (f / s[seen] ** 2).sum(1)
        assert abs(float(lam.log()) - least(risk, T)) < 1e-6
    assert int(tune(problem, DiscrepancyPrinciple(freedom=False), EXACT).evaluations.max()) > 1


@pytest.mark.parametrize("criterion", [GCV(probes=60), SURE(probes=60), SURE(projected=True, probes=200)])
def test_random_traces_are_those_of_the_spectrum(criterion: Criterion) -> None:
    """With an operator that hides its singular values, df comes from probes; exact in the mean, and repeatable."""
    s = torch.linspace(1.0, 0.3, M, dtype=torch.float64)

    class Hidden(Diagonal):
        @property
        def capabilities(self) -> frozenset[str]:
            return super().capabilities - {"svd"}

    data = s * X + (Y - S * X)
    for operator, tolerance in ((Diagonal(s), 1e-9), (Hidden(s), 0.05)):
        problem = Problem(operator, data, GaussianNoise(SIGMA), Tikhonov())
        path = tune(problem, criterion, EXACT, start=2000.0, max_solves=3).path
        f = shrinkage(path["lam"][0].log(), s)
        if getattr(criterion, "projected", False):
            f = f / s**2
        torch.testing.assert_close(path["freedom"][0], f.sum(1), rtol=tolerance, atol=0)
        again = tune(problem, criterion, EXACT, start=2000.0, max_solves=3).path
        assert torch.equal(path["freedom"], again["freedom"])


def test_monte_carlo_freedom_of_total_variation_counts_pieces() -> None:
    """The df of one-dimensional total variation is the number of constant pieces (Tibshirani and Taylor 2011)."""
    clean = torch.zeros(30, dtype=torch.float64)
    clean[10:20] = 1
    data = GaussianNoise(0.05).sample(clean.expand(60, 30), torch.Generator().manual_seed(3))
    problem = Problem(Mask(torch.ones(30)), data, GaussianNoise(0.05), TotalVariation())
    solver = PDHG(stop=MaxIter(1000) | Gap(1e-7))
    trials = Trials(problem, solver, None)
    _, freed = freedom(trials, torch.arange(60), torch.full((60,), 40.0), 2, 0)
    x = PDHG(stop=MaxIter(4000) | Gap(1e-9)).solve(problem_with_tv(problem, 40.0)).image
    pieces = 1 + (x.diff(dim=1).abs() > 1e-4).sum(1)
    assert float(pieces.double().mean()) > 4
    gap = freed - pieces
    assert abs(float(gap.mean())) < 4 * float(gap.std()) / 60**0.5 + 0.1
    assert float(gap.std()) < 2.5


def problem_with_tv(problem: Problem, lam: float) -> Problem:
    return Problem(problem.operator, problem.data, problem.noise, TotalVariation(lam))


def test_l_curve() -> None:
    found = tune(PROBLEM, LCurve(), EXACT, tol=1e-3)
    for lam, y in zip(found.lam, Y, strict=True):
        f = shrinkage(T)
        rho, eta = misfit(T, y).log(), (f * y / S).square().sum(1).log()
        (r1,), (e1,) = torch.gradient(rho, spacing=(T,)), torch.gradient(eta, spacing=(T,))
        (r2,), (e2,) = torch.gradient(r1, spacing=(T,)), torch.gradient(e1, spacing=(T,))
        curvature = (r1 * e2 - e1 * r2) / (r1**2 + e1**2) ** 1.5
        inside = curvature[1000:-1000]
        assert abs(float(lam.log() - T[1000 + int(inside.argmax())])) < 0.03


def test_oracle() -> None:
    found = tune(PROBLEM, Oracle(truth=X), EXACT, tol=1e-7)
    for lam, y, x in zip(found.lam, Y, X, strict=True):
        error = (shrinkage(T) * y / S - x).square().sum(1)
        assert abs(float(lam.log()) - least(error, T)) < 1e-5


def test_items_are_tuned_as_if_alone() -> None:
    for criterion in (DiscrepancyPrinciple(freedom=False), GCV(), LCurve()):
        together = tune(PROBLEM, criterion, EXACT, tol=1e-4)
        alone = tune(Problem(Diagonal(S), Y[1], GaussianNoise(SIGMA), Tikhonov()), criterion, EXACT, tol=1e-4)
        assert alone.lam.shape == ()
        torch.testing.assert_close(together.lam[1], alone.lam, rtol=1e-12, atol=0)
        torch.testing.assert_close(together.result.image[1], alone.result.image, rtol=1e-9, atol=1e-12)


def test_unmeasured_entries_and_complex_data_count_right() -> None:
    mask = (torch.arange(400) % 4 > 0).double()
    truth = torch.full((400,), 0.5 + 0.5j, dtype=torch.complex128)
    A = Mask(mask)
    data = mask * GaussianNoise(0.1).sample(truth, torch.Generator().manual_seed(4))
    found = tune(
        Problem(A, data, GaussianNoise(0.1), Tikhonov()), DiscrepancyPrinciple(freedom=False), ClosedForm(), tol=1e-8
    )
    assert "m = 600" in found.sentence
    last = int((~found.path["lam"].isnan()).sum()) - 1
    assert abs(float(found.path["misfit"][last]) - 600) < 1e-3


def expected_deviance(mean: Tensor) -> float:
    """Σ 2 E[k log(k/μ) − k + μ] for Poisson counts k of means μ, by summing over k."""
    k = torch.arange(400, dtype=torch.float64)
    log_p = torch.xlogy(k, mean[:, None]) - mean[:, None] - torch.lgamma(k + 1)
    value = 2 * (torch.xlogy(k, k) - torch.xlogy(k, mean[:, None]) - k + mean[:, None])
    return float((log_p.exp() * value).sum())


@pytest.mark.parametrize("scale", [1.0, pytest.param(0.02, marks=pytest.mark.slow)])
def test_poisson_noise_by_its_deviance(scale: float) -> None:
    """Many counts, where each number has a deviance of about 1, and few, where it has one far from that."""
    truth = scale * torch.full((300,), 5.0, dtype=torch.float64)
    truth[100:150] *= 7
    noise = PoissonNoise()
    data = noise.sample(truth, torch.Generator().manual_seed(6))
    solver = PDHG(stop=MaxIter(600) | Gap(1e-4))
    found = tune(Problem(Mask(torch.ones(300)), data, noise, TotalVariation()), solver=solver, tol=1e-2)
    image = found.result.image.clamp(min=1e-9)
    deviance, wanted = float(2 * noise.fidelity(data, (300,))(image)), expected_deviance(image)
    assert bool(found.met)
    assert deviance == pytest.approx(wanted, rel=0.02)
    assert (0.99 < wanted / 300 < 1.04) == (scale == 1.0)
    assert float((image - truth).norm()) < 0.6 * float((data - truth).norm())
    with pytest.raises(CapabilityError, match="SURE needs Gaussian noise with its sigma, got PoissonNoise"):
        tune(Problem(Mask(torch.ones(300)), data, noise, TotalVariation()), "sure", solver)


def test_noise_of_another_kind_by_what_is_expected_of_it() -> None:
    """Laplace's: E|n|/σ = 1, so that the misfit 2Σ|n|/σ is twice the number of data."""
    truth = torch.sin(torch.arange(300, dtype=torch.float64) / 20)
    noise = LaplaceNoise(0.1)
    data = noise.sample(truth, torch.Generator().manual_seed(8))
    problem = Problem(Mask(torch.ones(300)), data, noise, TotalVariation())
    found = tune(problem, solver=PDHG(stop=MaxIter(300) | Gap(1e-3)), tol=1e-2)
    assert bool(found.met)
    assert float((found.result.image - data).abs().sum() / 0.1) == pytest.approx(300, rel=0.02)
    assert "expected of the noise" in found.sentence


def evidence(t: Tensor, y: Tensor) -> Tensor:
    """log p(y | λ) for λ = e^t, y = S x + n with x ~ N(0, 1/λ), up to a constant."""
    variance = S**2 / t.exp()[:, None] + SIGMA**2
    return -(variance.log() + y**2 / variance).sum(1) / 2


def test_evidence() -> None:
    found = tune(PROBLEM, "evidence", EXACT, tol=1e-9)
    for lam, y in zip(found.lam, Y, strict=True):
        assert abs(float(lam.log()) - least(-evidence(T, y), T)) < 1e-6


@pytest.mark.parametrize("emphasis", [4.0, "data"])
def test_the_data_emphasised_bound(emphasis: Any) -> None:
    """Its optimum over λ and the mean and variance of each coefficient, in closed form but for λ, by a grid."""
    count = 10
    A = Diagonal(S * (torch.arange(M) % 4 == 0))
    data = A(X) + (Y - S * X) * (A.diagonal > 0)
    kappa = M / count if emphasis == "data" else emphasis
    found = tune(Problem(A, data, GaussianNoise(SIGMA), Tikhonov()), Evidence(emphasis=emphasis), EXACT, tol=1e-9)
    lam = T.exp()[:, None]
    for weight, y in zip(found.lam, data, strict=True):
        w, s = kappa / SIGMA**2, A.diagonal
        variance = 1 / (w * s**2 + lam)
        mean = w * s * y * variance
        fit = -w / 2 * ((y - s * mean) ** 2 + s**2 * variance).sum(1)
        divergence = (lam * (variance + mean**2) - 1 - (lam * variance).log()).sum(1) / 2
        assert abs(float(weight.log()) + log(kappa) - least(divergence - fit, T)) < 1e-5


class Dense(ClosedForm):
    """The same with any operators, by dense matrices."""

    def step(self, problem: Problem, state: Any) -> Any:
        f, (term,) = problem.likelihood, problem.terms
        assert isinstance(f, SquaredL2)
        assert isinstance(term.functional, SquaredL2)
        assert term.operator is not None
        eye = torch.eye(*problem.shape, *problem.shape, dtype=problem.dtype)
        A, L = problem.operator(eye).T, term.operator(eye).flatten(1).T
        w, lam = f.weight, torch.as_tensor(term.functional.weight).expand(len(problem.data))[:, None, None]
        return state._replace(image=torch.linalg.solve(w * A.T @ A + lam * L.T @ L, w * problem.data @ A))


def test_evidence_of_differences() -> None:
    """An improper prior, whose constants the data determine: against log-determinants of dense matrices."""
    n, sigma = 24, 0.2
    generator = torch.Generator().manual_seed(9)
    truth = torch.randn(n, generator=generator, dtype=torch.float64).cumsum(0) * 0.3
    A = Blur(torch.tensor([0.25, 0.5, 0.25]), (n,))
    data = A(truth) + sigma * torch.randn(n, generator=generator, dtype=torch.float64)
    problem = Problem(A, data, GaussianNoise(sigma), Tikhonov(operator=Gradient((n,))))
    found = tune(problem, Evidence(probes=400), Dense(), tol=1e-4)
    eye = torch.eye(n, dtype=torch.float64)
    matrix, D = A(eye).T, eye.diff(dim=0)
    values = []
    grid = torch.linspace(-3, 8, 501, dtype=torch.float64)
    for t in grid:
        H = matrix.T @ matrix / sigma**2 + t.exp() * D.T @ D
        x = torch.linalg.solve(H, matrix.T @ data / sigma**2)
        cost = ((matrix @ x - data) / sigma).square().sum() + t.exp() * (D @ x).square().sum()
        values.append(cost + torch.logdet(H) - (n - 1) * t)
    assert abs(float(found.lam.log()) - float(grid[int(torch.stack(values).argmin())])) < 0.15
    with pytest.raises(CapabilityError, match="Evidence needs the prior Tikhonov alone, got TotalVariation"):
        tune(Problem(A, data, GaussianNoise(sigma), TotalVariation()), "evidence")


def test_names_stand_for_the_usual_settings_and_the_solver_is_found() -> None:
    named: list[tuple[Any, Criterion]] = [
        ("discrepancy", DiscrepancyPrinciple()),
        ("gcv", GCV()),
        ("l-curve", LCurve()),
    ]
    for name, criterion in named:
        assert torch.equal(tune(PROBLEM, name).lam, tune(PROBLEM, criterion).lam)
    assert tune(PROBLEM).criterion == "discrepancy"
    torch.testing.assert_close(tune(PROBLEM, tol=1e-6).lam, tune(PROBLEM, solver=EXACT, tol=1e-6).lam)


@pytest.mark.slow
def test_one_prior_of_a_sum() -> None:
    problem = Problem(PROBLEM.operator, Y, PROBLEM.noise, Tikhonov() + NonNegative())
    solver = FISTA(stop=MaxIter(300))
    found = tune(problem, DiscrepancyPrinciple(freedom=False), solver, tol=1e-3, start=5.0)
    assert bool((found.result.image >= 0).all())
    two = Tikhonov(0.1) + WaveletSparsity(2.0, wavelet="haar")
    wavelets = Problem(PROBLEM.operator, Y, PROBLEM.noise, two)
    with pytest.raises(ValueError, match="Pass which: 0 for Tikhonov, 1 for WaveletSparsity"):
        tune(wavelets, DiscrepancyPrinciple(freedom=False), solver)
    second = tune(wavelets, DiscrepancyPrinciple(freedom=False), solver, which=1, tol=1e-4)
    prior = Tikhonov(0.1) + WaveletSparsity(wavelet="haar").with_lam(second.lam)
    image = FISTA(stop=MaxIter(300)).solve(Problem(PROBLEM.operator, Y, PROBLEM.noise, prior)).image
    misfits = ((PROBLEM.operator(image) - Y) / SIGMA).square().sum(1)
    assert bool(second.met.all())
    torch.testing.assert_close(misfits, torch.full((3,), 40.0, dtype=torch.float64), rtol=5e-3, atol=0)


def test_no_weight_reaches_the_residual() -> None:
    tiny = Problem(Diagonal(S), 1e-4 * Y, GaussianNoise(SIGMA), Tikhonov())  # ‖y‖ is below the noise
    found = tune(tiny, DiscrepancyPrinciple(freedom=False), EXACT)
    assert not bool(found.met.any())
    assert "3 of them at the end of the search" in found.sentence
    one = tune(Problem(Diagonal(S), 1e-4 * Y[0], GaussianNoise(SIGMA), Tikhonov()), solver=EXACT)
    assert one.sentence.startswith("no lam found by discrepancy")


def test_wrong_use_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="or one of 'discrepancy', 'evidence', 'gcv', 'l-curve', 'sure', got 'lcurve'"):
        tune(PROBLEM, "lcurve", EXACT)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"tune expects a criterion such as DiscrepancyPrinciple.* got PDHG"):
        tune(PROBLEM, PDHG(), EXACT)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="needs a prior with an explicit cost, got no prior"):
        tune(Problem(Diagonal(S), Y), solver=EXACT)
    with pytest.raises(TypeError, match="got DenoiserPrior, which has no weight of its cost"):
        tune(Problem(Diagonal(S), Y, None, DenoiserPrior(lambda x, sigma: x)), solver=EXACT)
    with pytest.raises(ValueError, match="tol > 0 and max_solves >= 3"):
        tune(PROBLEM, solver=EXACT, tol=0)
    with pytest.raises(ValueError, match="start > 0, got -1"):
        tune(PROBLEM, solver=EXACT, start=-1.0)
    with pytest.raises(ValueError, match="Oracle expects the truth of"):
        tune(PROBLEM, Oracle(truth=X[:2]), EXACT)
    with pytest.raises(ValueError, match="which=1 names a part of a sum"):
        tune(PROBLEM, solver=EXACT, which=1)
    for make in (lambda: GCV(probes=0), lambda: SURE(probes=0), lambda: DiscrepancyPrinciple(factor=0)):
        with pytest.raises(ValueError, match=r"expects (probes >= 1|factor > 0), got 0"):
            make()


def test_a_noise_level_per_measurement() -> None:
    """The same as for whitened data."""
    sigma = torch.linspace(0.005, 0.02, M, dtype=torch.float64)
    s = torch.linspace(1.0, 0.5, M, dtype=torch.float64)
    y = s * X + sigma / SIGMA * (Y - S * X)
    coloured = Problem(Diagonal(s), y, GaussianNoise(sigma[None]), Tikhonov())
    white = Problem(Diagonal(s / sigma), y / sigma, GaussianNoise(1.0), Tikhonov())
    solver = FISTA(stop=MaxIter(200))
    first, second = (
        tune(problem, GCV(probes=20), solver, start=5000.0, max_solves=3).path for problem in (coloured, white)
    )
    torch.testing.assert_close(first["misfit"], second["misfit"], rtol=1e-6, atol=0)
    torch.testing.assert_close(first["freedom"], second["freedom"], rtol=0.1, atol=0)
    with pytest.raises(CapabilityError, match="projected=True needs one sigma per item, got one per measurement"):
        tune(coloured, SURE(projected=True), solver)
