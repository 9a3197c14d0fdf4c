"""Norms that are too small are noticed before the first step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from recon.operators import Blur, GaussianNoise, Gradient, Identity, LinearOperator, Stack
from recon.operators.diagonal import Diagonal
from recon.priors import DenoiserPrior, TotalVariation
from recon.solvers import (
    ADMM,
    FISTA,
    PD3O,
    PDHG,
    CondatVu,
    DouglasRachford,
    LinearisedADMM,
    PnPPGD,
    Problem,
    Solver,
    StochasticPDHG,
)
from recon.solvers.norms import step_norm


def _declared(norm: float) -> LinearOperator:
    """A blur of norm 2 that declares another."""
    A = 2 * Blur(torch.ones(3, 3) / 9, (6, 6), boundary="reflect")
    return LinearOperator.from_functions(A, A.adjoint, (6, 6), (6, 6), norm=norm)


def _half(x: torch.Tensor, sigma: float | torch.Tensor) -> torch.Tensor:
    return x / 2


@pytest.mark.parametrize("norm", [0.02, 1.9])
@pytest.mark.parametrize(
    "solver",
    [PDHG(), CondatVu(), PD3O(), LinearisedADMM(), ADMM(), FISTA(), PnPPGD(), StochasticPDHG()],
    ids=lambda solver: solver.name,
)
def test_a_declared_norm_that_is_too_small_is_refused(solver: Solver, norm: float) -> None:
    A = _declared(norm)
    if isinstance(solver, StochasticPDHG):
        A = Stack(Identity((6, 6)), A)
    prior = DenoiserPrior(_half, sigma=0.1) if isinstance(solver, PnPPGD) else TotalVariation(0.1)
    problem = Problem(A, torch.ones(A.range_shape, dtype=torch.float64), GaussianNoise(0.5), prior)
    with pytest.raises(ValueError, match=rf"FromFunctions declares the norm {norm}, but ‖Ax‖/‖x‖ reaches (1\.9|2)"):
        solver.solve(problem)


def test_the_prior_s_operators_are_checked_too() -> None:
    class Loose(Gradient):
        def known_norm(self) -> float:
            return 1.0

    class LooseVariation(TotalVariation):
        def unit_terms(self, shape):  # type: ignore[no-untyped-def]
            (term,) = super().unit_terms(shape)
            from dataclasses import replace

            return (replace(term, operator=Loose(shape)),)

    problem = Problem(Identity((6, 6)), torch.ones(6, 6), GaussianNoise(0.5), LooseVariation(0.1))
    solvers: list[Callable[[], Solver]] = [PDHG, CondatVu, LinearisedADMM, DouglasRachford]
    for solver in solvers:
        with pytest.raises(ValueError, match="Loose declares the norm 1, but"):
            solver().solve(problem)


@pytest.mark.parametrize(
    "A",
    [
        Diagonal(torch.linspace(-3, 2, 12)),
        Gradient((5, 7), boundary="circular"),
        Blur(torch.tensor([[0.1, 0.4], [0.0, 0.2]]), (6, 6), boundary="circular"),
    ],
    ids=lambda A: A.name,
)
def test_true_norms_pass_in_both_precisions(A: LinearOperator) -> None:
    for dtype in (torch.float32, torch.float64):
        assert step_norm(A, torch.zeros((), dtype=dtype)) == A.norm_bound()


def test_no_norm_and_a_zero_operator_give_usable_bounds() -> None:
    assert step_norm(Diagonal(torch.zeros(4))) == 1.0
    matrix = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    A = LinearOperator.from_functions(lambda x: x @ matrix.T, lambda y: y @ matrix, (4,), (5,))
    true = float(torch.linalg.matrix_norm(matrix, 2))
    assert true <= step_norm(A) <= 1.03 * true
    for norm in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ValueError, match="expected a finite number >= 0"):
            step_norm(LinearOperator.from_functions(_twice, _twice, (4,), (4,), norm=norm))


def _twice(x: torch.Tensor) -> torch.Tensor:
    return 2 * x
