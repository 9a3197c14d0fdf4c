"""Laws of noise models: what is sampled is what the fidelity says is likely."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.noise import NoiseModel
from recon.testing.functionals import check_functional
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import same

SAMPLES = 20_000
DEVIATIONS = 5.0
"""Statistics may lie this many standard errors from what they estimate."""

Moments = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class NoiseCase:
    """A noise model under test, at one item of clean data.

    ``moments`` gives the mean and the variance (E|y − mean|² where complex) of y for clean data, elementwise.
    """

    noise: NoiseModel
    clean: Tensor
    moments: Moments | None = None

    @property
    def ndim(self) -> int:
        """Dimensions of one item."""
        return self.clean.ndim

    def many(self, seed: int = 1) -> tuple[Tensor, Tensor]:
        """Clean data repeated, and as many independent noisy versions."""
        clean = self.clean.expand(SAMPLES, *self.clean.shape).clone()
        return clean, self.noise.sample(clean, self.generator(seed))

    def generator(self, seed: int) -> torch.Generator:
        """A generator on the device of the data."""
        return torch.Generator(self.clean.device).manual_seed(seed)

    def fidelity(self, data: Tensor) -> Functional:
        """−log p(data | ·)."""
        return self.noise.fidelity(data, tuple(self.clean.shape))


def samples(case: NoiseCase) -> str:
    """Noisy data have the shape, precision and device of clean data, which stay as they were."""
    real = case.clean.real if case.clean.is_complex() else case.clean
    for dtype in (torch.float32, torch.float64):
        for batch in ((), (0,), (2, 3)):
            wanted = dtype.to_complex() if case.clean.is_complex() else dtype
            clean = case.clean.to(wanted).expand(*batch, *real.shape).clone()
            before = clean.clone()
            noisy = case.noise.sample(clean, case.generator(0))
            assert noisy.shape == clean.shape, f"clean data {tuple(clean.shape)} became {tuple(noisy.shape)}."
            assert noisy.dtype == wanted, f"clean data of {wanted} became {noisy.dtype}."
            assert noisy.device == clean.device, f"clean data on {clean.device} moved to {noisy.device}."
            assert same(clean, before), "sampling changed the clean data in place."
            assert clean.numel() == 0 or not same(noisy, clean), "the noisy data are the clean data."
    return "shape, precision and device kept"


def generators(case: NoiseCase) -> str:
    """A generator decides the sample: one seed, one sample; torch's global generator is left alone."""
    state = torch.random.get_rng_state()
    first, again = (case.noise.sample(case.clean.expand(50, *case.clean.shape), case.generator(0)) for _ in range(2))
    other = case.noise.sample(case.clean.expand(50, *case.clean.shape), case.generator(1))
    assert same(first, again), "one seed gave two samples."
    assert not same(first, other), "two seeds gave one sample."
    assert not same(first[0], first[1]), "two items of a batch got the same noise."
    assert torch.equal(state, torch.random.get_rng_state()), "sampling with a generator moved torch's global one."
    return "one seed, one sample"


def mean_and_variance(case: NoiseCase) -> str:
    """Samples have the stated mean and variance."""
    if case.moments is None:
        raise NotApplicable("no moments were given to compare with")
    clean, noisy = case.many()
    mean, variance = case.moments(clean)
    residual = noisy - mean
    parts = [residual.real, residual.imag] if residual.is_complex() else [residual]
    worst = largest(*(_deviations(part) for part in parts))
    at_most(worst, DEVIATIONS, "mean of the samples, in standard errors from the model's")
    spread = _deviations(residual.abs().square() - variance)
    return at_most(spread, DEVIATIONS, "variance of the samples, in standard errors from the model's")


def score(case: NoiseCase) -> str:
    """E[∂f] = 0 and E[(∂f)²] = E[∂²f] at the clean data (Fisher's identities), f the fidelity of a sample."""
    clean, noisy = case.many()
    f = case.fidelity(noisy)
    for along in _directions(case.clean):
        slope, curvature = _derivatives(f, clean, along)
        at_most(_deviations(slope), DEVIATIONS, "mean score of the samples, in standard errors from 0")
        at_most(_deviations(slope.square() - curvature), DEVIATIONS, "E[(∂f)²] − E[∂²f], in standard errors from 0")
    return "Fisher's identities hold"


def likelihood_ratio(case: NoiseCase) -> str:
    """E[p(y | z′)/p(y | z)] = 1 for samples y at z, with p = exp(−f): the fidelity is the whole log-likelihood."""
    clean, noisy = case.many(2)
    f, worst = case.fidelity(noisy), 0.0
    for along in _directions(case.clean):
        slope, _ = _derivatives(f, clean, along)
        step = 0.4 / sqrt(float(slope.square().mean()))
        for sign in (1, -1):
            ratio = (f(clean) - f(clean + sign * step * along)).exp()
            worst = largest(worst, _deviations(ratio - 1))
    return at_most(worst, DEVIATIONS, "mean likelihood ratio, in standard errors from 1")


def least_value(case: NoiseCase) -> str:
    """The fidelity is nonnegative and comes to zero at its minimum, which a prox with a long step finds."""
    data = case.noise.sample(case.clean.expand(20, *case.clean.shape).clone(), case.generator(3))
    f = case.fidelity(data)
    value = f(case.clean.expand(20, *case.clean.shape))
    at_most(float((-value).max()), 1e-12, "fidelity below zero")
    if "prox" not in f.capabilities:
        raise NotApplicable("the fidelity declares no prox")
    least = f(f.prox(data.abs() if not data.is_complex() else data, 1e12))
    return at_most(float((least / (1 + value)).max()), 1e-6, "least value of the fidelity")


def fidelity(case: NoiseCase) -> str:
    """The fidelity obeys the laws of functionals, for one item of data and for a batch."""
    count = 0
    for batch in ((), (3,)):
        data = case.noise.sample(case.clean.expand(*batch, *case.clean.shape).clone(), case.generator(4))
        report = check_functional(case.fidelity(data), at=case.clean, device=case.clean.device)
        count += len(report.results)
    return f"{count} laws"


def pickling(case: NoiseCase) -> str:
    """A pickled model draws the same sample."""
    copied = pickle.loads(pickle.dumps(case.noise))
    a, b = (model.sample(case.clean, case.generator(5)) for model in (case.noise, copied))
    assert same(a, b), "the sample differs after pickling."
    return "same sample"


def _directions(clean: Tensor) -> list[Tensor]:
    ones = torch.ones_like(clean)
    return [ones, 1j * ones] if clean.is_complex() else [ones]


def _derivatives(f: Functional, z: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative of f at z in one direction, per item, by central differences."""
    h = 1e-3 * float(z.abs().mean())
    above, middle, below = f(z + h * along), f(z), f(z - h * along)
    return (above - below) / (2 * h), (above - 2 * middle + below) / h**2


def _deviations(x: Tensor) -> float:
    """Largest |mean over samples| in standard errors."""
    mean, error = x.mean(0), x.std(0) / sqrt(len(x))
    return float((mean.abs() / torch.where(error > 0, error, torch.finfo(x.dtype).tiny)).max())


NOISE_LAWS: tuple[Law, ...] = (
    samples,
    generators,
    mean_and_variance,
    score,
    likelihood_ratio,
    least_value,
    fidelity,
    pickling,
)
