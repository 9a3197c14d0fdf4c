"""Structured low rank: the optimum of an independent solver, and coils put together without maps."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch

from recon.operators import CartesianMRI, GaussianNoise, PoissonDisc, Volume, centred_ifft
from recon.operators.algebra import Composition
from recon.operators.block_extract import BlockExtract
from recon.operators.fourier import Fourier
from recon.phantoms import SinusoidalCoils, shepp_logan
from recon.priors import StructuredLowRank
from recon.solvers import PDHG, MaxIter, Problem

from .optima import blurred, matrix, optimum, reaches


def test_reaches_the_optimum_of_an_independent_solver() -> None:
    shape, block = (2, 3, 4), (2, 2)
    problem = blurred(shape, StructuredLowRank(3.0, block), complex_=True)
    E = BlockExtract(shape, block, (1, 1))
    H = matrix(Composition(E, Fourier(shape, 2)), torch.complex128)

    def penalty(z: cp.Variable) -> cp.Expression:
        return 3.0 / 2 * cp.normNuc(cp.reshape(H @ z, (12, 8), order="C"))

    reaches(problem, optimum(problem, penalty))


def test_coils_are_completed_without_maps_or_calibration() -> None:
    """A third of k-space; the error of the root sum of squares falls to less than three fifths of zero-filled."""
    n = 32
    grid = Volume((n, n), 220 / n)
    coils = SinusoidalCoils.birdcage(grid, 4, waves=3)
    clean = shepp_logan(95.0).kspace(grid, coils=coils).to(torch.complex64)
    A = CartesianMRI(PoissonDisc(3, calib_width=4, seed=0)((n, n)), shape=(4, n, n), ndim=2)
    y = A.mask * GaussianNoise(0.005).sample(clean, torch.Generator().manual_seed(0))
    found = PDHG(stop=MaxIter(100)).solve(Problem(A, y, GaussianNoise(0.005), StructuredLowRank(1000.0, (5, 5)))).image

    def combined(images: torch.Tensor) -> torch.Tensor:
        return torch.linalg.vector_norm(images, dim=0)

    truth = combined(centred_ifft(clean, 2))
    errors = [float((combined(x) - truth).norm()) for x in (found, A.adjoint(y))]
    assert errors[0] < 0.6 * errors[1], errors


def test_coil_images_are_asked_for() -> None:
    with pytest.raises(ValueError, match=r"expects coil images of 3 axes, coils first, got shape \(6, 6\)"):
        StructuredLowRank().terms((6, 6))
