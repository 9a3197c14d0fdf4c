"""Every solver of convex problems against optima of an independent interior-point solver; gaps that truly bound."""

from __future__ import annotations

import pytest

from recon.solvers import (
    ADMM,
    FISTA,
    PD3O,
    PDHG,
    CondatVu,
    DouglasRachford,
    Gap,
    LinearisedADMM,
    MaxIter,
    Solver,
    StochasticPDHG,
)

from . import known_optima as known

STOP = MaxIter(20000) | Gap(5e-7)

SOLVERS: dict[str, Solver] = {
    "PDHG": PDHG(stop=STOP, check_every=50),
    "ADMM": ADMM(stop=STOP, check_every=50),
    "FISTA": FISTA(stop=STOP, check_every=50),
    "CondatVu": CondatVu(stop=STOP, check_every=50),
    "PD3O": PD3O(stop=STOP, check_every=50),
    "LinearisedADMM": LinearisedADMM(stop=STOP, check_every=50),
}
VARIANTS: dict[str, Solver] = {
    "PDHG, constant steps": PDHG(steps="constant", stop=STOP, check_every=50),
    "PDHG, ρ = 1": PDHG(relaxation=1.0, stop=STOP, check_every=50),
    "PDHG, ρ = 1.9": PDHG(relaxation=1.9, stop=STOP, check_every=50),
    "CondatVu, ρ = 1.5": CondatVu(relaxation=1.5, stop=STOP, check_every=50),
    "PD3O, constant steps": PD3O(adaptive=False, stop=STOP, check_every=50),
}
PRECONDITIONED = PDHG(preconditioner="diagonal", stop=STOP, check_every=50)


LONG = {("CT", "FISTA"), ("complex TV MRI", "FISTA"), ("stacked", "FISTA")}
PAIRS = [
    pytest.param(name, solver, marks=pytest.mark.slow if (name, solver) in LONG else ())
    for name in known.PROBLEMS
    for solver in SOLVERS
]


@pytest.mark.parametrize(("name", "solver"), PAIRS)
def test_reaches_the_optimum_and_proves_it(name: str, solver: str) -> None:
    known.assert_reaches(known.PROBLEMS[name](), SOLVERS[solver])


@pytest.mark.parametrize(
    "solver", [pytest.param(s, marks=pytest.mark.slow) if s in ("ADMM", "FISTA") else s for s in SOLVERS]
)
def test_items_of_unequal_difficulty_reach_their_own_optima(solver: str) -> None:
    known.assert_reaches_all(SOLVERS[solver])


@pytest.mark.slow
@pytest.mark.parametrize("solver", VARIANTS)
@pytest.mark.parametrize("name", known.PROBLEMS)
def test_variants_reach_the_optimum_and_prove_it(name: str, solver: str) -> None:
    known.assert_reaches(known.PROBLEMS[name](), VARIANTS[solver])


@pytest.mark.parametrize("name", ["deblurring, ‖K‖ = 0.1", "deblurring, ‖K‖ = 10", "stacked", "CT"])
def test_diagonal_preconditioning_reaches_the_optimum_and_proves_it(name: str) -> None:
    known.assert_reaches(known.PROBLEMS[name](), PRECONDITIONED)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ["stacked", "CT"])
def test_stochastic_subsets_reach_the_optimum_and_prove_it(name: str, seed: int) -> None:
    subsets = 4 if name == "CT" else None
    known.assert_reaches(known.PROBLEMS[name](), StochasticPDHG(subsets=subsets, seed=seed, stop=STOP))


@pytest.mark.parametrize("name", ["inpainting", "periodic", "denoising"])
@pytest.mark.parametrize(
    "solver",
    [
        DouglasRachford(stop=STOP, check_every=10),
        PDHG(data_term="primal", stop=STOP),
        ADMM(stop=STOP, check_every=10),
    ],
    ids=["DouglasRachford", "PDHG, primal", "ADMM"],
)
def test_closed_form_data_steps_reach_the_optimum_and_prove_it(name: str, solver: Solver) -> None:
    problems = {
        "inpainting": known.wavelet_inpainting,
        "periodic": known.tv_periodic_deblurring,
        "denoising": known.tv_denoising,
    }
    known.assert_reaches(problems[name](), solver)


def test_acceleration_reaches_the_optimum_of_a_strongly_convex_problem() -> None:
    accelerated = PDHG(steps="accelerated", data_term="primal", stop=STOP)
    known.assert_reaches(known.tv_denoising(), accelerated)
