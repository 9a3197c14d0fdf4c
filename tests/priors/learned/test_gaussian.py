import pytest
import torch
from torch import Tensor

from recon.operators import Diagonal, LinearOperator
from recon.operators.functionals import SquaredL2
from recon.priors import GaussianPrior

SHAPE, D = (2, 3), 6
EYE = torch.eye(D, dtype=torch.float64)


def randn(*size: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def dense_prior(dtype: torch.dtype = torch.float64) -> tuple[GaussianPrior, Tensor, Tensor]:
    root, mean = randn(D, D, dtype=dtype), randn(*SHAPE, seed=1, dtype=dtype)
    C = root @ root.mH
    return GaussianPrior(mean, covariance=C, shape=SHAPE), mean, C


def matrix_operator(M: Tensor, shape: tuple[int, ...] = SHAPE, **fields: str) -> LinearOperator:
    d = len(shape)
    return LinearOperator.from_functions(
        lambda x: x.flatten(x.ndim - d).to(M.dtype) @ M.mT,
        lambda y: (y @ M.conj()).reshape(*y.shape[:-1], *shape),
        shape,
        (M.shape[0],),
        **fields,
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_denoiser_is_the_conditional_mean(dtype) -> None:
    prior, mean, C = dense_prior(dtype)
    u, sigma = randn(4, *SHAPE, seed=2, dtype=dtype), torch.tensor([0.0, 0.3, 1.0, 20.0], dtype=torch.float64)
    for i, s in enumerate(sigma):
        K = C @ torch.linalg.inv(C + s**2 * EYE)
        wanted = mean.reshape(D) + K @ (u[i] - mean).reshape(D)
        torch.testing.assert_close(prior(u, sigma)[i].reshape(D), wanted)


def test_complex_images_under_a_real_covariance_are_two_independent_real_ones() -> None:
    prior, mean, C = dense_prior()
    u = randn(3, *SHAPE, dtype=torch.complex128)
    shifted = GaussianPrior(0.0, covariance=C, shape=SHAPE)
    torch.testing.assert_close(prior(u, 0.4), torch.complex(prior(u.real, 0.4), shifted(u.imag, 0.4)))
    assert mean.is_floating_point()


def test_three_forms_of_one_covariance_agree() -> None:
    variance = torch.tensor([[4.0, 1.0, 0.0], [0.25, 9.0, 1.0]], dtype=torch.float64)
    u, sigma = randn(2, *SHAPE), torch.tensor([0.5, 2.0])
    diagonal = GaussianPrior(0.7, std=variance.sqrt())
    dense = GaussianPrior(0.7, covariance=torch.diag(variance.flatten()), shape=SHAPE)
    torch.testing.assert_close(diagonal(u, sigma), dense(u, sigma))

    spectrum = torch.fft.fftn(torch.tensor([[2.0, -0.5, -0.5], [0.3, 0.1, 0.1]], dtype=torch.float64)).real
    stationary = GaussianPrior(0.7, spectrum=spectrum)
    C = stationary.covariance.dense()
    kernel = torch.fft.ifftn(spectrum).real
    for i in range(D):
        for j in range(D):
            (a, b), (c, d) = divmod(i, 3), divmod(j, 3)
            assert float(C[i, j]) == pytest.approx(float(kernel[(a - c) % 2, (b - d) % 3]), abs=1e-12)
    as_dense = GaussianPrior(0.7, covariance=C, shape=SHAPE)
    torch.testing.assert_close(stationary(u, sigma), as_dense(u, sigma))
    torch.testing.assert_close(stationary.log_evidence(u, 0.5), as_dense.log_evidence(u, 0.5))


def test_posterior_in_information_form() -> None:
    prior, mean, C = dense_prior()
    M, y, sigma = randn(4, D, seed=3), randn(4, seed=4), 0.3
    post = prior.posterior(matrix_operator(M), y, sigma)
    S = torch.linalg.inv(torch.linalg.inv(C) + M.T @ M / sigma**2)
    wanted = S @ (torch.linalg.solve(C, mean.reshape(D)) + M.T @ y / sigma**2)
    torch.testing.assert_close(post.mean.reshape(D), wanted)
    torch.testing.assert_close(post.covariance.dense(), S, rtol=1e-7, atol=1e-9)


def test_posterior_of_complex_images_and_of_real_ones_with_complex_data() -> None:
    M, y, sigma = randn(4, D, seed=3, dtype=torch.complex128), randn(4, seed=4, dtype=torch.complex128), 0.3
    prior, mean, C = dense_prior(torch.complex128)
    post = prior.posterior(matrix_operator(M, domain_field="complex", range_field="complex"), y, sigma)
    S = torch.linalg.inv(torch.linalg.inv(C) + M.mH @ M / sigma**2)
    torch.testing.assert_close(post.covariance.dense(), S, rtol=1e-7, atol=1e-9)
    wanted = S @ (torch.linalg.solve(C, mean.reshape(D)) + M.mH @ y / sigma**2)
    torch.testing.assert_close(post.mean.reshape(D), wanted)

    prior, mean, C = dense_prior()
    R, r = torch.cat([M.real, M.imag]), torch.cat([y.real, y.imag])
    post = prior.posterior(matrix_operator(M, domain_field="real", range_field="complex"), y, sigma)
    S = torch.linalg.inv(torch.linalg.inv(C) + R.T @ R / sigma**2)
    torch.testing.assert_close(post.covariance.dense(), S, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(post.mean.reshape(D), S @ (torch.linalg.solve(C, mean.reshape(D)) + R.T @ r / sigma**2))
    with pytest.raises(TypeError, match="prior is for complex images"):
        dense_prior(torch.complex128)[0].posterior(matrix_operator(R), r, sigma)


def test_conditioning_on_two_data_at_once_or_in_turn_is_the_same() -> None:
    prior, _, _ = dense_prior()
    M, y = randn(4, D, seed=3), randn(4, seed=4)
    once = prior.posterior(matrix_operator(M), y, 0.3)
    turns = prior.posterior(matrix_operator(M[:1]), y[:1], 0.3).posterior(matrix_operator(M[1:]), y[1:], 0.3)
    torch.testing.assert_close(once.mean, turns.mean)
    torch.testing.assert_close(once.covariance.dense(), turns.covariance.dense())


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_samples_have_mean_and_covariance(dtype) -> None:
    prior, mean, C = dense_prior(dtype)
    n = 20_000
    x = prior.sample(n, torch.Generator().manual_seed(0)).reshape(n, D)
    spread = C.diagonal().real.sqrt()
    parts = 2 if dtype.is_complex else 1
    assert float(((x.mean(0) - mean.reshape(D)).abs() / spread).max()) < 5 * (parts / n) ** 0.5
    r = x - mean.reshape(D)
    found = r.mT @ r.conj() / (parts * n)
    assert float(((found - C).abs() / (spread[:, None] * spread)).max()) < 5 * (2 / n) ** 0.5


def test_parameters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one of std, covariance and spectrum"):
        GaussianPrior(std=1.0, covariance=EYE)
    with pytest.raises(ValueError, match=r"covariance of shape \(6, 6\) for images \(2, 3\), got \(5, 5\)"):
        GaussianPrior(covariance=EYE[:5, :5], shape=SHAPE)
    with pytest.raises(ValueError, match="symmetric"):
        GaussianPrior(covariance=randn(D, D), shape=SHAPE)
    with pytest.raises(ValueError, match="positive semidefinite"):
        GaussianPrior(covariance=-EYE, shape=SHAPE)
    with pytest.raises(ValueError, match="nonnegative and even"):
        GaussianPrior(spectrum=torch.arange(5.0))
    with pytest.raises(ValueError, match="std >= 0"):
        GaussianPrior(std=-1.0)
    with pytest.raises(ValueError, match=r"mean of shape \(4,\) for images of shape \(2, 3\)"):
        GaussianPrior(torch.zeros(4), shape=SHAPE)
    with pytest.raises(ValueError, match=r"std of shape \(2,\) for images of shape \(2, 3\)"):
        GaussianPrior(std=torch.ones(2), shape=SHAPE)
    with pytest.raises(ValueError, match="needs a shape to sample"):
        GaussianPrior().sample(2)
    prior = GaussianPrior(std=1.0)
    A = Diagonal(torch.ones(3))
    with pytest.raises(ValueError, match=r"one item of data, \(3,\), got \(2, 3\)"):
        prior.posterior(A, torch.zeros(2, 3), 1.0)
    with pytest.raises(ValueError, match="sigma > 0"):
        prior.posterior(A, torch.zeros(3), 0.0)
    with pytest.raises(TypeError, match="SquaredL2 is nonlinear"):
        prior.posterior(SquaredL2((3,)), torch.zeros(()), 1.0)
    torch.testing.assert_close(prior.posterior(A, torch.ones(3), 1.0).mean, torch.full((3,), 0.5, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_fitting_gives_the_moments_of_the_images(dtype) -> None:
    prior, mean, C = dense_prior(dtype)
    x = prior.sample(20000, torch.Generator().manual_seed(4))
    full = GaussianPrior.fit(x)
    torch.testing.assert_close(full.mean, mean, rtol=0, atol=0.1)
    torch.testing.assert_close(full.covariance.dense(), C, rtol=0.05, atol=0.15)
    # exact identities with the sample: any white transform of it keeps them
    away = (x - x.mean(0)).flatten(1)
    parts = 2 if dtype.is_complex else 1
    torch.testing.assert_close(full.covariance.dense(), away.mT @ away.conj() / len(x) / parts)
    each = GaussianPrior.fit(x, "std")
    torch.testing.assert_close(each.covariance.values(x).flatten(), full.covariance.dense().diagonal().real)


def test_fitting_a_stationary_field_gives_its_spectrum() -> None:
    k = torch.fft.fftfreq(6, dtype=torch.float64)
    spectrum = 1 / (0.05 + k[:, None] ** 2 + k[None, :] ** 2)
    x = GaussianPrior(0.7, spectrum=spectrum).sample(20000, torch.Generator().manual_seed(4))
    found = GaussianPrior.fit(x, "spectrum")
    torch.testing.assert_close(found.covariance.eigenvalues, spectrum, rtol=0.05, atol=0)
    torch.testing.assert_close(found.mean, torch.full((6, 6), float(x.mean()), dtype=torch.float64))


def test_fitting_refuses_what_has_no_moments() -> None:
    with pytest.raises(ValueError, match="at least two images"):
        GaussianPrior.fit(torch.zeros(1, 2, 3))
    with pytest.raises(ValueError, match="form 'covariance', 'std' or 'spectrum', got 'dense'"):
        GaussianPrior.fit(torch.zeros(3, 2, 3), "dense")
