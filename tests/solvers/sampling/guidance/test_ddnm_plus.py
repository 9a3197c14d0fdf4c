from math import sqrt

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, Identity
from recon.priors import GaussianPrior
from recon.solvers import DDIM, DDRM, Ancestral, DDNMPlus, DPMSolver
from recon.solvers.sampling.small_problems import bent_problem, noisy_problems
from tests.solvers.sampling.audit import audit, case, operators, propagate
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees, decomposed, noise_of


def simple(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
    """Equations 17 to 19 with scalars: a_t is the weight of x̂₀ in the mean of DDPM, σ_t its standard deviation."""
    x0, pinv = q.denoised(now), torch.linalg.pinv(q.A, rtol=1e-5)
    beta = 1 - now / then
    a, b = then.sqrt() * beta / (1 - now), (1 - beta).sqrt() * (1 - then) / (1 - now)
    sigma = ((1 - then) / (1 - now) * beta).sqrt()
    weight = 1.0 if sigma >= a * SIGMA_Y else float(sigma / (a * SIGMA_Y))
    x0 = x0 - weight * (pinv * (q.A * x0 - q.data))
    return a * x0 + b * q.state, (sigma**2 - (a * weight * SIGMA_Y) ** 2).clamp(min=0).sqrt() * q.eye


def by_singular_values(eta: float):
    """Λ and Φ of the appendix, with a_t = √ᾱ_{t−1} and σ_t = (1 − ᾱ_{t−1})^½ as in the code."""

    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        _, s, Vh = torch.linalg.svd(q.A, full_matrices=True)
        values = torch.zeros(q.d, dtype=torch.float64)
        values[: len(s)] = torch.where(s > 1e-10, s, 0)
        a, sigma = then.sqrt(), (1 - then).sqrt()
        limit = a * SIGMA_Y / values
        far = (sigma < limit) & (values > 0)
        near = (sigma >= limit) & (values > 0)
        weight = torch.where(far, values * sigma * sqrt(1 - eta**2) / (a * SIGMA_Y), 1.0)
        fresh = torch.where(near, (sigma**2 - torch.where(near, limit, 0) ** 2).clamp(min=0).sqrt(), sigma * eta)
        kept = torch.where(values == 0, sigma * sqrt(1 - eta**2), 0.0)
        V = Vh.T
        x0, pinv = q.denoised(now), torch.linalg.pinv(q.A, rtol=1e-5)
        fitted = x0 - (V @ torch.diag(weight) @ Vh @ pinv) * (q.A * x0 - q.data)
        mean = a * fitted + (V @ torch.diag(kept) @ Vh) * noise_of(q, now, x0)
        return mean, V @ torch.diag(fresh)

    return step


@pytest.mark.parametrize("name", ["identity", "mask", "random"])
def test_the_law_is_that_of_equations_17_to_19(name) -> None:
    agrees(DDNMPlus(steps=12, form="simple", cg_rtol=1e-13), name, simple)


@pytest.mark.parametrize("eta", [0.85, 0.4])
@pytest.mark.parametrize("name", ["identity", "mask", "blur", "random"])
def test_the_law_is_that_of_the_appendix(name, eta) -> None:
    agrees(DDNMPlus(steps=12, eta=eta), decomposed(name), by_singular_values(eta))


def test_steps_are_those_of_ddrm() -> None:
    problem = case(decomposed("blur")).problem
    plus, ddrm = DDNMPlus(steps=20), DDRM(steps=20)
    state = ddrm.init(problem)
    other = plus.init(problem)._replace(u=state.u)
    for _ in range(20):
        state, other = ddrm.step(problem, state), plus.step(problem, other)
        torch.testing.assert_close(state.u, other.u)


@pytest.mark.parametrize("integrator", [Ancestral(), DDIM(), DPMSolver()], ids=repr)
def test_as_guidance_it_keeps_to_the_data_as_far_as_they_go(integrator) -> None:
    """The weight of the data is min(1, s/c): one above the noise, and falling below it."""
    exact = case(Identity((4, 4)), prior=GaussianPrior(0.3, shape=(4, 4)))
    found = audit(propagate(DDNMPlus(steps=100, form="guidance", integrator=integrator), exact.problem), exact)
    assert found.bias < 0.5
    assert 0 < found.seen < 1.5


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, sentence in (
        ({"form": "pinv"}, "form 'svd', 'simple' or 'guidance', got 'pinv'"),
        ({"integrator": DDIM()}, "an integrator with form 'guidance' only, not with 'svd'"),
        ({"eta": -0.1}, "0 <= eta <= 1"),
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DDNMPlus(**options)
    for form in ("svd", "guidance", "simple"):
        with pytest.raises(CapabilityError, match="needs a linear operator; BentMask is nonlinear"):
            DDNMPlus(form=form).require(bent_problem())
        for problem in noisy_problems():
            with pytest.raises(CapabilityError, match="needs white Gaussian noise"):
                DDNMPlus(form=form).require(problem)
    with pytest.raises(CapabilityError, match="needs an operator with a singular value decomposition"):
        DDNMPlus().require(case(operators(4)["ct"]).problem)
    DDNMPlus(form="simple").require(case(operators(4)["ct"]).problem)
