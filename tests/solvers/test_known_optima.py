"""PDHG, ADMM and FISTA against optima of an independent interior-point solver; gaps that truly bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from recon.solvers import ADMM, FISTA, PDHG, Gap, MaxIter, Reason, Solver

from . import known_optima as known

PROBLEMS: dict[str, Callable[[], known.Known]] = {
    "deblurring, ‖K‖ = 0.1": lambda: known.tv_deblurring(0.1),
    "deblurring, ‖K‖ = 1": lambda: known.tv_deblurring(1.0),
    "deblurring, ‖K‖ = 10": lambda: known.tv_deblurring(10.0),
    "stacked": known.tv_stacked,
    "CT": known.tv_ct,
    "complex TV MRI": known.tv_mri,
    "complex wavelet MRI": known.wavelet_mri,
}
SOLVERS: dict[str, Solver] = {
    "PDHG": PDHG(stop=MaxIter(20000) | Gap(5e-7), check_every=50),
    "ADMM": ADMM(stop=MaxIter(5000) | Gap(5e-7), check_every=50),
    "FISTA": FISTA(stop=MaxIter(5000) | Gap(5e-7), check_every=50),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_reaches_the_optimum_and_proves_it(name: str, solver: str) -> None:
    problem, optimum = PROBLEMS[name]().problem, PROBLEMS[name]().optimum
    result = SOLVERS[solver].solve(problem)
    assert float(problem.objective(result.image)) == pytest.approx(optimum, rel=1e-6)
    assert result.reason is Reason.CONVERGED
    suboptimality = result.history["objective"] - optimum
    assert bool((result.history["gap"] >= suboptimality - 1e-8 * optimum).all())
    assert bool((suboptimality >= -1e-8 * optimum).all())
    assert bool(torch.isfinite(result.history["gap"]).all())
