"""The closed form of quadratic problems."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Blur, CapabilityError, GaussianNoise, Gradient, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import Tikhonov, TotalVariation
from recon.solvers import LBFGS, MaxIter, Problem, RelChange, TikhonovInverse


def test_it_solves_the_normal_equations_of_each_item() -> None:
    psf = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
    A = Blur(psf, (6, 7), boundary="circular")
    generator = torch.Generator().manual_seed(0)
    data = torch.rand((2, 6, 7), generator=generator, dtype=torch.float64)
    center = torch.rand((6, 7), generator=generator, dtype=torch.float64)
    sigma = torch.tensor([0.1, 0.7], dtype=torch.float64)
    problem = Problem(A, data, GaussianNoise(sigma), Tikhonov(0.3, center=center))
    x = TikhonovInverse().solve(problem).image
    gradient = A.adjoint(A(x) - data) / sigma.square()[:, None, None] + 0.3 * (x - center)
    assert float(gradient.abs().max()) < 1e-10
    iterated = LBFGS(stop=MaxIter(500) | RelChange(1e-10)).solve(problem).image
    torch.testing.assert_close(x, iterated, rtol=1e-5, atol=1e-6)


def test_refuses_by_name() -> None:
    A, y = Diagonal(torch.ones(4, 4)), torch.ones(4, 4)
    mirrored = Blur(torch.ones(3, 3), (4, 4), boundary="reflect")
    cases = {
        "Tikhonov prior on the image itself, got TotalVariation": Problem(A, y, prior=TotalVariation()),
        "Tikhonov prior on the image itself, got Tikhonov": Problem(A, y, prior=Tikhonov(1.0, Gradient((4, 4)))),
        "Tikhonov prior on the image itself, got none": Problem(A, y),
        "needs Gaussian noise of one level per item, got PoissonKL": Problem(A, y, PoissonNoise(), Tikhonov()),
        "solve_normal, which Blur does not have": Problem(mirrored, y, prior=Tikhonov()),
    }
    for message, problem in cases.items():
        with pytest.raises(CapabilityError, match=message):
            TikhonovInverse().solve(problem)
