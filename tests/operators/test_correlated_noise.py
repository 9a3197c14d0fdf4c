"""Correlated noise against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from recon.operators import CorrelatedNoise, GaussianNoise, Identity
from recon.priors import Tikhonov
from recon.solvers import FISTA, MaxIter, Problem

SHAPE = (2, 3)
D = 6


def matrix(seed: int = 0, complex_: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(D, D, generator=generator, dtype=torch.complex128 if complex_ else torch.float64)
    return root @ root.mH / D + 0.1 * torch.eye(D)


def spectrum() -> Tensor:
    ky, kx = torch.fft.fftfreq(2, dtype=torch.float64), torch.fft.fftfreq(3, dtype=torch.float64)
    return 1 / (0.1 + ky[:, None] ** 2 + kx**2)


def circulant() -> Tensor:
    """The dense covariance of ``spectrum()``: C[i, j] = c[i − j], c its inverse transform."""
    c = np.fft.ifft2(spectrum().numpy()).real
    index = [(i, j) for i in range(2) for j in range(3)]
    return torch.tensor([[c[(i - k) % 2, (j - m) % 3] for k, m in index] for i, j in index])


def noises() -> list[tuple[CorrelatedNoise, Tensor]]:
    return [
        (CorrelatedNoise(matrix(), sigma=0.5), 0.25 * matrix()),
        (CorrelatedNoise(spectrum=spectrum()), circulant()),
        (CorrelatedNoise(matrix(complex_=True)), matrix(complex_=True)),
    ]


@pytest.mark.parametrize(("noise", "C"), noises(), ids=["dense", "stationary", "complex"])
def test_the_four_powers_are_those_of_the_dense_matrix(noise: CorrelatedNoise, C: Tensor) -> None:
    v = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=C.dtype)
    flat = v.reshape(4, D)
    torch.testing.assert_close(noise.times(v).reshape(4, D), flat @ C.mT)
    torch.testing.assert_close(noise.inverse(v).reshape(4, D), flat @ torch.linalg.inv(C).mT)
    torch.testing.assert_close(noise.root(noise.root(v)), noise.times(v))
    torch.testing.assert_close(noise.whiten(noise.root(v)), v)
    assert float(noise.variance) == pytest.approx(float(C.diagonal().real.mean()))


@pytest.mark.parametrize(("noise", "C"), noises()[:2], ids=["dense", "stationary"])
def test_fidelity_is_the_negative_log_density_less_its_least(noise: CorrelatedNoise, C: Tensor) -> None:
    y, z = torch.randn(2, D, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = MultivariateNormal(z, C).log_prob(z) - MultivariateNormal(z, C).log_prob(y)
    torch.testing.assert_close(noise.fidelity(y.reshape(SHAPE), SHAPE)(z.reshape(SHAPE)), expected)


@pytest.mark.parametrize(("noise", "C"), noises(), ids=["dense", "stationary", "complex"])
def test_samples_have_the_covariance(noise: CorrelatedNoise, C: Tensor) -> None:
    n = noise.sample(torch.zeros(40_000, *SHAPE, dtype=C.dtype), torch.Generator().manual_seed(0)).reshape(-1, D)
    parts = 2 if C.is_complex() else 1
    found = n.mT @ n.conj() / (parts * len(n))
    assert float((found - C).abs().max()) < 0.03 * float(C.abs().max())
    if C.is_complex():  # circular: E n nᵀ = 0
        assert float((n.mT @ n).abs().max() / len(n)) < 0.05 * float(C.abs().max())


def test_a_covariance_of_coils_leaves_pixels_independent() -> None:
    psi = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=torch.float64)
    noise = CorrelatedNoise(psi, axes=(-3,))
    v = torch.randn(5, 2, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.complex128)
    torch.testing.assert_close(noise.times(v), torch.einsum("cd,bdyx->bcyx", psi.to(v), v))
    whitened = noise.whitening((2, 3, 4))
    torch.testing.assert_close(whitened(v), noise.whiten(v))


def test_a_matrix_over_two_axes_takes_them_in_its_order() -> None:
    C = matrix()
    v = torch.randn(5, 2, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for axes, order, back in (((-3, -1), (0, 2, 1, 3), (0, 2, 1, 3)), ((-1, -3), (0, 2, 3, 1), (0, 3, 1, 2))):
        moved = v.permute(order)
        expected = (moved.reshape(5, 4, D) @ C.mT).reshape(moved.shape).permute(back)
        torch.testing.assert_close(CorrelatedNoise(C, axes=axes).times(v), expected)


def test_sigma_may_differ_from_item_to_item() -> None:
    noise = CorrelatedNoise(matrix(), sigma=torch.tensor([0.1, 3.0], dtype=torch.float64))
    v = torch.ones(2, *SHAPE, dtype=torch.float64)
    torch.testing.assert_close(noise.times(v)[1], 900 * noise.times(v)[0])
    problem = Problem(Identity(SHAPE), v, noise)
    alone = problem.select(torch.tensor([1]))
    torch.testing.assert_close(alone.objective(0 * v[1:]), problem.objective(0 * v)[1:])
    torch.testing.assert_close(alone.noise.variance, noise.variance[1:])


def test_a_solver_finds_generalised_least_squares() -> None:
    C = matrix()
    y = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    problem = Problem(Identity(SHAPE), y, CorrelatedNoise(C), Tikhonov(0.7))
    image = FISTA(stop=MaxIter(500)).solve(problem).image
    inverse = torch.linalg.inv(C)
    expected = torch.linalg.solve(inverse + 0.7 * torch.eye(D), inverse @ y.reshape(D))
    torch.testing.assert_close(image.reshape(D), expected, rtol=1e-6, atol=1e-8)


def test_a_multiple_of_the_identity_is_white_noise() -> None:
    y, z = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    noise = CorrelatedNoise(0.09 * torch.eye(D, dtype=torch.float64))
    torch.testing.assert_close(noise.fidelity(y, SHAPE)(z), GaussianNoise(0.3).fidelity(y, SHAPE)(z))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: CorrelatedNoise(), "expects one of covariance and spectrum"),
        (lambda: CorrelatedNoise(torch.zeros(3, 3)), "positive definite covariance, got eigenvalues from 0 to 0"),
        (lambda: CorrelatedNoise(torch.ones(3, 3)), "add the white noise that there is"),
        (lambda: CorrelatedNoise(torch.ones(3, 2)), r"covariance \(m, m\), got shape \(3, 2\)"),
        (lambda: CorrelatedNoise(spectrum=torch.tensor([1.0, 2.0, 3.0])), "nonnegative and even"),
        (lambda: CorrelatedNoise(torch.eye(3), axes=(0,)), "axes to be negative whole numbers"),
        (lambda: CorrelatedNoise(torch.eye(3), sigma=0.0), "expects sigma > 0"),
        (lambda: Problem(Identity((4,)), torch.zeros(4), CorrelatedNoise(torch.eye(3))), r"got data of shape \(4,\)"),
        (lambda: Problem(Identity((2, 3)), torch.zeros(2, 3), CorrelatedNoise(torch.eye(3))), r"shape \(2, 3\)"),
        (
            lambda: Problem(Identity((3,)), torch.zeros(2, 3), CorrelatedNoise(torch.eye(3), sigma=torch.ones(2, 3))),
            "one sigma per item",
        ),
        (
            lambda: CorrelatedNoise(matrix(complex_=True)).sample(torch.zeros(SHAPE)),
            "complex covariance is noise of complex data",
        ),
    ],
)  # type: ignore[no-untyped-def]
def test_refusals(make, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        make()
