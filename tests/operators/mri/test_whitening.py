"""W Ψ Wᴴ = 2σ² I."""

import pytest
import torch

from recon.operators.mri.whitening import noise_covariance, whitening_matrix


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))


def test_whitened_covariance_is_a_multiple_of_the_identity():
    psi = noise_covariance(random(5, 40))
    W = whitening_matrix(psi, 0.7)
    torch.testing.assert_close(W @ psi @ W.mH, 2 * 0.49 * torch.eye(5, dtype=torch.complex128))
    assert torch.equal(W, W.tril())


def test_samples_are_averaged_over_all_further_axes():
    noise = random(3, 4, 10)
    expected = torch.einsum("cab,dab->cd", noise, noise.conj()) / 40
    torch.testing.assert_close(noise_covariance(noise), expected)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: noise_covariance(torch.ones(3, 9)), TypeError, "complex samples"),
        (lambda: noise_covariance(random(5, 4)), ValueError, "more samples than coils, got 4 of 5"),
        (lambda: noise_covariance(random(5, 9) * torch.nan), ValueError, "finite numbers in noise"),
        (lambda: whitening_matrix(-torch.eye(2)), ValueError, "Hermitian and positive definite"),
        (lambda: whitening_matrix(torch.tensor([[1.0, 0.5], [0.0, 1.0]])), ValueError, "Hermitian and positive"),
        (lambda: whitening_matrix(torch.ones(2, 3)), ValueError, "a covariance .coils, coils., got shape .2, 3."),
        (lambda: whitening_matrix(torch.eye(2), 0), ValueError, "sigma > 0, got 0"),
    ],
)
def test_what_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
