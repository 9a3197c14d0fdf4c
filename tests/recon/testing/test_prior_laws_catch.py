"""Every law of priors catches one that breaks it."""

import dataclasses

import pytest
import torch

from recon.operators import L1, Diagonal, Gradient, Identity
from recon.priors import DenoiserPrior, Term, TotalVariation, VariationalPrior
from recon.testing import check_prior


class Total(VariationalPrior):
    """A sound prior that the broken ones derive from: Σ|Dx|."""

    change = {}  # noqa: RUF012

    def unit_terms(self, shape):
        (term,) = TotalVariation(isotropic=False).unit_terms(shape)
        return (dataclasses.replace(term, **self.change),)


class SmallEmbedding(Total):
    def unit_terms(self, shape):
        (term,) = super().unit_terms(shape)
        return (dataclasses.replace(term, embedding=term.embedding / 4),)


class FalselyUnitary(Total):
    change = {"unitary": True}  # noqa: RUF012


class FalseKernel(VariationalPrior):
    def unit_terms(self, shape):
        return (Term(L1(shape), Identity(shape), kernel_constants=True),)


class WrongShapes(VariationalPrior):
    def unit_terms(self, shape):
        return (Term(L1(shape), Gradient(shape)),)


class InPlace(Total):
    def cost(self, x, shape=None):
        x += 1
        return super().cost(x, shape)


class BatchCoupled(Total):
    def cost(self, x, shape=None):
        value = super().cost(x, shape)
        return value + 1e-6 * value.sum()


class SelfScaling(Total):
    def __mul__(self, factor):
        self.lam *= factor
        return self

    __rmul__ = __mul__


class WrongPart(Diagonal):
    def apply_adjoint(self, y):
        return 2 * super().apply_adjoint(y)


class BrokenParts(VariationalPrior):
    def unit_terms(self, shape):
        return (Term(L1(shape), WrongPart(torch.ones(shape))),)


class Random(Total):
    def __init__(self, lam=1.0):
        super().__init__(lam)
        self.secret = lambda x: x


@pytest.mark.parametrize(
    ("cls", "law"),
    [
        (SmallEmbedding, "embedding"),
        (FalselyUnitary, "unitary"),
        (FalseKernel, "constants"),
        (WrongShapes, "terms_fit"),
        (InPlace, "cost"),
        (BatchCoupled, "cost"),
        (SelfScaling, "scaling"),
        (BrokenParts, "parts"),
        (Random, "pickling"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_broken_prior(cls, law):
    with pytest.raises(AssertionError, match=f"{law}: "):
        check_prior(cls(), only=(law,))


def test_sound_priors_obey_all():
    assert check_prior(Total(0.3)).passed
    assert check_prior(DenoiserPrior(_half)).passed


def _half(x, sigma):
    return x / (1 + sigma)


def _batch_mean(x, sigma):
    return x - x.mean(0, keepdim=True)


def _noisy(x, sigma):
    return x + 0.1 * torch.randn_like(x)


def _in_place(x, sigma):
    return x.mul_(0.5)


def _first_sigma(x, sigma):
    return x / (1 + torch.as_tensor(sigma, dtype=x.dtype).flatten()[0])


@pytest.mark.parametrize(
    ("function", "law"),
    [(_batch_mean, "items_independent"), (_noisy, "repeatable"), (_in_place, "shapes"), (_first_sigma, "levels")],
)
def test_broken_denoiser(function, law):
    with pytest.raises(AssertionError, match=f"{law}: "):
        check_prior(DenoiserPrior(function), only=(law,))


def test_other_things_are_refused():
    with pytest.raises(
        TypeError, match="check_prior expects a VariationalPrior, a Denoiser or a LatentPrior, got float"
    ):
        check_prior(0.5)
