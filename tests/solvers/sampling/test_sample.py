from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.operators import Diagonal, GaussianNoise
from recon.priors import GaussianPrior, StructuredNoise
from recon.solvers import DPS, MMPS, EnKG, PosteriorSamples, Problem, Reason, sample

GAINS = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)


def problem(*batch: int) -> Problem:
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.randn(*batch, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Problem(Diagonal(GAINS), GAINS * y, GaussianNoise(0.2), GaussianPrior(0.3, covariance=root @ root.T))


def independent(*batch: int) -> Problem:
    """Pixels of their own, so that no library may sum in another order for another batch."""
    p = problem(*batch)
    return Problem(p.operator, p.data.float(), p.noise, GaussianPrior(0.3, std=0.7))


def test_a_sample_depends_on_its_item_and_number_only() -> None:
    sampler = DPS(steps=10, zeta=0.2, seed=4)
    whole = sample(sampler, problem(2, 3), 3)
    assert whole.samples.shape == (3, 2, 3, 3)
    assert whole.mean.shape == whole.std.shape == (2, 3, 3)
    fewer = sample(sampler, problem(2, 3), 2)
    torch.testing.assert_close(fewer.samples, whole.samples[:2], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(whole.samples[0], sampler.solve(problem(2, 3)).image, rtol=1e-9, atol=1e-9)
    part = Problem(Diagonal(GAINS), problem(2, 3).data[1], GaussianNoise(0.2), problem().prior)
    parts = sample(sampler, part, 3, items=range(3, 6))
    torch.testing.assert_close(parts.samples, whole.samples[:, 1], rtol=1e-9, atol=1e-9)
    single = sample(sampler, Problem(part.operator, part.data[0], part.noise, part.prior), 3, items=[3])
    torch.testing.assert_close(single.samples, whole.samples[:, 1, 0], rtol=1e-9, atol=1e-9)
    assert len({float(v) for v in whole.samples.flatten()}) == 3 * 2 * 3 * 3


def test_noise_levels_per_item_go_with_their_items() -> None:
    p, sigma = problem(2), torch.tensor([0.1, 3.0])
    both = Problem(p.operator, p.data, GaussianNoise(sigma), p.prior)
    found = sample(MMPS(steps=15, cg_rtol=1e-10), both, 2)
    for i in range(2):
        one = Problem(p.operator, p.data[i], GaussianNoise(float(sigma[i])), p.prior)
        alone = sample(MMPS(steps=15, cg_rtol=1e-10), one, 2, items=[i])
        torch.testing.assert_close(found.samples[:, i], alone.samples, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 4, 5, 7, 12, 100])
@pytest.mark.parametrize("sampler", [DPS(steps=12, zeta=0.2, seed=4), MMPS(steps=12)], ids=lambda s: s.name)
def test_chunks_change_nothing_but_memory(sampler: DPS | MMPS, chunk: int, tmp_path: Path) -> None:
    whole = sample(sampler, independent(2, 2), 3)
    parts = sample(sampler, independent(2, 2), 3, chunk=chunk)
    stored = sample(sampler, independent(2, 2), 3, chunk=chunk, store=tmp_path / "x.npy")
    for found in (parts, stored):
        assert torch.equal(found.samples, whole.samples), "bit for bit"
        assert torch.equal(found.complete, whole.complete)
        assert found.result.reasons == whole.result.reasons
        assert found.calls_per_image["denoise"] == 12
        assert torch.equal(found.result.iterations, whole.result.iterations)
        assert torch.equal(found.result.image, whole.samples)
        torch.testing.assert_close(found.result.last("misfit"), whole.result.last("misfit"))
        assert torch.equal(found.mean, whole.mean)
        assert torch.equal(found.std, whole.std)


def test_chunk_bounds_the_batch() -> None:
    sizes = []

    class Watched(GaussianPrior):
        def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
            sizes.append(len(u))
            return super().expectation(u, sigma)

    p = problem(2)
    sample(DPS(steps=4), Problem(p.operator, p.data, p.noise, Watched(0.3, std=0.7)), 4, chunk=3)
    assert sizes == [3] * 4 + [3] * 4 + [2] * 4


def test_noise_starts_and_truths_go_with_their_rows() -> None:
    p = problem(2, 2)
    p = Problem(p.operator, p.data, GaussianNoise(torch.tensor([[0.1, 0.2], [0.5, 3.0]])), p.prior)
    initial = torch.arange(4.0).reshape(2, 2, 1).expand(2, 2, 3).double()
    truth = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 2, 2, 3).double()
    sampler = MMPS(steps=15, cg_rtol=1e-10)
    whole = sample(sampler, p, 3, initial=initial, truth=truth)
    parts = sample(sampler, p, 3, chunk=5, initial=initial, truth=truth)
    torch.testing.assert_close(parts.samples, whole.samples, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(parts.result.history["mse"], whole.result.history["mse"], rtol=1e-6, atol=1e-6)
    error = (whole.samples - truth).square().mean(-1)
    torch.testing.assert_close(whole.result.last("mse"), error, rtol=1e-6, atol=1e-9)


def test_calls_are_counted() -> None:
    """A step of DPS calls the denoiser once, its derivative once and A and its derivative once each."""
    p = problem(2)
    found = sample(DPS(steps=10, check_every=100), p, 6)
    assert (found.calls["denoise"], found.calls["vjp"], found.calls["adjoint"]) == (10, 10, 10)
    assert found.calls_per_image == {kind: float(n) for kind, n in found.calls.items()}
    parts = sample(DPS(steps=10, check_every=100), p, 6, chunk=5)
    assert parts.calls["denoise"] == 30, "three chunks"
    assert parts.calls_per_image["denoise"] == 10
    assert type(p.operator) is Diagonal, "and no longer counted"


def test_samples_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    found = sample(DPS(steps=5), problem(2), 7, chunk=4, store=path)
    on_disk = np.load(path)
    assert (on_disk.shape, on_disk.dtype) == ((7, 2, 3), np.float64)
    assert np.array_equal(on_disk, found.samples.numpy())
    assert list(tmp_path.iterdir()) == [path]
    again = PosteriorSamples.of(path, ndim=1)
    assert torch.equal(again.mean, found.mean)
    again.samples[0] = 5
    assert np.array_equal(np.load(path), on_disk), "the file is not written to"


def interrupt(at: int) -> object:
    def callback(iteration: int, _: Mapping[str, Tensor]) -> None:
        if iteration == at:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("stored", [False, True])
def test_an_interrupt_keeps_what_is_complete(stored: bool, tmp_path: Path) -> None:
    """In the second of three chunks; iterations count on from chunk to chunk."""
    path = tmp_path / "x.npy" if stored else None
    p, sampler = independent(2), DPS(steps=8)
    found = sample(sampler, p, 6, chunk=4, store=path, callback=interrupt(11))
    whole = sample(sampler, p, 6)
    assert found.complete.tolist() == [[True, True]] * 2 + [[False, False]] * 4
    assert torch.equal(found.samples[:2], whole.samples[:2])
    assert found.result.reasons == (Reason.COMPLETED,) * 4 + (Reason.INTERRUPTED,) * 8
    assert found.result.iterations.flatten().tolist() == [8] * 4 + [3] * 4 + [0] * 4
    assert bool(found.samples[4:].isnan().all())
    torch.testing.assert_close(found.mean, whole.samples[:2].mean(0))
    assert found.calls_per_image["denoise"] == (4 * 8 + 4 * 3) / 8
    if path is not None:
        assert PosteriorSamples.of(path, ndim=1).complete.tolist() == found.complete.tolist()


def test_an_error_keeps_what_is_complete_in_the_file(tmp_path: Path) -> None:
    def fail(iteration: int, _: Mapping[str, Tensor]) -> None:
        if iteration == 11:
            raise RuntimeError("the device is gone")

    path = tmp_path / "x.npy"
    with pytest.raises(RuntimeError, match="the device is gone"):
        sample(DPS(steps=8), problem(2), 6, chunk=4, store=path, callback=fail)
    assert PosteriorSamples.of(path, ndim=1).count.tolist() == [2, 2]
    path.unlink()
    with pytest.raises(RuntimeError, match="the device is gone"):
        sample(DPS(steps=12), problem(2), 6, chunk=4, store=path, callback=fail)
    assert list(tmp_path.iterdir()) == []


def test_memory_is_that_of_a_chunk(tmp_path: Path) -> None:
    """Blocks of the file are read for statistics, and pages that were read need not stay."""
    p = Problem(Diagonal(torch.ones(256, 256)), torch.zeros(256, 256), GaussianNoise(0.2), GaussianPrior(0.3, std=0.7))
    largest = []

    class Watched(GaussianPrior):
        def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
            largest.append(u.numel())
            return super().expectation(u, sigma)

    found = sample(
        DPS(steps=2),
        Problem(p.operator, p.data, p.noise, Watched(0.3, std=0.7)),
        12,
        chunk=2,
        store=tmp_path / "x.npy",
    )
    assert max(largest) == 2 * 256 * 256
    assert found.samples.shape == (12, 256, 256)
    torch.testing.assert_close(found.mean, torch.stack(list(found)).mean(0))


@pytest.mark.parametrize("stored", [False, True])
def test_all_particles_of_a_run_are_samples(stored: bool, tmp_path: Path) -> None:
    """Two runs of four particles for six samples; the first is the image that the sampler alone gives."""
    sampler, p = EnKG(steps=4, particles=4, output="particle", flow_steps=2), problem(2)
    found = sample(sampler, p, 6, store=tmp_path / "x.npy" if stored else None)
    assert (found.samples.shape, bool(found.complete.all())) == ((6, 2, 3), True)
    assert len({float(v) for v in found.samples.flatten()}) == 36
    alone = sampler.solve(p)
    torch.testing.assert_close(found.samples[0], alone.image)
    again = EnKG(steps=4, particles=4, output="particle", flow_steps=2, streams=(1 << 32, 1 + (1 << 32))).solve(p)
    torch.testing.assert_close(found.samples[4], again.image)
    means = EnKG(steps=4, particles=4, output="mean", flow_steps=2)
    torch.testing.assert_close(sample(means, p, 4).mean, means.solve(p).image)
    parts = sample(sampler, p, 6, chunk=4)
    torch.testing.assert_close(parts.samples, found.samples)
    assert parts.calls_per_image["denoise"] == found.calls_per_image["denoise"]
    torch.testing.assert_close(parts.result.last("misfit"), found.result.last("misfit"))


@pytest.mark.parametrize("stored", [False, True])
def test_noise_that_is_drawn_with_the_image_comes_along(stored: bool, tmp_path: Path) -> None:
    p = problem(2)
    layered = Problem(p.operator, p.data, StructuredNoise(GaussianPrior(std=0.3, shape=(3,)), sigma=0.1), p.prior)
    whole = sample(MMPS(steps=6), layered, 4)
    noise = whole.result.components["noise"]
    assert noise.shape == (4, 2, 3)
    torch.testing.assert_close(noise[0], MMPS(steps=6).solve(layered).components["noise"])
    parts = sample(MMPS(steps=6), layered, 4, chunk=3, store=tmp_path / "x.npy" if stored else None)
    torch.testing.assert_close(parts.result.components["noise"], noise, rtol=1e-6, atol=1e-6)
    if stored:
        assert sorted(path.name for path in tmp_path.iterdir()) == ["x.noise.npy", "x.npy"]


def test_an_empty_batch() -> None:
    found = sample(DPS(steps=3), problem(0), 2)
    assert found.samples.shape == (2, 0, 3)
    assert found.mean.shape == found.std.shape == (0, 3)
    assert found.diversity.distance.shape == found.data_consistency(problem(0)).shape == (0,)


def test_misuse_gets_one_sentence(tmp_path: Path) -> None:
    sampler = DPS(steps=5)
    with pytest.raises(ValueError, match="samples to be a whole number from 1 up, got 0"):
        sample(sampler, problem(2), 0)
    with pytest.raises(ValueError, match=r"expected 2 item numbers between 0 and 2\^32 - 1, got \[0\]"):
        sample(sampler, problem(2), items=[0])
    with pytest.raises(ValueError, match="leave streams of the sampler out"):
        sample(DPS(steps=5, streams=(1, 2)), problem(2))
    with pytest.raises(ValueError, match="chunk to be a whole number from 1 up, got 0"):
        sample(sampler, problem(2), chunk=0)
    with pytest.raises(ValueError, match=r"stored as a .npy file, got .*x.npz"):
        sample(sampler, problem(2), store=tmp_path / "x.npz")
    with pytest.raises(OSError, match=r"cannot be written to .*missing/x.npy' \(No such file or directory\)"):
        sample(sampler, problem(2), store=tmp_path / "missing" / "x.npy")
    for arguments, sentence in (
        (("mmps", problem(2)), "with a Sampler such as MMPS.*, got str"),
        ((DPS, problem(2)), "got the class DPS"),
        ((problem(2), sampler), "got Problem"),
        ((sampler, None), "draws for a Problem, got NoneType"),
        ((sampler, problem(2), 2.0), "whole number from 1 up, got 2.0"),
    ):
        with pytest.raises((TypeError, ValueError), match=sentence):
            sample(*arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected images that broadcast to \(1, 2, 3\), got \(3, 3\)"):
        sample(sampler, problem(2), initial=torch.zeros(3, 3, dtype=torch.float64))
    for items in ([1.5, 2.0], "ab", 3):
        with pytest.raises(ValueError, match="expects streams to be integers of 64 bits"):
            sample(sampler, problem(2), items=items)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a seed of at most 64 bits"):
        DPS(seed=2**70)
    with pytest.raises(ValueError, match="DPS expects streams to be integers of 64 bits"):
        DPS(streams=(1.7,))  # type: ignore[arg-type]
