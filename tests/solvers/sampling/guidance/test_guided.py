"""What all guidance shares, with every integrator: independent items, coordinates, noise models, refusals."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, Diagonal, GaussianNoise
from recon.priors import GaussianPrior, VPDiffusion
from recon.solvers import (
    DAPS,
    DDIM,
    DDNM,
    DDRM,
    DPS,
    MCG,
    MMPS,
    TMPD,
    Ancestral,
    DDNMPlus,
    DiffPIR,
    DPMSolver,
    EulerSDE,
    Guess,
    Guided,
    Heun,
    Integrator,
    KarrasSchedule,
    NoiseRefined,
    PiGDM,
    PredictorCorrector,
    Problem,
    Renoise,
    Sampler,
)
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.testing.members import members
from tests.solvers.sampling.audit import audit, case, operators, propagate

INTEGRATORS: tuple[Integrator, ...] = (
    Ancestral(),
    DDIM(0.5),
    DPMSolver(),
    EulerSDE(),
    Heun(churn=0.1),
    PredictorCorrector(),
    Renoise(0.3),
)
GUIDED = tuple(cls for cls in members(Guided) if cls.__module__.startswith("recon.solvers.sampling.guidance"))
PLAIN = {DAPS, DDNM, DDNMPlus, DPS, MCG, MMPS, TMPD, DiffPIR, NoiseRefined, PiGDM}


def solvers(integrator: Integrator | None = None) -> Iterator[Sampler]:
    """Every guidance that takes any diffusion prior, with one integrator or with its own."""
    for cls in GUIDED:
        options = {"form": "guidance"} if cls is DDNMPlus and integrator is not None else {}
        steps = {"steps": 8, "seed": 5}
        solver = cls(**steps, **options, **({} if integrator is None else {"integrator": integrator}))
        try:
            solver.require(next(gaussian_problems()))
        except CapabilityError:  # priors of pairs, tiles or latent variables
            assert cls not in PLAIN
            continue
        yield solver


@pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)
def test_an_item_is_the_same_alone_and_among_sixteen(integrator) -> None:
    for problem in gaussian_problems():
        many = problem.select(torch.arange(16) % 2)
        for solver in solvers(integrator):
            x = solver.solve(many).image
            assert bool(torch.isfinite(x.abs()).all()), solver
            for item in (0, 7):
                alone = dataclasses.replace(solver, streams=(item,)).solve(many.select(torch.tensor([item]))).image
                torch.testing.assert_close(alone, x[item : item + 1], rtol=1e-9, atol=1e-9, msg=solver.name)


@pytest.mark.parametrize("integrator", [Ancestral(), DDIM(), EulerSDE(), Heun(), DPMSolver()], ids=repr)
@pytest.mark.parametrize("guidance", ["MMPS", "PiGDM"])
def test_an_exact_estimate_is_integrated_to_the_posterior(guidance, integrator) -> None:
    A = operators(4)["random"]
    exact = case(A, prior=GaussianPrior(0.3, shape=A.domain_shape))
    cls, errors = MMPS if guidance == "MMPS" else PiGDM, []
    for steps in (16, 64):
        settings = {"steps": steps, "noise_schedule": KarrasSchedule(0.01, 50.0), "integrator": integrator}
        solver = cls(**settings, cg_rtol=1e-12, cg_max_iter=50)
        errors.append(audit(propagate(solver, exact.problem), exact).w2)
    assert errors[1] < 0.2
    assert errors[1] < errors[0] / 2


class Network(torch.nn.Module):
    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return torch.tanh(x) * (1 + t.reshape(-1, 1, 1, 1) / 1000)


@pytest.mark.parametrize("integrator", [None, Heun(), Renoise(0.3)], ids=repr)
def test_coordinates_are_those_of_the_network_whatever_the_range_of_the_images(integrator) -> None:
    """The same network with images in [0, 10] in the place of [−1, 1], and an operator that undoes the scaling."""
    gains = torch.tensor([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]], dtype=torch.float64)
    y = gains * torch.randn(2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).tanh()
    plain = VPDiffusion(Network(), (2, 3), value_range=(-1, 1), network_range=(-1, 1))
    scaled = VPDiffusion(Network(), (2, 3), value_range=(0, 10), network_range=(-1, 1))
    noise = GaussianNoise(0.1)
    every = [*solvers(integrator), DDRM(steps=8), PiGDM(steps=8, form="paper"), PiGDM(steps=8, form="code")]
    for solver in every:
        big = solver if solver.name != "DAPS" else dataclasses.replace(solver, flow_end=0.05)
        x = solver.solve(Problem(Diagonal(gains), y, noise, plain)).image
        # A (5 x + 5)/5 = A x + A 1
        other = big.solve(Problem(Diagonal(gains / 5), y + gains, noise, scaled)).image
        torch.testing.assert_close(other, 5 * x + 5, rtol=1e-5, atol=1e-5, msg=solver.name)


def test_noise_that_is_not_white_is_taken_or_refused_by_name() -> None:
    for problem in noisy_problems():
        for solver in solvers():
            if solver.white:
                with pytest.raises(CapabilityError, match=f"{solver.name} needs white Gaussian noise"):
                    solver.solve(problem)
            else:
                assert bool(torch.isfinite(solver.solve(problem).image).all()), solver


def test_nonlinear_operators_are_taken_or_refused_in_one_sentence() -> None:
    for solver in solvers():
        if type(solver) in {DDNM, DDNMPlus, MCG}:
            with pytest.raises(CapabilityError, match="needs a linear operator; BentMask is nonlinear"):
                solver.solve(bent_problem())
        elif type(solver) in PLAIN:
            assert bool(torch.isfinite(solver.solve(bent_problem()).image).all()), solver


def test_every_guidance_says_what_it_is() -> None:
    assert set(GUIDED) >= PLAIN
    for cls in GUIDED:
        assert cls.kind == "heuristic"
        assert cls.names
        assert "Source" in (cls.__doc__ or "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_states_are_pushed_by_a_number_or_by_one_an_item(dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    u, push = (torch.randn(3, 2, 2, dtype=dtype, generator=generator) for _ in range(2))
    assert Guess(u).pushed(u) is u
    torch.testing.assert_close(Guess(u, push, -0.5).pushed(u), u - 0.5 * push)
    by = torch.tensor([0.5, -2.0, 0.0], dtype=torch.float64)
    moved = Guess(u, push, by).pushed(u)
    assert moved.dtype == dtype
    for i in range(3):
        torch.testing.assert_close(moved[i], u[i] + float(by[i]) * push[i])
        assert torch.equal(Guess(u[i : i + 1], push[i : i + 1], by[i : i + 1]).pushed(u[i : i + 1])[0], moved[i])
