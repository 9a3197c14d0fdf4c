"""Objects of every room survive pickling and a spawned process, where they still compute the same."""

from __future__ import annotations

import multiprocessing
import pickle
from math import pi

import pytest
import torch
from torch import Tensor

from recon.operators import CartesianMRI, GaussianNoise, Mask, ParallelBeam, RayTransform, Volume
from recon.priors import DenoiserPrior, DnCNN, NonNegative, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, PnPPGD, Problem, Result, Solver


def questions() -> list[tuple[Solver, Problem]]:
    """A CT problem with a variational prior, an MRI problem, and one with a learned denoiser."""
    torch.manual_seed(0)
    A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 5 for a in range(5)], 11))
    ct = Problem(A, A(torch.rand(8, 8)), GaussianNoise(0.1), 0.5 * TotalVariation() + NonNegative())
    F = CartesianMRI(torch.tensor([1, 0, 1, 1, 0, 1])[:, None], torch.randn(2, 6, 6, dtype=torch.complex64))
    mri = Problem(F, F(torch.randn(6, 6, dtype=torch.complex64)), prior=TotalVariation(0.1))
    M = Mask(torch.rand(8, 8) > 0.5)
    learned = Problem(M, M(torch.rand(8, 8)), GaussianNoise(0.1), DenoiserPrior(DnCNN(layers=3, features=4)))
    return [
        (PDHG(stop=MaxIter(20) | Gap(1e-3)), ct),
        (PDHG(stop=MaxIter(10), ratio=2.0), mri),
        (PnPPGD(stop=MaxIter(3)), learned),
    ]


def work(question: tuple[Solver, Problem]) -> Result:
    """What the spawned process does."""
    solver, problem = question
    return solver.solve(problem)


@pytest.mark.parametrize("index", range(3))
def test_questions_pickle(index: int) -> None:
    solver, problem = questions()[index]
    again, same = pickle.loads(pickle.dumps((solver, problem)))
    assert again == solver
    torch.testing.assert_close(same.linear.norm(), problem.linear.norm())
    expected, found = solver.solve(problem), again.solve(same)
    assert torch.equal(expected.image, found.image)
    assert isinstance(found.image, Tensor)
    assert pickle.loads(pickle.dumps(found)).reason is expected.reason


def test_questions_survive_spawn() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(work, questions())
    for (solver, problem), result in zip(questions(), found, strict=True):
        expected = solver.solve(problem)
        torch.testing.assert_close(result.image, expected.image)
        assert result.reasons == expected.reasons
