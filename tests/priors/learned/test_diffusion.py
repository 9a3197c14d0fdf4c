import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError
from recon.priors import DiffusionPrior, GaussianMixturePrior, GaussianPrior, VPDiffusion


@pytest.fixture
def prior() -> GaussianPrior:
    root = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return GaussianPrior(0.3, covariance=root @ root.T, shape=(2, 3))


def test_the_pullback_is_the_adjoint_derivative(prior) -> None:
    u, w = torch.randn(2, 4, 2, 3, dtype=torch.float64)
    sigma = torch.tensor([0.1, 0.5, 1.0, 3.0], dtype=torch.float64)
    with torch.no_grad():
        mean, pullback = prior.linearise(u, sigma)
    assert not mean.requires_grad
    torch.testing.assert_close(mean, prior(u, sigma))
    C = prior.covariance.dense()
    for i, s in enumerate(sigma):
        J = C @ torch.linalg.inv(C + s**2 * torch.eye(6, dtype=torch.float64))
        torch.testing.assert_close(pullback(w)[i].reshape(6), J.T @ w[i].reshape(6))


def test_linearising_is_differentiable_outside_no_grad() -> None:
    mixture = GaussianMixturePrior(
        (0.4, 0.6), [GaussianPrior(-1.0, std=0.5, shape=(2,)), GaussianPrior(1.0, std=0.7, shape=(2,))]
    )
    w = torch.tensor([0.3, -1.0], dtype=torch.float64)

    def pulled(u: Tensor) -> Tensor:
        return mixture.linearise(u, 0.8).pullback(w)

    u = torch.tensor([0.2, -0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(pulled, (u,))


def test_a_denoiser_without_gradients_is_refused_by_name() -> None:
    prior = VPDiffusion(lambda x, t: torch.from_numpy(x.detach().numpy() * 0), (3, 4))
    cut = prior.linearise(torch.zeros(3, 4), 1.0)
    assert torch.equal(cut.pullback(torch.ones(3, 4)), torch.ones(3, 4))  # D = u here: its derivative is the identity

    class Cut(DiffusionPrior):
        def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
            return u.detach()

    with pytest.raises(CapabilityError, match="Cut is not differentiable"):
        Cut((3,)).linearise(torch.zeros(3), 1.0)


def test_misuse_gets_one_sentence(prior) -> None:
    with pytest.raises(ValueError, match=r"GaussianPrior expects images of shape \(..., 2, 3\), got \(3, 2\)"):
        prior(torch.zeros(3, 2), 1.0)
    with pytest.raises(ValueError, match=r"holds for sigma from 0 to inf, got -1"):
        prior(torch.zeros(2, 3), -1.0)
    with pytest.raises(ValueError, match="one sigma per image"):
        prior(torch.zeros(4, 2, 3), torch.ones(4, 2))
    network = VPDiffusion(lambda x, t: 0 * x, (3, 4), value_range=(-1, 1))
    low, high = network.sigma_range
    with pytest.raises(ValueError, match=r"VPDiffusion holds for sigma from 0\.01 to 157\.4, got 200"):
        network(torch.zeros(2, 3, 4), torch.tensor([1.0, 200.0]))
    with pytest.raises(ValueError, match=r"got 0\.001"):
        network(torch.zeros(3, 4), 0.001)
    network(torch.zeros(2, 3, 4), torch.tensor([low, high]))
    with pytest.raises(TypeError, match="prior for real images, got complex64"):
        network(torch.zeros(3, 4, dtype=torch.complex64), 1.0)


def test_every_diffusion_prior_is_a_denoiser_of_default_strength() -> None:
    prior = GaussianPrior(0.0, std=2.0, sigma=1.0)
    x = torch.randn(5, 4)
    torch.testing.assert_close(prior.denoise(x), 0.8 * x)
    torch.testing.assert_close(prior.denoise(x, 2.0), 0.5 * x)
    assert prior.denoise(torch.zeros(0, 4)).shape == (0, 4)
