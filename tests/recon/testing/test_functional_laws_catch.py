"""Every law of functionals and of noise models catches one that breaks it."""

import pytest
import torch

from recon.operators import L1, BoxIndicator, Functional, GaussianNoise, PoissonNoise, SquaredL2
from recon.testing import check_functional, check_noise


class Quadratic(SquaredL2):
    """A sound functional that the broken ones derive from."""

    def __init__(self):
        super().__init__((5,), data=torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0]), weight=2.0)

    def __mul__(self, factor):
        return Functional.__mul__(self, factor)

    __rmul__ = __mul__


class WrongGradient(Quadratic):
    def grad(self, x):
        return 1.001 * super().grad(x)


class WrongHessian(Quadratic):
    def hessian(self, x, v):
        return 1.001 * super().hessian(x, v)


class WrongLipschitz(Quadratic):
    def lipschitz(self):
        return 1.9


class WrongProx(Quadratic):
    def prox(self, x, tau):
        return super().prox(x, 1.001 * tau)


class Expansive(Quadratic):
    def prox(self, x, tau):
        return -x


class OneStep(Quadratic):
    def prox(self, x, tau):
        return super().prox(x, tau.max() if isinstance(tau, torch.Tensor) else tau)


class WrongMoreau(Quadratic):
    def prox_conjugate(self, y, sigma):
        return y - self.prox(y, sigma)


class WrongConjugate(Quadratic):
    def conjugate(self, y):
        return super().conjugate(y) - 1e-3


class LooseConjugate(Quadratic):
    def conjugate(self, y):
        return super().conjugate(y) + 1e-3


class WrongMultiple(Quadratic):
    def __mul__(self, factor):
        return SquaredL2(self.domain_shape, self.data, factor)

    __rmul__ = __mul__


class SmallRadius(Quadratic):
    def level_radius(self, level):
        return 0.9 * (2 * level / self.weight).sqrt()


class HighBound(Quadratic):
    def lower_bound(self, r, radius):
        return super().lower_bound(r, radius) + 0.1


class Concave(Quadratic):
    def apply(self, x):
        return -super().apply(x)


class Summed(Quadratic):
    def apply(self, x):
        value = super().apply(x)
        return value + value.sum() * 1e-6


class WrongSelect(SquaredL2):
    def __init__(self):
        super().__init__((2,), data=torch.arange(6.0).reshape(3, 2))

    def select(self, items):
        return super().select(torch.zeros_like(items))


class FiniteAtNaN(BoxIndicator):
    def __init__(self):
        super().__init__((4,), -0.5, 2.0)

    def apply(self, x):
        return torch.where((x < self.lower).any(-1), torch.inf, 0.0).to(x.dtype)


class OutsideDual(L1):
    def __init__(self):
        super().__init__((4,), weights=0.7)

    def dual_point(self, y):
        return 1.001 * y


class WrongShrink(L1):
    def __init__(self):
        super().__init__((4,), weights=0.7)

    def dual_shrink(self, y):
        return 0.5 * torch.ones_like(y[..., 0].real)


class Undeclared(Quadratic):
    capabilities = frozenset({"grad", "prox"})


BROKEN = [
    (WrongGradient, "gradient"),
    (WrongHessian, "second_derivative"),
    (WrongLipschitz, "lipschitz"),
    (WrongProx, "prox_optimal"),
    (Expansive, "prox_firmly_nonexpansive"),
    (OneStep, "prox_steps"),
    (WrongMoreau, "prox_conjugate"),
    (WrongConjugate, "fenchel_young"),
    (LooseConjugate, "fenchel_young"),
    (WrongMultiple, "scaling"),
    (SmallRadius, "level_radius"),
    (HighBound, "lower_bound"),
    (Concave, "values"),
    (Summed, "batch_equals_loop"),
    (WrongSelect, "selection"),
    (FiniteAtNaN, "nan_stays_visible"),
    (OutsideDual, "dual_point"),
    (WrongShrink, "dual_shrink"),
    (Undeclared, "undeclared"),
]


def test_sound_functionals_obey_all():
    assert check_functional(Quadratic()).passed
    assert check_functional(SquaredL2((2,), torch.ones(3, 2), torch.tensor([1.0, 2.0, 3.0]))).passed


@pytest.mark.parametrize(("cls", "law"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_broken_functional(cls, law):
    with pytest.raises(AssertionError, match=f"{law}: "):
        check_functional(cls(), only=(law,))


def test_a_functional_infinite_everywhere_tried_asks_for_a_point():
    f = BoxIndicator((3,), 7.0, 8.0)
    f.capabilities = frozenset()
    with pytest.raises(AssertionError, match="pass at=, one item where it is"):
        check_functional(f, only=("values",))
    check_functional(BoxIndicator((3,), 7.0, 8.0), only=("values",))


class TooWide(GaussianNoise):
    def sample(self, clean, generator=None):
        return GaussianNoise(1.05 * self.sigma).sample(clean, generator)


class Biased(GaussianNoise):
    def sample(self, clean, generator=None):
        return super().sample(clean, generator) + 0.02


class GlobalGenerator(GaussianNoise):
    def sample(self, clean, generator=None):
        return super().sample(clean)


class Repeated(GaussianNoise):
    def sample(self, clean, generator=None):
        return clean + (super().sample(clean[:1], generator) - clean[:1])


class NormalForPoisson(PoissonNoise):
    """The right mean and variance, the wrong likelihood."""

    def sample(self, clean, generator=None):
        mean = clean + self.background.to(clean)
        return GaussianNoise(1.0).sample(torch.zeros_like(mean), generator) * (self.gain * mean).sqrt() + mean


class OffsetFidelity(GaussianNoise):
    def fidelity(self, data, shape):
        return SquaredL2(shape, data + 0.02, weight=self.sigma**-2)


def _moments(z):
    return z, torch.full_like(z, 0.09)


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        (TooWide(0.3), "mean_and_variance"),
        (TooWide(0.3), "score"),
        (Biased(0.3), "mean_and_variance"),
        (OffsetFidelity(0.3), "score"),
        (GlobalGenerator(0.3), "generators"),
        (Repeated(0.3), "generators"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_broken_noise(noise, law):
    with pytest.raises(AssertionError, match=f"{law}: "):
        check_noise(noise, moments=_moments, only=(law,))


def test_likelihood_beyond_the_second_moment():
    """E[(∂f)²] = E[∂²f] sees variances only; the ratio of likelihoods sees the shape of the distribution."""
    with pytest.raises(AssertionError, match="likelihood_ratio: "):
        check_noise(NormalForPoisson(0.5, 0.2), only=("likelihood_ratio",), clean=torch.full((3,), 2.0).double())
