"""WaveletTree: which coefficients lie below which, and what the prior prefers."""

from __future__ import annotations

import pytest
import torch

from recon.operators import GaussianNoise, Identity, Volume, Wavelet
from recon.phantoms import shepp_logan
from recon.priors import WaveletSparsity, WaveletTree
from recon.priors.handcrafted.wavelet_tree import coarser
from recon.solvers import MaxIter, Problem, ProximalGradient


def test_the_parent_of_a_coefficient_is_that_of_the_level_above_at_its_place() -> None:
    parents = coarser(Wavelet((8,), "haar", 3))
    # [approximation, level 3, level 2 × 2, level 1 × 4]
    assert parents.tolist() == [-1, -1, 1, 1, 2, 2, 3, 3]
    plane = coarser(Wavelet((4, 4), "haar", 2)).reshape(-1).tolist()
    places = {child: divmod(parent, 4) for child, parent in enumerate(plane) if parent >= 0}
    assert {divmod(child, 4): parent for child, parent in places.items()} == {
        **{(y, x): (0, 1) for y in (0, 1) for x in (2, 3)},
        **{(y, x): (1, 0) for y in (2, 3) for x in (0, 1)},
        **{(y, x): (1, 1) for y in (2, 3) for x in (2, 3)},
    }


@pytest.mark.parametrize(("shape", "axes"), [((7, 13), None), ((2, 9), (-1,)), ((4, 1, 6), None), ((5, 5), None)])
def test_odd_sizes_have_parents_of_the_next_coarser_level(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> None:
    W = Wavelet(shape, "haar", 2, axes)
    levels, parents = W.detail_level.reshape(-1), coarser(W).reshape(-1)
    has = parents >= 0
    assert bool((levels[parents[has]] == levels[has] + 1).all())
    assert not bool((has & (levels == 0)).any())
    assert bool(has[levels == 1].any())


def test_without_approximations_constants_cost_nothing() -> None:
    x = torch.full((8, 8), 3.0, dtype=torch.float64)
    assert float(WaveletTree(wavelet="haar", level=2, approximation=False).cost(x)) < 1e-12
    assert float(WaveletTree(wavelet="haar", level=2).cost(x)) == pytest.approx(48.0)


def test_it_denoises_edges_better_than_coefficients_one_by_one() -> None:
    truth = shepp_logan(32.0).rasterise(Volume((64, 64)))
    noise = GaussianNoise(0.1)
    y = noise.sample(truth, torch.Generator().manual_seed(0))
    solver = ProximalGradient(stop=MaxIter(5))

    def error(prior: WaveletSparsity | WaveletTree) -> float:
        image = solver.solve(Problem(Identity((64, 64)), y, noise, prior)).image
        return float((image - truth).square().mean())

    single = min(error(WaveletSparsity(lam, "haar", 4, approximation=False)) for lam in (5.0, 10.0, 15.0, 20.0, 30.0))
    trees = min(error(WaveletTree(lam, "haar", 4, approximation=False)) for lam in (2.5, 5.0, 7.5, 10.0, 15.0))
    assert trees < 0.9 * single


def test_an_unknown_wavelet_is_refused() -> None:
    with pytest.raises(ValueError, match="morlet"):
        WaveletTree(wavelet="morlet")
