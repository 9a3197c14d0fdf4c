"""Tubal low rank: a small initialisation errs at most a tenth as much as a large one on ‖A(U ∗ Uᵀ) − y‖², and t-SVT.

The factor has full rank, and nothing but where gradient descent begins asks for a low one.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import LinearOperator, TubalGram
from recon.priors import TubalLowRank
from recon.solvers import PDHG, Gap, MaxIter, Problem, ProximalGradient

SIZE, LENGTH, MEASURED = 10, 4, 150


def measured() -> tuple[Tensor, LinearOperator, Tensor]:
    """A tensor of tubal rank 1, an operator with 150 random rows for its 400 entries, and a start of norm 1."""
    draw = torch.Generator().manual_seed(0)
    truth = TubalGram(SIZE, 1, LENGTH)(torch.randn(SIZE, 1, LENGTH, generator=draw, dtype=torch.float64))
    rows = torch.randn(MEASURED, SIZE * SIZE * LENGTH, generator=draw, dtype=torch.float64) / MEASURED**0.5
    A = LinearOperator.from_functions(
        lambda x: x.flatten(-3) @ rows.T.to(x),
        lambda y: (y @ rows.to(y)).unflatten(-1, (SIZE, SIZE, LENGTH)),
        (SIZE, SIZE, LENGTH),
        (MEASURED,),
    )
    start = torch.randn(SIZE, SIZE, LENGTH, generator=draw, dtype=torch.float64)
    return truth / truth.norm(), A, start / start.norm()


@pytest.mark.slow
def test_small_initialisation_finds_the_tensor() -> None:
    truth, A, start = measured()
    gram = TubalGram(SIZE, SIZE, LENGTH)
    problem = Problem(A @ gram, A(truth).expand(2, MEASURED))
    starts = torch.tensor([1e-4, 1.0], dtype=torch.float64)[:, None, None, None] * start
    found = ProximalGradient(steps="constant", tau=0.05, stop=MaxIter(1200)).solve(problem, starts).image
    small, large = (gram(found) - truth).flatten(1).norm(dim=1)
    assert float(small) <= 1e-3
    assert float(large) >= 10 * float(small)
    convex = Problem(A, A(truth), prior=TubalLowRank(1e-4))
    assert float((PDHG(stop=MaxIter(3000) | Gap(1e-4)).solve(convex).image - truth).norm()) > 10 * float(small)


def test_prox_shrinks_singular_values_of_every_frequency() -> None:
    v = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    U, s, Vh = torch.linalg.svd(torch.fft.fft(v).movedim(-1, 0), full_matrices=False)
    shrunk = torch.fft.ifft(((U * (s - 0.6).clamp(min=0)[:, None, :]) @ Vh).movedim(0, -1)).real
    torch.testing.assert_close(TubalLowRank(0.6).prox(v).x, shrunk, rtol=0, atol=1e-12)
