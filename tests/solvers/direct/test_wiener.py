"""Wiener's filter against dense algebra and scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.restoration import unsupervised_wiener, wiener

from recon.operators import Blur, CapabilityError, GaussianNoise, Gradient, PoissonNoise, gaussian_psf
from recon.operators.circulant import Circulant
from recon.priors import Tikhonov, TotalVariation
from recon.solvers import Problem, Wiener


def _laplacian(shape: tuple[int, int]) -> Circulant:
    kernel = torch.zeros(shape, dtype=torch.float64)
    kernel[0, 0] = 4
    for place in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        kernel[place] -= 1
    return Circulant(kernel, shape)


@pytest.fixture
def blurred() -> tuple[Blur, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    psf = rng.random((5, 3))
    psf /= psf.sum()
    A = Blur(torch.from_numpy(psf), (24, 18))
    x = torch.zeros(24, 18, dtype=torch.float64)
    x[6:15, 4:12] = 0.8
    return A, psf, A(x).numpy() + 0.02 * rng.standard_normal((24, 18))


def test_reproduces_scikit_image(blurred: tuple[Blur, np.ndarray, np.ndarray]) -> None:
    A, psf, image = blurred
    for balance in (0.01, 0.3):
        theirs = wiener(image, psf, balance, clip=False)
        problem = Problem(A, torch.from_numpy(image), prior=Tikhonov(balance, _laplacian((24, 18))))
        np.testing.assert_allclose(Wiener().solve(problem).image.numpy(), theirs, rtol=1e-6, atol=1e-9)


def test_reproduces_the_wiener_step_of_unsupervised_wiener(
    blurred: tuple[Blur, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their sample is the Wiener estimate for the current precisions plus noise; without the noise it is ours."""
    A, psf, image = blurred

    class Silent:
        def standard_normal(self, shape: tuple[int, ...]) -> np.ndarray:
            return np.zeros(shape)

        def gamma(self, shape: float, scale: float, size: int | None = None) -> np.ndarray | float:
            return np.full(1, shape * scale) if size else shape * scale

    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: Silent())
    params = {"threshold": 0, "max_num_iter": 3, "min_num_iter": 3, "burnin": 1}
    mean, chains = unsupervised_wiener(image, psf, user_params=params, clip=False)
    estimates = []
    for noise, prior in list(zip(chains["noise"], chains["prior"], strict=True))[2:3]:
        problem = Problem(
            A,
            torch.from_numpy(image),
            GaussianNoise(float(np.squeeze(noise)) ** -0.5),
            Tikhonov(float(np.squeeze(prior)), _laplacian((24, 18))),
        )
        estimates.append(Wiener().solve(problem).image.numpy())
    np.testing.assert_allclose(np.mean(estimates, 0), mean, rtol=1e-6, atol=1e-9)


def test_is_the_minimiser() -> None:
    A = Blur(gaussian_psf(1.0), (8, 10))
    D = Gradient((8, 10), boundary="circular")
    center = torch.linspace(0, 1, 80, dtype=torch.float64).reshape(8, 10)
    sigma = torch.tensor([0.1, 0.4], dtype=torch.float64)
    data = torch.randn(2, 8, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = Problem(A, data, GaussianNoise(sigma), Tikhonov(2.0, D) + Tikhonov(0.3, center=center))
    x = Wiener().solve(problem).image.requires_grad_()
    (gradient,) = torch.autograd.grad(problem.objective(x).sum(), x)
    assert float(gradient.norm()) < 1e-9 * float(data.norm())


def test_what_nothing_determines_is_zero() -> None:
    D = Gradient((6, 6), boundary="circular")
    x = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(Wiener().solve(Problem(D, D(x))).image, x - x.mean(), rtol=1e-9, atol=1e-9)


def test_refusals() -> None:
    y = torch.ones(6, 6)
    with pytest.raises(CapabilityError, match="periodic convolutions: Circulant, Identity, or Blur"):
        Wiener().solve(Problem(Blur(gaussian_psf(1.0), (6, 6), boundary="reflect"), y))
    with pytest.raises(CapabilityError, match="needs quadratic terms"):
        Wiener().solve(Problem(Blur(gaussian_psf(1.0), (6, 6)), y, PoissonNoise()))
    with pytest.raises(CapabilityError, match=r"needs quadratic terms.*got GroupL1"):
        Wiener().solve(Problem(Blur(gaussian_psf(1.0), (6, 6)), y, prior=TotalVariation()))
