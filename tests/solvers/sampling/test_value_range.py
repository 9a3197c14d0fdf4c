"""Data and prior in different values are told apart; honest data raise no alarm, whatever the noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from unittest import mock

import pytest
import torch
from torch import Tensor

from recon.operators import (
    Blur,
    CorrelatedNoise,
    Downsample,
    GaussianNoise,
    Identity,
    LinearOperator,
    Mask,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Volume,
)
from recon.priors import GaussianPrior, LatentPrior, PretrainedDiffusion
from recon.solvers import DPS, MMPS, Problem, sample
from recon.solvers.sampling import value_range
from recon.solvers.sampling.value_range import check_values

N = 16
GENERATOR = torch.Generator().manual_seed(0)
OPERATORS: dict[str, LinearOperator] = {
    "identity": Identity((N, N)),
    "mask": Mask((torch.rand(N, N, generator=GENERATOR) < 0.3).double()),
    "blur": Blur(torch.full((3, 3), 1 / 9, dtype=torch.float64), (N, N)),
    "downsample": Downsample((N, N), 2),
    "ct": RayTransform(
        Volume(shape=(N, N), spacing=1.0), ParallelBeam(angles=torch.linspace(0, 3, 12), bins=25, pitch=1.0)
    ),
}
each = pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)


class Ranged(GaussianPrior):
    """A prior of images in a range, around some mean."""

    def __init__(self, low: float, high: float, mean: float) -> None:
        super().__init__(mean, std=0.3 * (high - low), shape=(N, N))
        self.value_range = (low, high)


def discs(count: int) -> Tensor:
    """Bright discs on a black ground, in [0, 1]."""
    grid = torch.arange(N, dtype=torch.float64)
    centres = 4 + 8 * torch.rand(count, 2, 1, 1, generator=GENERATOR, dtype=torch.float64)
    distance = ((grid[:, None] - centres[:, 0]).square() + (grid - centres[:, 1]).square()).sqrt()
    return (4.0 - distance).clamp(0, 1)


UNIT, SIGNED = Ranged(0.0, 1.0, 0.2), Ranged(-1.0, 1.0, -0.6)


def posed(operator: LinearOperator, images: Tensor, sigma: float, prior: GaussianPrior) -> Problem:
    noise = GaussianNoise(sigma)
    return Problem(operator, noise.sample(operator(images), GENERATOR), noise, prior)


@each
@pytest.mark.parametrize("sigma", [1e-3, 0.05, 0.3, 1.0, 5.0])
def test_honest_data_raise_no_alarm(operator: LinearOperator, sigma: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(posed(operator, discs(5), sigma, UNIT))
        check_values(posed(operator, 2 * discs(5) - 1, sigma, SIGNED))
        check_values(posed(operator, 1 - 0.8 * discs(5), sigma, Ranged(0.0, 1.0, 0.8)))  # bright as its prior is


@each
@pytest.mark.parametrize(
    "wrong",
    [lambda x: 2 * x - 1, lambda x: 255 * x, lambda x: x - 3],
    ids=["signed", "bytes", "shifted"],
)
def test_data_that_no_image_in_the_range_explains_are_refused(
    operator: LinearOperator, wrong: Callable[[Tensor], Tensor]
) -> None:
    with pytest.raises(ValueError, match=r"no image with values in \[0, 1\], which Ranged is for, explains the data"):
        check_values(posed(operator, wrong(discs(3)), 0.05, UNIT))


@each
def test_images_in_the_half_where_the_prior_is_not_are_warned_of(operator: LinearOperator) -> None:
    sentence = r"values in \[-1, 1\], around -0.6 on the average, and images in \[0, 1\] explain the data of item \d"
    with pytest.warns(UserWarning, match=sentence):
        check_values(posed(operator, discs(3), 0.1, SIGNED))


def test_the_item_is_named() -> None:
    images = discs(4)
    images[2] = 2 * images[2] - 1
    with pytest.raises(ValueError, match="the data of item 2 to within"):
        check_values(posed(OPERATORS["identity"], images, 0.05, UNIT))


def test_noise_that_is_understated_is_not_taken_for_another_range() -> None:
    """Ten times more noise than said takes values out of the range, but leaves little unexplained."""
    data = GaussianNoise(0.1).sample(discs(3), GENERATOR)
    check_values(Problem(OPERATORS["identity"], data, GaussianNoise(0.01), UNIT))


def test_other_noise_is_measured_by_its_covariance() -> None:
    x = discs(3)
    spectrum = 0.02 / (0.1 + torch.fft.fftfreq(N)[:, None] ** 2 + torch.fft.fftfreq(N) ** 2)
    for noise in (CorrelatedNoise(spectrum=spectrum), PoissonNoise(0.05, background=0.1)):
        check_values(Problem(OPERATORS["identity"], noise.sample(x, GENERATOR), noise, UNIT))
        with pytest.raises(ValueError, match="no image with values in"):
            check_values(Problem(OPERATORS["identity"], noise.sample(30 * x, GENERATOR), noise, UNIT))


def test_samplers_look_before_they_run() -> None:
    problem = posed(OPERATORS["identity"], 255 * discs(2), 0.05, UNIT)
    for run in (lambda: DPS(steps=5).solve(problem), lambda: sample(DPS(steps=5), problem, 2)):
        with pytest.raises(ValueError, match="scale the data, give the prior the value_range"):
            run()


def test_what_has_no_range_is_not_looked_at() -> None:
    wild = 1e6 * discs(2)
    check_values(posed(OPERATORS["identity"], wild, 0.05, GaussianPrior(shape=(N, N))))
    check_values(Problem(OPERATORS["identity"], wild.to(torch.complex128), GaussianNoise(0.1), UNIT))
    check_values(posed(OPERATORS["identity"], wild[:0], 0.05, UNIT))


def test_a_problem_is_looked_at_once_unless_its_data_change() -> None:
    problem = posed(OPERATORS["identity"], discs(2), 0.05, UNIT)
    with mock.patch.object(value_range, "_Test", wraps=value_range._Test) as looked:
        check_values(problem)
        check_values(problem)
        assert looked.of.call_count == 1
        problem.data.mul_(2).sub_(1)
        for _ in range(2):
            with pytest.raises(ValueError, match=r"no image with values in \[0, 1\]"):
                check_values(problem)
        assert looked.of.call_count == 3


def test_images_of_an_autoencoder_and_complex_ones_taken_for_real() -> None:
    latent = LatentPrior(GaussianPrior(0.5, std=0.2, shape=(8, 8)), Identity((8, 8)), network_range=(-1.0, 1.0))
    real = PretrainedDiffusion("small_images", shape=(8, 8), complex_as="real")
    x, noise = discs(2)[..., :8, :8], GaussianNoise(0.05)
    for prior, field in ((latent, torch.float64), (real, torch.complex128)):
        given = noise.sample(x.to(field), torch.Generator().manual_seed(0))
        check_values(Problem(Identity((8, 8)), given, noise, prior))
        with pytest.raises(ValueError, match=r"no image with values in \[0, 1\]"):
            check_values(Problem(Identity((8, 8)), 255 * given, noise, prior))


def test_noise_has_to_be_stated() -> None:
    with pytest.raises(ValueError, match="MMPS samples a posterior, which depends on the noise"):
        MMPS(steps=2).solve(Problem(OPERATORS["identity"], discs(1), prior=UNIT))


@each
def test_images_far_smaller_than_the_prior_s_are_warned_of(operator: LinearOperator) -> None:
    """Attenuation in 1/mm behind a prior for [0, 1]."""
    with pytest.warns(UserWarning, match=r"images in \[0, 0.125\] explain the data of item \d: give the prior"):
        check_values(posed(operator, 0.05 * discs(3), 5e-3, UNIT))
