import pytest
import torch
from torch import Tensor

from recon.solvers import DDIM, DiffPIR, Renoise
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees, noise_of

NAMES = ("identity", "mask", "blur", "random", "ct")


def algorithm_1(lam: float, zeta: float, form: str):
    """Denoise; argmin ‖y − H x‖² + ρ ‖x − x̃₀‖² with ρ = λ σ_n² ᾱ/(1 − ᾱ); effective noise; renoise."""

    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        x0 = q.denoised(now)
        rho = lam * SIGMA_Y**2 * now / (1 - now)
        if form == "paper" or then < 1:
            x0 = torch.linalg.inv(q.A.T @ q.A + rho * q.eye) * (q.A.T * q.data + rho * x0)
        mean = then.sqrt() * x0 + ((1 - then) * (1 - zeta)).sqrt() * noise_of(q, now, x0)
        return mean, ((1 - then) * zeta).sqrt() * q.eye

    return step


@pytest.mark.parametrize("name", NAMES)
def test_the_law_is_that_of_algorithm_1(name) -> None:
    agrees(DiffPIR(steps=12, lam=2.0, cg_rtol=1e-13), name, algorithm_1(2.0, 0.3, "paper"))


def test_the_code_ends_without_the_data() -> None:
    solver = DiffPIR(steps=12, form="code", integrator=Renoise(0.8), cg_rtol=1e-13)
    agrees(solver, "random", algorithm_1(1.0, 0.8, "code"))


def test_without_new_noise_it_is_ddim() -> None:
    agrees(DiffPIR(steps=12, integrator=DDIM(), cg_rtol=1e-13), "blur", algorithm_1(1.0, 0.0, "paper"))


def test_misuse_gets_one_sentence() -> None:
    for options, sentence in (
        ({"form": "prox"}, "form 'paper' or 'code', got 'prox'"),
        ({"lam": 0.0}, "lam > 0, got 0"),
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": -1}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            DiffPIR(**options)
