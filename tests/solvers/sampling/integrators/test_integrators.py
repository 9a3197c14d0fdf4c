"""What all integrators share: limits, orders of convergence, independence of items, counts of calls."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, Identity
from recon.priors import GaussianPrior
from recon.solvers import (
    DDIM,
    Ancestral,
    DPMSolver,
    EulerSDE,
    Guess,
    Guided,
    Heun,
    HeunSDE,
    Integrator,
    KarrasSchedule,
    Level,
    PredictorCorrector,
    Problem,
    Renoise,
    sample_prior,
)
from recon.solvers.sampling.chains.denoising_posterior import denoising_posterior
from recon.solvers.sampling.random import keyed
from recon.testing.members import members
from tests.solvers.sampling.audit import Law, propagate, spectrum, w2

INTEGRATORS: tuple[Integrator, ...] = (
    Ancestral(),
    DDIM(),
    DDIM(0.5),
    DDIM(1.0),
    DPMSolver(),
    EulerSDE(),
    Heun(),
    Heun(churn=0.1),
    HeunSDE(),
    PredictorCorrector(),
    Renoise(0.3),
)
every = pytest.mark.parametrize("integrator", INTEGRATORS, ids=repr)

C = torch.tensor([[1.0, 0.3, 0.0], [0.3, 0.5, -0.2], [0.0, -0.2, 0.3]], dtype=torch.float64)
MEAN = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
PRIOR = GaussianPrior(MEAN, covariance=C)


@dataclass(frozen=True, kw_only=True)
class Free(Guided):
    """No guidance: the prior itself is sampled."""

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: object) -> Guess:
        return Guess(self.prior(problem)(u, level.sigma))


def law(integrator: Integrator, steps: int) -> Law:
    problem = Problem(Identity((3,)), torch.zeros(1, 3, dtype=torch.float64), GaussianNoise(1.0), PRIOR)
    return propagate(Free(steps=steps, integrator=integrator, noise_schedule=KarrasSchedule(0.01, 50.0)), problem)


def test_all_of_the_room_are_here() -> None:
    assert {type(i) for i in INTEGRATORS} == set(members(Integrator))


@pytest.mark.parametrize(
    ("integrator", "order", "error"),
    [
        (Ancestral(), 1, 0.02),
        (DDIM(), 1, 0.02),
        (DDIM(0.5), 1, 0.02),
        (EulerSDE(), 1, 0.02),
        (Heun(), 2, 1.5e-3),
        (HeunSDE(), 2, 1.5e-3),
        (DPMSolver(), 2, 1.5e-3),
    ],
    ids=repr,
)
def test_samples_of_the_prior_with_an_error_of_the_stated_order(integrator, order, error) -> None:
    exact = Law(MEAN, C)
    errors = [w2(law(integrator, steps), exact) / float(C.trace().sqrt()) for steps in (40, 80, 320)]
    floor = 0.006  # the start knows nothing of the mean of the prior, and the last step goes from 0.01 to 0
    assert errors[2] < error + floor
    if order == 1:
        assert 1.7 < errors[0] / errors[1] < 2.4
    else:
        assert errors[0] < 0.05


@pytest.mark.parametrize("integrator", [Heun(), DPMSolver()], ids=repr)
def test_the_flow_is_followed_to_second_order(integrator) -> None:
    """Against the closed form, u − m times ((c + s²)/(c + σ²))^½ per eigenvalue c, on levels that end at 1."""
    values, vectors = torch.linalg.eigh(C)
    u = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 20
    gains = ((values + 1) / (values + 400)).sqrt()
    exact = MEAN + ((u - MEAN) @ vectors * gains) @ vectors.T
    errors = []
    for steps in (20, 40, 80):
        sigmas = torch.logspace(torch.tensor(20.0).log10(), 0, steps + 1, dtype=torch.float64)
        state, memory = u, (torch.zeros_like(u),) * integrator.memory
        for i in range(steps):
            upper = sigmas[i - 1] if i else torch.tensor(torch.inf, dtype=torch.float64)
            level = Level(*(v.expand(5) for v in (sigmas[i], sigmas[i + 1], upper)))
            move = integrator.step(lambda v, here: PRIOR(v, here.sigma), state, level, none, memory)
            state, memory = move.u, move.memory
        errors.append(float((state - exact).norm() / exact.norm()))
    assert errors[-1] < 2e-3
    assert 3.3 < errors[0] / errors[1] < 5
    assert 3.5 < errors[1] / errors[2] < 4.6


def none(draw: int, like: Tensor | None = None) -> Tensor:
    return torch.zeros(5, 3, dtype=torch.float64)


def test_langevin_steps_correct_a_coarse_prediction() -> None:
    """On 64 pixels: the step length is random, and in few dimensions wildly so."""
    prior = GaussianPrior(0.3, spectrum=spectrum(8))
    exact = Law(torch.full((64,), 0.3, dtype=torch.float64), prior.covariance.dense())
    x = {
        type(i).__name__: sample_prior(
            prior, 4000, steps=25, integrator=i, noise_schedule=KarrasSchedule(0.01, 50.0), dtype=torch.float64
        ).flatten(1)
        for i in (EulerSDE(), PredictorCorrector(snr=0.16, corrections=3))
    }
    errors = {name: w2(Law(v.mean(0), torch.cov(v.T)), exact) for name, v in x.items()}
    assert errors["PredictorCorrector"] < 0.7 * errors["EulerSDE"]


def test_full_noise_anew_is_ddim_with_all_of_it_and_none_of_it() -> None:
    """ζ = 0 is the flow; η = 1 is the ancestral step."""
    u = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    level = Level(*(torch.full((4,), v, dtype=torch.float64) for v in (2.0, 1.5, torch.inf)))

    def go(integrator: Integrator) -> Tensor:
        return integrator.step(lambda v, here: PRIOR(v, here.sigma), u, level, lambda draw, like=None: z, ()).u

    torch.testing.assert_close(go(Renoise(0.0)), go(DDIM(0.0)))
    torch.testing.assert_close(go(Ancestral()), go(DDIM(1.0)))
    torch.testing.assert_close(go(Renoise(1.0)), PRIOR(u, 2.0) + 1.5 * z)


@every
def test_the_last_step_ends_on_an_estimate(integrator) -> None:
    """At s = 0 the state is x̂₀ itself: a prior without spread is hit exactly."""
    point = GaussianPrior(MEAN, std=0.0)
    x = sample_prior(point, 3, steps=5, integrator=integrator, dtype=torch.float64)
    torch.testing.assert_close(x, MEAN.expand(3, 3), rtol=1e-9, atol=1e-9)


@every
def test_an_item_is_the_same_alone_and_among_sixteen(integrator) -> None:
    few, many = (sample_prior(PRIOR, n, steps=6, seed=3, integrator=integrator, dtype=torch.float64) for n in (1, 16))
    torch.testing.assert_close(few, many[:1], rtol=1e-12, atol=1e-12)
    single = sample_prior(PRIOR, 2, steps=6, seed=3, integrator=integrator, dtype=torch.float32)
    tolerance = 1e-3 if isinstance(integrator, PredictorCorrector) else 1e-5  # whose steps depend on norms of scores
    torch.testing.assert_close(single.double(), many[:2], rtol=tolerance, atol=tolerance)


@every
def test_items_at_different_levels_go_as_they_would_alone(integrator) -> None:
    u = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    columns = torch.tensor([[2.0, 1.0, 0.4], [1.5, 0.5, 0.0], [inf, 2.0, 0.5]], dtype=torch.float64)
    memory = (PRIOR(u, 2.0),) * integrator.memory

    def go(items: list[int]) -> Tensor:
        kept = tuple(image[items] for image in memory)
        level = Level(*columns[:, items], most=2.0)
        return integrator.step(lambda v, here: PRIOR(v, here.at), u[items], level, lambda draw: z[items], kept).u

    torch.testing.assert_close(go([0, 1, 2]), torch.cat([go([i]) for i in range(3)]), rtol=1e-12, atol=1e-12)


@every
def test_calls_are_as_many_as_said_and_only_at_levels_of_the_prior(integrator) -> None:
    sigmas: list[float] = []

    class Seen(GaussianPrior):
        sigma_range = (0.02, 10.0)

        def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
            sigmas.append(float(torch.as_tensor(sigma).max()))
            return super().expectation(u, sigma)

    sample_prior(
        Seen(std=0.5, shape=(3,)), 2, steps=7, integrator=integrator, noise_schedule=KarrasSchedule(0.02, 10.0)
    )
    assert len(sigmas) == 7 * integrator.calls - (integrator.calls - 1)


@every
def test_items_at_different_levels_share_a_batch(integrator) -> None:
    """A batch need not be at one level: an item at its last step does not change what the others do."""
    u = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = torch.randn(16, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    sigma, lower, upper = torch.tensor([[2.0, 0.5], [1.0, 0.0], [3.0, 0.7]], dtype=torch.float64)
    memory = (u / 2,) * integrator.memory
    both = integrator.step(
        lambda v, here: PRIOR(v, here.sigma), u, Level(sigma, lower, upper), lambda draw, like=None: z[draw], memory
    )
    for i in range(2):
        here = Level(*(v[i : i + 1] for v in (sigma, lower, upper)))
        alone = integrator.step(
            lambda v, here: PRIOR(v, here.sigma),
            u[i : i + 1],
            here,
            lambda draw, like=None, i=i: z[draw, i : i + 1],
            tuple(m[i : i + 1] for m in memory),
        )
        torch.testing.assert_close(both.u[i : i + 1], alone.u)


def misuse() -> Iterator[tuple[type[Integrator], dict, str]]:
    yield DDIM, {"eta": 1.2}, "0 <= eta <= 1"
    yield Renoise, {"zeta": -0.1}, "0 <= zeta <= 1"
    yield Heun, {"churn": 0.5}, r"0 <= churn <= sqrt\(2\) - 1"
    yield Heun, {"churn_least": 2.0, "churn_most": 1.0}, "churn_least <= churn_most"
    yield PredictorCorrector, {"snr": 0.0}, "snr > 0"
    yield PredictorCorrector, {"corrections": 0}, "corrections to be a positive whole number"
    yield PredictorCorrector, {"corrections": 16}, "corrections <= 15"


@pytest.mark.parametrize(("cls", "options", "sentence"), list(misuse()))
def test_misuse_gets_one_sentence(cls, options, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        cls(**options)


@every
def test_pickling(integrator) -> None:
    assert pickle.loads(pickle.dumps(integrator)) == integrator


def test_what_is_no_integrator_is_refused() -> None:
    with pytest.raises(TypeError, match="Free expects an Integrator, got str"):
        Free(integrator="heun")  # type: ignore[arg-type]


@pytest.mark.parametrize("churn", [0.0, 0.1, 0.4])
def test_churn_is_that_of_algorithm_2(churn: float) -> None:
    """The authors' loop for images N(m, c): mean and variance by their own recursion, the first level not exceeded."""
    m, c, steps, S_noise = 0.3, 0.25, 12, 1.01
    prior = GaussianPrior(m, std=c**0.5, shape=(1,))
    t = KarrasSchedule(0.02, 20.0)(steps).tolist()

    def slope(x: tuple[float, float], level: float) -> tuple[float, float]:
        """(x − D(x, σ))/σ for x = a + b·(noise), as an affine function."""
        share = level / (level**2 + c)
        return share, -share * m

    mean, var = 0.0, 1 + t[0] ** 2
    for i in range(steps):
        hat = min(t[i] * (1 + churn), t[0])
        var += S_noise**2 * (hat**2 - t[i] ** 2)
        a, b = slope((0, 0), hat)
        gain, away = 1 + (t[i + 1] - hat) * a, (t[i + 1] - hat) * b
        if t[i + 1] > 0:
            a2, b2 = slope((0, 0), t[i + 1])
            half = (t[i + 1] - hat) / 2
            gain, away = 1 + half * (a + a2 * gain), half * (b + a2 * away + b2)
        mean, var = gain * mean + away, gain**2 * var
    solver = Free(steps=steps, noise_schedule=KarrasSchedule(0.02, 20.0), integrator=Heun(churn, noise_scale=S_noise))
    law = propagate(solver, Problem(Identity((1,)), torch.zeros(1, 1, dtype=torch.float64), GaussianNoise(1.0), prior))
    assert float(law.mean) == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert float(law.cov) == pytest.approx(var, rel=1e-9)


def test_only_the_reverse_diffusion_draws_given_the_state() -> None:
    """x ~ p(x | u) of N(0, 1) at σ = 0.7 has mean u/1.49 and variance .329; what keeps marginals alone forgets u."""
    prior, rho = GaussianPrior(shape=(1,)), torch.full((4000,), 0.7, dtype=torch.float64)
    u = torch.full((4000, 1), 2.0, dtype=torch.float64)
    streams, zero = torch.arange(4000), torch.zeros(4000, dtype=torch.long)
    for integrator in INTEGRATORS:
        noise = lambda number: keyed(0, streams, zero, (1,), torch.float64, number)  # noqa: E731
        x = denoising_posterior(prior, integrator, u, rho, 40, noise)
        right = abs(float(x.mean()) - 2 / 1.49) < 0.04 and abs(float(x.var()) - 0.49 / 1.49) < 0.03
        assert right == integrator.conditional, repr(integrator)
