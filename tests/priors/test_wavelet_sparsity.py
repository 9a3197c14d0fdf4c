"""WaveletSparsity: cost, weights and prox."""

import pytest
import pywt
import torch

from recon.operators.wavelet import Wavelet
from recon.priors.handcrafted.wavelet_sparsity import WaveletSparsity


def random(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_cost_sums_the_details_of_pywavelets(dtype):
    x = random((16, 24), dtype)
    approximation, *details = pywt.wavedec2(x.numpy(), "db2", mode="periodization", level=2)
    expected = 0.3 * sum(abs(band).sum() for level in details for band in level)
    assert float(WaveletSparsity(0.3, "db2", 2, approximation=False).cost(x)) == pytest.approx(expected, rel=1e-12)
    expected += 0.3 * abs(approximation).sum()
    assert float(WaveletSparsity(0.3, "db2", 2).cost(x)) == pytest.approx(expected, rel=1e-12)


def test_constants_cost_nothing_unless_approximations_count():
    x = torch.full((9, 14), 3.0, dtype=torch.float64)
    assert float(WaveletSparsity(wavelet="db3", level=2, approximation=False).cost(x)) < 1e-12
    assert float(WaveletSparsity(wavelet="db3", level=2).cost(x)) > float(x.norm())


@pytest.mark.parametrize("shape", [(8, 8), (7, 10)])
def test_terms_are_unitary_and_bound_the_image_where_they_say_so(shape):
    x = random((5, *shape), torch.complex128)
    (term,) = WaveletSparsity(2.0, "db2", 2).terms(shape)
    assert term.unitary
    assert bool((torch.linalg.vector_norm(x, dim=(1, 2)) <= term.embedding * term(x) + 1e-12).all())
    (term,) = WaveletSparsity(2.0, "db2", 2, approximation=False).terms(shape)
    assert term.unitary
    assert term.embedding is None
    W = term.operator
    torch.testing.assert_close(W.adjoint(W(x)), x)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_prox_shrinks_details_only(dtype):
    x = random((8, 8), dtype)
    (term,) = WaveletSparsity(0.4, "haar", 1, approximation=False).terms((8, 8))
    W = Wavelet((8, 8), "haar", 1)
    shrunk = W.adjoint(term.functional.prox(W(x), 0.5))
    coefficients = W(x)
    magnitude = coefficients.abs()
    expected = coefficients * (magnitude - 0.2).clamp(min=0) / magnitude
    expected[:4, :4] = coefficients[:4, :4]
    torch.testing.assert_close(W(shrunk), expected)


def test_colour_planes_stay_apart_with_axes():
    x = random((3, 8, 8))
    prior = WaveletSparsity(wavelet="db2", level=1, axes=(-2, -1))
    separate = sum(float(WaveletSparsity(wavelet="db2", level=1).cost(plane)) for plane in x)
    assert float(prior.cost(x)) == pytest.approx(separate)


def test_unknown_wavelets_are_refused_at_construction():
    with pytest.raises(ValueError, match="expected an orthogonal wavelet"):
        WaveletSparsity(wavelet="morlet")
