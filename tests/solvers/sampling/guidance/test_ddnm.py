import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError
from recon.solvers import DDNM, Heun, Renoise
from recon.solvers.sampling.small_problems import bent_problem
from tests.solvers.sampling.audit import case, operators
from tests.solvers.sampling.guidance.published import Affine, Question, agrees, ddpm, decomposed, noise_of

NAMES = ("identity", "mask", "blur", "random")


def corrected(q: Question, now: Tensor) -> tuple[Affine, Affine]:
    """x_{0|t} and A⁺y + (I − A⁺A) x_{0|t}."""
    x0, pinv = q.denoised(now), torch.linalg.pinv(q.A, rtol=1e-5)
    return x0, pinv * q.data + (q.eye - pinv @ q.A) * x0


def equation_14(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
    return ddpm(q, now, then, corrected(q, now)[1])


def the_code(eta: float):
    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        x0, fitted = corrected(q, now)
        kept = ((1 - then) * (1 - eta**2)).sqrt()
        return then.sqrt() * fitted + kept * noise_of(q, now, x0), (1 - then).sqrt() * eta * q.eye

    return step


@pytest.mark.parametrize("name", NAMES)
def test_the_law_is_that_of_the_paper(name) -> None:
    agrees(DDNM(steps=12, cg_rtol=1e-13), name, equation_14)


def test_conjugate_gradients_leave_tiny_singular_values_alone() -> None:
    """Of this scan one is 2e-7, from angles in single precision."""
    agrees(DDNM(steps=12, cg_rtol=1e-7), "ct", equation_14, tolerance=1e-6)


@pytest.mark.parametrize("name", ["mask", "blur"])
def test_the_law_is_that_of_the_code(name) -> None:
    agrees(DDNM(steps=12, form="code", integrator=Renoise(0.85**2)), decomposed(name), the_code(0.85))


@pytest.mark.parametrize("integrator", [None, Heun()], ids=str)
@pytest.mark.parametrize("name", ["mask", "random", "ct"])
def test_data_without_noise_are_met(name, integrator) -> None:
    problem = case(operators(8)[name], sigma=1e-9).problem
    solver = DDNM(steps=15, cg_rtol=1e-10, cg_max_iter=300)
    if integrator is not None:
        solver = DDNM(steps=15, cg_rtol=1e-10, cg_max_iter=300, integrator=integrator)
    result = solver.solve(problem)
    away = problem.operator(result.image) - problem.data
    assert float(away.abs().max()) < 1e-6
    if name != "mask":
        assert float(result.history["cg_iterations"][-1]) > 1


def test_the_solve_is_measured() -> None:
    result = DDNM(steps=5, cg_max_iter=2).solve(case(operators(8)["random"]).problem)
    assert float(result.history["cg_residual"][-1]) > 1e-6


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, sentence in (
        ({"form": "ddim"}, "form 'paper' or 'code', got 'ddim'"),
        ({"form": "code"}, "a Renoise integrator with form 'code', got Ancestral"),
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DDNM(**options)
    with pytest.raises(CapabilityError, match="DDNM needs a linear operator; BentMask is nonlinear"):
        DDNM().require(bent_problem())
