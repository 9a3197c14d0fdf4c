from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from recon.cli import main
from recon.operators import GaussianNoise, Identity, Mask
from recon.priors import GaussianPrior, LatentPrior, TiledPrior, VPDiffusion
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.tiling import Tiling
from recon.solvers import DDNM, PiGDM, Problem, sample_prior
from tests.solvers.sampling.audit import propagate


def near(n: int, length: float = 6.0) -> Tensor:
    """Covariance of a stationary Markov process of n samples."""
    i = torch.arange(n, dtype=torch.float64)
    return torch.exp(-(i[:, None] - i).abs() / length)


def noisy(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Chain(DiffusionPrior):
    """A prior that keeps many images for its derivative, and notes how many it got at once."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        self.most = 0

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        self.most = max(self.most, len(u))
        for _ in range(20):
            u = torch.sin(u) + 0.1 * u.mean(dim=-1, keepdim=True)
        return u


# ------------------------------------------------------------------------------------------------ the posterior mean


@pytest.mark.parametrize("shape", [(4,), (7,), (10, 9), (4, 13), (2, 5, 8)])
@pytest.mark.parametrize("overlap", [0, 1, 3])
@pytest.mark.parametrize("moving", [False, True])
def test_independent_pixels_are_denoised_exactly_at_any_size(shape, overlap, moving) -> None:
    tile = tuple(min(n, 4) for n in shape)
    prior = TiledPrior(GaussianPrior(0.3, std=0.7), shape, tile=tile, overlap=overlap, moving=moving)
    sigma = torch.tensor([0.1, 0.9, 5.0], dtype=torch.float64)
    u = noisy(3, *shape)
    torch.testing.assert_close(prior(u, sigma), GaussianPrior(0.3, std=0.7)(u, sigma), rtol=1e-13, atol=1e-13)


def test_independent_blocks_are_denoised_exactly() -> None:
    block = near(3)
    tile = GaussianPrior(0.2, covariance=torch.block_diag(block, block))
    whole = GaussianPrior(0.2, covariance=torch.block_diag(*[block] * 5), shape=(15,))
    u = noisy(2, 15)
    for prior in (
        TiledPrior(tile, (15,), overlap=3, moving=False),
        TiledPrior(GaussianPrior(0.2, covariance=block), (15,), overlap=0, moving=False),
    ):
        assert {start % 3 for start in prior.tiling((15,)).starts[0]} == {0}
        torch.testing.assert_close(prior(u, 0.5), whole(u, 0.5), rtol=1e-13, atol=1e-13)


def test_channels_are_not_cut() -> None:
    mixing = torch.tensor([[1.0, 0.6], [0.6, 1.0]], dtype=torch.float64)
    tile = GaussianPrior(covariance=torch.kron(mixing, torch.eye(3, dtype=torch.float64)), shape=(2, 3))
    whole = GaussianPrior(covariance=torch.kron(mixing, torch.eye(8, dtype=torch.float64)), shape=(2, 8))
    u = noisy(2, 8)
    torch.testing.assert_close(TiledPrior(tile, (2, 8))(u, 0.4), whole(u, 0.4), rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------------ seams


def seam(solver, overlap: int | None, moving: bool, n: int = 40, t: int = 10) -> float:
    """Root-mean-square jumps of samples where tiles without overlap meet, over those elsewhere.

    Images are stationary and one pixel in ten is seen, so that both are the same for a prior of the whole image.
    """
    tile, pixels = GaussianPrior(covariance=near(t)), torch.arange(n) % 10 == 4
    A, noise = Mask(pixels.double()), GaussianNoise(0.1)
    prior = (
        GaussianPrior(covariance=near(n)) if overlap is None else TiledPrior(tile, (n,), overlap=overlap, moving=moving)
    )
    cov = propagate(solver, Problem(A, noisy(1, n) * pixels, noise, prior)).cov
    square = cov.diagonal()[1:] + cov.diagonal()[:-1] - 2 * cov.diagonal(1)
    return float((square[9::10].mean() / square[8::10][:3].mean()).sqrt())


@pytest.mark.parametrize("solver", [PiGDM(steps=24), DDNM(steps=24)], ids=["PiGDM", "DDNM"])
def test_no_seams_with_overlap_and_moving_tiles(solver) -> None:
    whole = seam(solver, None, False)
    assert seam(solver, 3, True) < 1.15 * whole
    assert seam(solver, 0, True) < 1.35 * whole
    assert seam(solver, 0, False) > 1.6 * whole


def test_tiles_move_with_sigma_alone() -> None:
    prior = TiledPrior(GaussianPrior(covariance=near(8)), (64,), overlap=0)
    levels = torch.linspace(0.1, 10, 200).tolist()
    firsts = [prior.tiling((64,), sigma).starts[0] for sigma in levels]
    assert [prior.tiling((64,), sigma).starts[0] for sigma in levels] == firsts
    at_border = torch.zeros(64)
    for starts in firsts:
        at_border[list(starts)] += 1
    assert float(at_border[1:56].max()) < 0.25 * len(levels)  # an eighth on the average
    assert float(at_border[1:56].min()) > 0


# ------------------------------------------------------------------------------------------------ tilings


@pytest.mark.parametrize("n", [5, 6, 11, 23])
@pytest.mark.parametrize("overlap", [0, 1, 4])
@pytest.mark.parametrize("phase", [None, 0.0, 0.37, 0.99])
def test_tiles_cover_and_overlap(n, overlap, phase) -> None:
    tiling = Tiling((n,), (5,), (overlap,), None if phase is None else (phase,))
    (starts,) = tiling.starts
    assert starts[0] == 0
    assert starts[-1] == n - 5
    assert all(0 < b - a <= 5 - overlap for a, b in pairwise(starts))
    total = torch.zeros(n, dtype=torch.float64)
    for corner, weights in zip(tiling.corners, tiling.weights(tiling.corners, total), strict=True):
        total[tiling.window(corner)] += weights
        assert bool((weights > 0).all())
    torch.testing.assert_close(total, torch.ones_like(total))
    if phase is None:
        assert len(starts) == (1 if n == 5 else -(-(n - 5) // (5 - overlap)) + 1)


# ------------------------------------------------------------------------------------------------ memory


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_limited_batches_change_nothing(limit) -> None:
    free, bound = Chain((4, 4)), Chain((4, 4))
    u, w = noisy(2, 9, 10), noisy(2, 9, 10)[:, :9]
    wide, narrow = TiledPrior(free, (9, 10), overlap=1), TiledPrior(bound, (9, 10), overlap=1, tile_batch=limit)
    first, second = wide.linearise(u, 0.3), narrow.linearise(u, 0.3)
    torch.testing.assert_close(first.mean, second.mean, rtol=1e-13, atol=1e-13)
    for _ in range(2):
        torch.testing.assert_close(first.pullback(w), second.pullback(w), rtol=1e-12, atol=1e-12)
    assert bound.most <= limit < free.most


def test_derivatives_keep_no_more_than_the_image() -> None:
    kept = []
    for limit in (None, 2):
        prior = TiledPrior(Chain((4, 4)), (16, 16), overlap=0, moving=False, tile_batch=limit)
        sizes: list[int] = []

        def note(x: Tensor, sizes: list[int] = sizes) -> Tensor:
            sizes.append(x.numel())
            return x

        u = noisy(1, 16, 16).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            prior(u, 0.3)
        kept.append(sum(sizes))
    assert kept[0] > 20 * 256
    assert kept[1] < kept[0] / 5


# ------------------------------------------------------------------------------------------------ as a prior


def test_ranges_and_levels_are_those_of_the_tiles() -> None:
    network = VPDiffusion(lambda x, t: 0 * x, (4, 4), value_range=(0.0, 1.0))
    prior = TiledPrior(network, (9, 9))
    assert prior.sigma_range == network.sigma_range
    assert prior.value_range == (0.0, 1.0)
    assert (prior.scale, prior.shift) == (network.scale, network.shift)
    assert prior.levels is network.levels
    with pytest.raises(ValueError, match="holds for sigma"):
        prior(noisy(9, 9), 1e6)


def test_images_of_any_size_without_a_shape() -> None:
    prior = TiledPrior(GaussianPrior(0.5, covariance=near(4)))
    for n in (4, 7, 30):
        images = sample_prior(prior, 2, shape=(n,), steps=10)
        assert images.shape == (2, n)
    with pytest.raises(ValueError, match=r"images at least as large as a tile, \(4,\), got \(3,\)"):
        prior(noisy(3), 0.5)


def test_latents_in_tiles() -> None:
    tiled = TiledPrior(GaussianPrior(covariance=near(3)), (8,))
    prior = LatentPrior(tiled, lambda z: z.repeat_interleave(2, -1))
    problem = Problem(Identity((16,)), noisy(1, 16), GaussianNoise(0.5), prior)
    image = PiGDM(steps=8).solve(problem).image
    assert image.shape == (1, 16)
    torch.testing.assert_close(image[:, ::2], image[:, 1::2])


def test_in_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("image.npy", np.linspace(0, 1, 99).reshape(9, 11))
    Path("job.yaml").write_text(
        "recon: 1\ninput: {name: numpy, path: image.npy}\noperator: {name: downsample, factor: 2, filter: box}\n"
        "noise: {name: gaussian, sigma: 0.3}\n"
        "prior: {name: tiled_prior, prior: {name: gaussian_prior, std: 0.5}, tile: [8, 8], overlap: 3, tile_batch: 2}\n"
        "solver: {name: pigdm, steps: 4}\noutput: {path: out, formats: [hdf5]}\n"
    )
    for solver in ("{name: pigdm, steps: 4}", "{name: mask_shift, steps: 4, coarse: [2]}"):
        text = Path("job.yaml").read_text().replace("{name: pigdm, steps: 4}", solver)
        Path("again.yaml").write_text(text)
        assert main(["reconstruct", "again.yaml", "--out", solver[7:12], "--quiet"]) == 0, solver
        (path,) = Path(solver[7:12]).rglob("*.h5")
        with h5py.File(path) as file:
            assert file["image"].shape == (18, 22)


def test_misuse_gets_one_sentence() -> None:
    tile = GaussianPrior(std=0.5, shape=(4, 4))
    for options, error, sentence in (
        ({"prior": tile, "shape": (3, 9)}, ValueError, "at least as large as a tile"),
        ({"prior": tile, "shape": (9,)}, ValueError, "at least as large as a tile"),
        ({"prior": tile, "overlap": 4}, ValueError, "0 <= overlap < 4"),
        ({"prior": tile, "overlap": (4, 1)}, ValueError, "an overlap for each axis"),
        ({"prior": tile, "overlap": 1.5}, ValueError, "an overlap for each axis"),
        ({"prior": tile, "tile": (5, 5)}, ValueError, r"got tile \(5, 5\), but GaussianPrior is for images"),
        ({"prior": GaussianPrior()}, ValueError, "expects tile=..., since GaussianPrior has no shape"),
        ({"prior": GaussianPrior(), "tile": (0, 4)}, ValueError, "positive sizes in tile"),
        ({"prior": tile, "tile_batch": 0}, ValueError, "tile_batch to be a positive whole number"),
        ({"prior": LatentPrior(tile, lambda z: z)}, TypeError, "a diffusion prior of the tiles, got LatentPrior"),
    ):
        with pytest.raises(error, match=sentence):
            TiledPrior(**options)
