"""What samplers with particles share, seen on the plainest one: particles that do not interact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import torch

from recon.operators import GaussianNoise, Identity
from recon.priors import GaussianPrior
from recon.solvers import ParticleSampler, Problem, Sampler
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.sampler import SamplerState

SHAPE = (2, 3)


@dataclass(frozen=True, kw_only=True)
class Alone(ParticleSampler):
    """Ancestral sampling of the prior by every particle."""

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        draw, level = self.noise(problem, state), self.level(problem, state)
        move = Ancestral().step(
            lambda v, here: self.rows_denoised(problem, v, here.sigma),
            state.u.flatten(0, 1),
            self.row_level(level),
            lambda k, like=None: draw(k).flatten(0, 1),
            (),
        )
        return self.advance(state, move.u.reshape(state.u.shape), move.x0.reshape(state.u.shape))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        yield cls(steps=8, particles=3), question(2)


def question(items: int = 3) -> Problem:
    data = torch.zeros(items, *SHAPE, dtype=torch.float64)
    return Problem(Identity(SHAPE), data, GaussianNoise(0.5), GaussianPrior(0.4, std=0.7, shape=SHAPE))


def test_particles_draw_from_the_prior_where_nothing_guides_them() -> None:
    particles = Alone(steps=400, particles=4000).whole().solve(question(1)).image[0]
    assert float((particles.mean(0) - 0.4).abs().max()) < 0.04
    assert float((particles.std(0) - 0.7).abs().max()) < 0.04


def test_the_first_particles_are_the_same_however_many_there_are() -> None:
    few, many = (Alone(steps=8, particles=j) for j in (3, 7))
    states = [solver.init(question()) for solver in (few, many)]
    torch.testing.assert_close(states[0].u, states[1].u[:, :3])
    draws = [s.noise(question(), state)(5) for s, state in zip((few, many), states, strict=True)]
    torch.testing.assert_close(draws[0], draws[1][:, :3])


def test_the_ensemble_is_the_particles_in_another_order_and_the_image_one_of_them_or_their_mean() -> None:
    solver = Alone(steps=8, particles=5)
    state = solver.init(question())
    for _ in range(8):
        state = solver.step(question(), state)
    whole, one = solver.whole().image(state), solver.image(state)
    assert whole.shape == (3, 5, *SHAPE)
    torch.testing.assert_close(whole.flatten(2).sort(1).values, state.u.flatten(2).sort(1).values)
    assert not torch.equal(whole, state.u)
    assert all(any(torch.equal(x, p) for p in item) for x, item in zip(one, state.u, strict=True))
    torch.testing.assert_close(replace(solver, output="mean").image(state), state.u.mean(1))


def test_every_particle_is_the_image_as_often() -> None:
    solver = Alone(steps=8, particles=4, streams=tuple(range(4000)))
    state = solver.init(question(4000))
    numbered = torch.arange(4.0).reshape(1, 4, 1, 1).expand(4000, 4, *SHAPE)
    chosen = solver.image(state._replace(estimate=numbered))[:, 0, 0].long()
    counts = torch.bincount(chosen, minlength=4)
    assert float((counts - 1000).abs().max()) < 120  # 4.4 standard deviations


def test_chunks_change_nothing_and_bound_the_calls() -> None:
    sizes = []

    class Watched(GaussianPrior):
        def expectation(self, u, sigma):  # type: ignore[no-untyped-def]
            sizes.append(len(u))
            return super().expectation(u, sigma)

    asked = Problem(Identity(SHAPE), question().data, GaussianNoise(0.5), Watched(0.4, std=0.7, shape=SHAPE))
    whole = Alone(steps=4, particles=5).whole().solve(asked).image
    assert set(sizes) == {15}
    sizes.clear()
    torch.testing.assert_close(Alone(steps=4, particles=5, chunk=4).whole().solve(asked).image, whole)
    assert max(sizes) == 4


def test_rows_are_the_items_as_often_as_there_are_particles() -> None:
    solver = Alone(steps=4, particles=2)
    noise = GaussianNoise(torch.tensor([0.1, 0.2, 0.3]))
    asked = Problem(Identity(SHAPE), torch.arange(18.0).reshape(3, *SHAPE), noise, question().prior)
    rows = solver.rows(asked)
    assert rows.data[:, 0, 0].tolist() == [0, 0, 6, 6, 12, 12]
    torch.testing.assert_close(rows.noise.sigma, torch.tensor([0.1, 0.1, 0.2, 0.2, 0.3, 0.3]))  # type: ignore[union-attr]


def test_a_first_guess_and_a_truth_go_to_all_particles() -> None:
    guess = torch.full((3, *SHAPE), 5.0, dtype=torch.float64)
    solver = Alone(steps=8, particles=50)
    start = solver.init(question(), guess).u - solver.init(question(), 0 * guess).u
    torch.testing.assert_close(start, guess[:, None].expand(3, 50, *SHAPE))
    result = solver.whole().solve(question(), truth=guess)
    expected = (result.image - 5).square().flatten(1).mean(1)
    torch.testing.assert_close(result.history["mse"][-1], expected)


def test_the_misfit_is_the_mean_over_the_particles() -> None:
    solver = Alone(steps=8, particles=5)
    state = solver.init(question())._replace(estimate=torch.randn(3, 5, *SHAPE, dtype=torch.float64))
    expected = (state.estimate / 0.5).square().flatten(1).mean(1)
    torch.testing.assert_close(solver.measure(question(), state)["misfit"], expected)
    with pytest.raises(ValueError, match="particles >= 2, got 1"):
        Alone(particles=1)
