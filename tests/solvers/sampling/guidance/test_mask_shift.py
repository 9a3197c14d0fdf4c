from itertools import product
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, Downsample, Fourier, GaussianNoise, Identity, LinearOperator, Mask
from recon.operators.linear import CapabilityError
from recon.priors import GaussianPrior, TiledPrior
from recon.priors.learned.tiling import Tiling
from recon.solvers import DDIM, DDNM, DPMSolver, MaskShift, Problem, Renoise, sample
from recon.solvers.sampling.guidance.tile_stages import Replicate
from recon.solvers.sampling.guidance.tile_waves import TileWaves
from recon.solvers.sampling.small_problems import BentMask
from recon.testing import check_operator
from tests.solvers.sampling.audit import Law, propagate, w2
from tests.solvers.sampling.guidance.published import ALPHA_BAR, Question

QUIET = GaussianNoise(1e-3)


def near(n: int, length: float = 6.0) -> Tensor:
    """Covariance of a stationary Markov process of n samples."""
    i = torch.arange(n, dtype=torch.float64)
    return torch.exp(-(i[:, None] - i).abs() / length)


def noisy(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def law(solver: MaskShift, problem: Problem) -> Law:
    """What the solver draws, over all its tiles."""
    run = solver.settled(problem)
    parts = {name: getattr(run, name) for name in ("require", "init", "step", "image")}
    return propagate(SimpleNamespace(steps=run.stop.max_iter, **parts), problem)


def close(found: Law, wanted: Law, tolerance: float) -> None:
    scale = float(wanted.mean.norm() + wanted.cov.norm())
    assert float((found.mean - wanted.mean).norm()) < tolerance * scale
    assert float((found.cov - wanted.cov).norm()) < tolerance * scale


# ------------------------------------------------------------------------------------------------ what it draws


@pytest.mark.parametrize("integrator", [Renoise(0.7), DDIM(0.5), DPMSolver()], ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize(("blocks", "overlap"), [(1, 0), (2, 3), (3, 6)])
def test_independent_blocks_are_drawn_as_by_ddnm_of_the_whole_image(integrator, blocks, overlap) -> None:
    cov = near(3)
    tile = GaussianPrior(0.3, covariance=torch.block_diag(*[cov] * blocks))
    whole = GaussianPrior(0.3, covariance=torch.block_diag(*[cov] * 5), shape=(15,))
    for A in (Mask(torch.arange(15) % 4 == 1), Downsample((15,), 3, "box")):
        A64, y = A, A(noisy(1, 15))
        global_law = propagate(DDNM(steps=8, integrator=integrator), Problem(A64, y, QUIET, whole))
        tiled = Problem(A64, y, QUIET, TiledPrior(tile, (15,), overlap=overlap))
        close(law(MaskShift(steps=8, integrator=integrator, cg_rtol=1e-13), tiled), global_law, 1e-9)


def recursion(A: Tensor, y: Tensor, prior: GaussianPrior, tiles: list[range], steps: int) -> Law:
    """Mask-shift with ancestral steps, tile after tile in variance-preserving coordinates, by dense matrices."""
    n, t = A.shape[1], len(tiles[0])
    q = Question(torch.zeros(1, t).double(), torch.zeros(1).double(), prior.mean.flatten(), prior.covariance.dense())
    mean, cov = torch.zeros(n).double(), torch.zeros(n, n).double()  # of the image
    alphas = ALPHA_BAR[torch.linspace(999, 0, steps, dtype=torch.float64).round().long()]
    after = torch.cat([alphas[1:], torch.ones(1).double()])
    restored: set[int] = set()
    for tile in tiles:
        new = [i for i in tile if i not in restored]
        later = [i for i in range(n) if i not in restored and i not in tile]
        rows = [j for j in range(len(A)) if not A[j, later].any()]
        inverse = torch.linalg.pinv(A[rows][:, new])
        # one vector: the image, then the state of the tile
        mean = torch.cat([mean[:n], torch.zeros(t).double()])
        cov = torch.block_diag(cov[:n, :n], torch.eye(t).double())
        eye = torch.eye(n + t).double()
        for now, then in zip(alphas, after, strict=True):
            M, b = q.denoised(now)
            estimate, shift = torch.cat([eye[:n], M @ eye[n:]]), torch.zeros(n + t).double()
            shift[n:] = b
            image, constant = eye[:n].clone(), torch.zeros(n).double()  # x̂₀ of all pixels: known ones, and the tile's
            for k, i in enumerate(tile):
                if i in new:
                    image[i], constant[i] = estimate[n + k], shift[n + k]
            image[new], constant[new] = (
                image[new] - inverse @ A[rows] @ image,
                constant[new] + inverse @ (y[rows] - A[rows] @ constant),
            )
            beta = 1 - now / then
            c0, ct = then.sqrt() * beta / (1 - now), (1 - beta).sqrt() * (1 - then) / (1 - now)
            step = torch.cat([eye[:n], c0 * image[list(tile)] + ct * eye[n:]])
            move = torch.cat([torch.zeros(n).double(), c0 * constant[list(tile)]])
            if then == 1:
                step[new], move[new] = image[new], constant[new]
            spread = torch.zeros(n + t).double()
            spread[n:] = (1 - then) / (1 - now) * beta
            mean, cov = step @ mean + move, step @ cov @ step.T + torch.diag(spread)
        restored |= set(tile)
    return Law(mean[:n], cov[:n, :n])


@pytest.mark.parametrize("name", ["mask", "blocks", "blur"])
def test_the_law_is_that_of_the_published_recursion(name) -> None:
    operators: dict[str, LinearOperator] = {
        "mask": Mask(torch.tensor([0, 1, 0, 0, 0, 1, 1, 0], dtype=torch.float64)),
        "blocks": Downsample((8,), 2, "box"),  # one straddles the border of the first tile
        "blur": Blur(torch.tensor([1.0, 2.0, 1.0]).double() / 4, (8,), boundary="zero"),
    }
    A, prior = operators[name], GaussianPrior(0.3, covariance=near(5))
    y = A(noisy(1, 8))
    matrix = A(torch.eye(8, dtype=torch.float64)).mT
    wanted = recursion(matrix, y[0], prior, [range(5), range(3, 8)], 8)
    problem = Problem(A, y, QUIET, TiledPrior(prior, (8,), overlap=2))
    close(law(MaskShift(steps=8, cg_rtol=1e-14), problem), wanted, 1e-8)


def test_one_tile_is_ddnm() -> None:
    A, prior = Mask(torch.arange(6) % 2 == 0), GaussianPrior(0.3, covariance=near(6))
    y = A(noisy(1, 6))
    wanted = propagate(DDNM(steps=8), Problem(A, y, QUIET, prior))
    close(law(MaskShift(steps=8), Problem(A, y, QUIET, TiledPrior(prior, (6,)))), wanted, 1e-12)


# ------------------------------------------------------------------------------------------------ seams


def seam(overlap: int, passes: int) -> tuple[float, float]:
    """Jumps where a tile meets known pixels over those elsewhere, both over the posterior's, and the law's W2."""
    n, t, pixels = 36, 12, torch.arange(36) % 9 == 4
    A, whole = Mask(pixels), GaussianPrior(covariance=near(n))
    y = A(noisy(1, n))
    prior = TiledPrior(GaussianPrior(covariance=near(t)), (n,), overlap=overlap)
    found = law(MaskShift(steps=16, passes=passes), Problem(A, y, QUIET, prior))
    exact = whole.posterior(A, y[0], 1e-3)
    wanted = Law(exact.mean, exact.covariance.dense())

    def jumps(cov: Tensor) -> Tensor:
        return cov.diagonal()[1:] + cov.diagonal()[:-1] - 2 * cov.diagonal(1)

    ends = sorted({start + t for start in prior.tiling((n,)).starts[0]})[:-1]
    border = torch.zeros(n - 1, dtype=torch.bool)
    border[[end - 1 for end in ends]] = True
    over, other = jumps(found.cov), jumps(wanted.cov)
    ratio = (over[border].mean() / other[border].mean()) / (over[~border].mean() / other[~border].mean())
    return float(ratio.sqrt()), w2(found, wanted) / float(torch.trace(wanted.cov).sqrt())


def test_known_pixels_take_most_of_the_seams_and_passes_more() -> None:
    (apart, _), (shifted, rough), (settled, fine) = seam(0, 1), seam(4, 1), seam(4, 6)
    assert apart > 2.0
    assert shifted < 1.6
    assert settled < 1.25
    assert fine < 0.8 * rough


# ------------------------------------------------------------------------------------------------ coarse grids


def coarse_problem(shape: tuple[int, ...], factor: int) -> Problem:
    n, t = shape[-1], 6
    tile = GaussianPrior(0.3, covariance=torch.kron(near(1), near(t)), shape=(1, t))
    A = Downsample(shape, (1, factor), "box")
    return Problem(A, A(0.3 + noisy(2, *shape)), QUIET, TiledPrior(tile, (1, n), overlap=2))


@pytest.mark.parametrize(("n", "factor", "coarse"), [(24, 4, (2,)), (24, 8, (4, 2)), (21, 4, (2,))])
def test_blocks_have_the_means_of_the_coarse_grid_and_the_data(n, factor, coarse) -> None:
    problem = coarse_problem((1, n), factor)
    run = MaskShift(steps=6, coarse=coarse, cg_rtol=1e-12).settled(problem)
    state, first = run.init(problem), None
    for _ in range(run.stop.max_iter):
        state = run.step(problem, state)
        if first is None and state.u.shape[-1] == n:  # the last grid begins
            first = state.estimate
    assert first is not None
    means = Downsample((1, n), (1, coarse[-1]), "box")
    if n % factor == 0:  # else the last block, mirrored at the border, weighs pixels otherwise on the two grids
        torch.testing.assert_close(means(state.estimate), means(first), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(problem.operator(state.estimate), problem.data, rtol=1e-8, atol=1e-8)
    steps = -(-n // coarse[-1])
    torch.testing.assert_close(first, Replicate((1, n), (1, coarse[-1]))(means(first)), rtol=1e-8, atol=1e-8)
    assert means(first).shape[-1] == steps


def test_a_coarse_grid_holds_distant_tiles_together() -> None:
    """Images are nearly constant, and a pixel in eight is seen: tile after tile the level is lost bit by bit."""
    n, t = 32, 8
    level = 1.0 + 0.01 * near(n)
    A = Mask(torch.arange(n) % 8 == 3)
    prior = TiledPrior(GaussianPrior(covariance=level[:t, :t]), (n,), overlap=4)
    problem = Problem(A, A(torch.ones(1, n, dtype=torch.float64)), QUIET, prior)
    laws = [law(MaskShift(steps=12, coarse=coarse), problem) for coarse in ((), (4,))]
    alone, held = ((found.mean - 1).square().mean() + found.cov.diagonal().mean() for found in laws)
    assert float(held.sqrt()) < 0.4 * float(alone.sqrt())


@pytest.mark.parametrize(("shape", "factors"), [((6,), (3,)), ((7, 4), (2, 4)), ((2, 5), (1, 3))])
def test_replicate(shape, factors) -> None:
    check_operator(Replicate(shape, factors))


# ------------------------------------------------------------------------------------------------ order and size


@pytest.mark.parametrize(("shape", "tile", "overlap"), [((17, 23), (6, 7), (2, 3)), ((16, 9), (4, 4), (3, 3))])
def test_waves_are_the_order_row_by_row(shape, tile, overlap) -> None:
    tiling = Tiling(shape, tile, overlap)
    waves = TileWaves(tiling)
    number = {corner: wave for wave, group in enumerate(waves.corners) for corner in group}
    for (a, one), (b, other) in product(enumerate(tiling.corners), repeat=2):
        if a < b and all(abs(p - q) < t for p, q, t in zip(one, other, tile, strict=True)):
            assert number[one] < number[other]
    known = torch.full(shape, len(waves))
    for corner in reversed(tiling.corners):
        known[tiling.window(corner)] = known[tiling.window(corner)].clamp(max=number[corner])
    assert torch.equal(waves.first.long(), known)


@pytest.mark.parametrize("shape", [(9, 14), (10, 10), (6, 23)])
def test_data_hold_at_sizes_that_are_no_multiples(shape) -> None:
    cov = torch.kron(near(6), near(6))
    prior = TiledPrior(GaussianPrior(0.3, covariance=cov, shape=(6, 6)), shape, overlap=2, tile_batch=2)
    for A in (Downsample(shape, 2, "box"), Mask(noisy(*shape) > 0)):
        y = A(0.3 + noisy(3, *shape, seed=1))
        result = MaskShift(steps=6, cg_rtol=1e-10).solve(Problem(A, y, QUIET, prior))
        torch.testing.assert_close(A(result.image), y, rtol=1e-7, atol=1e-7)
        assert bool((result.image != 0).all())


def test_batches_chunks_and_limits_change_nothing() -> None:
    A, tile = Mask(torch.arange(10) % 3 == 0), GaussianPrior(0.3, covariance=near(4))
    y = A(noisy(5, 10))
    images = [
        sample(MaskShift(steps=6, passes=2), Problem(A, y, QUIET, TiledPrior(tile, (10,), tile_batch=limit)), 3, **how)
        for limit, how in ((None, {}), (1, {}), (None, {"chunk": 4}))
    ]
    for other in images[1:]:
        torch.testing.assert_close(other.samples, images[0].samples, rtol=1e-10, atol=1e-10)
    alone = sample(MaskShift(steps=6, passes=2), Problem(A, y[3:4], QUIET, TiledPrior(tile, (10,))), 3, items=[3])
    torch.testing.assert_close(alone.samples[:, 0], images[0].samples[:, 3], rtol=1e-10, atol=1e-10)


# ------------------------------------------------------------------------------------------------ refusals


def test_what_tiles_cannot_have_is_refused_in_one_sentence() -> None:
    tile = GaussianPrior(covariance=torch.kron(near(4), near(4)), shape=(4, 4))
    prior, wide = (TiledPrior(tile, (10, 10), overlap=overlap) for overlap in (1, 2))
    psf = torch.ones(3, 3).double() / 9
    far = "measurements that depend on the pixels of one tile each"
    local = Blur(psf, (10, 10), boundary="zero")
    for operator in (Blur(psf, (10, 10)), local, Downsample((10, 10), 4, "box")):
        problem = Problem(operator, operator(noisy(1, 10, 10)), QUIET, prior)
        with pytest.raises(CapabilityError, match=far):
            MaskShift(steps=4).solve(problem)
    MaskShift(steps=4).solve(Problem(local, local(noisy(1, 10, 10)), QUIET, wide))
    fourier = Fourier((10, 10))
    problem = Problem(fourier, fourier(noisy(1, 10, 10).to(torch.complex128)), QUIET, prior)
    with pytest.raises(CapabilityError, match=far):
        MaskShift(steps=4).solve(problem)
    with pytest.raises(CapabilityError, match="needs a TiledPrior, which says what the tiles are, got GaussianPrior"):
        MaskShift(steps=4).solve(Problem(Identity((4, 4)), noisy(1, 4, 4), QUIET, tile))
    bent = Problem(BentMask(), noisy(1, 2, 3), QUIET, TiledPrior(GaussianPrior(std=1.0, shape=(2, 2)), (2, 3)))
    with pytest.raises(CapabilityError, match="needs a linear operator; BentMask is nonlinear"):
        MaskShift(steps=4).solve(bent)
    with pytest.raises(
        ValueError, match=r"MaskShift expects images at least as large as a tile, \(4, 4\), got \(3, 3\)"
    ):
        MaskShift(steps=4, coarse=(4,)).solve(Problem(Identity((10, 10)), noisy(1, 10, 10), QUIET, prior))


def test_misuse_gets_one_sentence() -> None:
    for options, sentence in (
        ({"coarse": (2, 4)}, r"each a larger multiple of the next, got \(2, 4\)"),
        ({"coarse": (6, 4)}, "multiple of the next"),
        ({"coarse": (1,)}, "coarse > 1"),
        ({"coarse": (0,)}, "coarse to be a positive whole number"),
        ({"passes": 0}, "passes to be a positive whole number"),
        ({"passes": 101}, "passes <= 100"),
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
    ):
        with pytest.raises(ValueError, match=sentence):
            MaskShift(**options)
    with pytest.raises(TypeError, match="expects an Integrator, got str"):
        MaskShift(integrator="ancestral")
