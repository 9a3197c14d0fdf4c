from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from recon.bench import scores as module
from recon.bench.scores import scores
from recon.files import Item
from recon.metrics import coverage, fastmri_scores, haarpsi, ssim
from recon.operators import CartesianMRI, GaussianNoise, Identity, PoissonNoise
from recon.run.posterior import drawn_of
from recon.run.prepare import Case
from recon.run.solve import Solved
from recon.solvers import CGLS, PosteriorSamples, Problem, Reason

SHAPE = (24, 32)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def solved(image: Tensor, truth: Tensor | None, samples: Tensor | None = None, **meta: Any) -> tuple[Solved, Problem]:
    """An image as if it had been reconstructed from data 0 of noise 0.1."""
    operator = Identity(tuple(image.shape))
    item = Item("a", "a.npy", torch.zeros_like(image), truth=truth, meta=meta)
    case = Case(item, item.data[None], (), operator, None, None, None, None, None, "")
    problem, drawn = Problem(operator, item.data[None], GaussianNoise(0.1)), None
    if samples is not None:
        found = PosteriorSamples.of(samples[:, None], ndim=image.ndim)
        drawn = drawn_of(found, problem, slice(0, 1), tuple(image.shape), ())
    done = Solved(case, image, None, "", CGLS(), "", None, Reason.MAX_ITER, 1, {}, 0.1, drawn=drawn)
    return done, problem


def one(name: str, image: Tensor, truth: Tensor | None, **more: Any) -> float:
    found, _, notes = scores([name], *solved(image, truth, **more), True)
    assert notes == []
    return found[name]


TRUTH, IMAGE = 0.2 + 0.6 * random(*SHAPE), 0.2 + 0.6 * random(*SHAPE, seed=1)
SPAN = float(TRUTH.max() - TRUTH.min())


def test_the_data_range_is_that_of_the_truth_and_said() -> None:
    found, span, _ = scores(["psnr", "ssim", "nmse"], *solved(IMAGE, TRUTH), True)
    assert span == pytest.approx(SPAN)
    x, t = IMAGE.numpy(), TRUTH.numpy()
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(t, x, data_range=SPAN), rel=1e-6)
    assert found["nmse"] == pytest.approx(float(np.sum((x - t) ** 2) / np.sum(t**2)), rel=1e-5)
    reference = structural_similarity(
        t, x, data_range=SPAN, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, win_size=11
    )
    assert found["ssim"] == pytest.approx(reference, abs=1e-4)


def test_photographs_have_the_range_of_their_numbers() -> None:
    found, span, _ = scores(["psnr"], *solved(255 * IMAGE, 255 * TRUTH, value_range=(0, 255)), True)
    assert span == 255
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(TRUTH.numpy(), IMAGE.numpy(), data_range=1), rel=1e-6)
    assert one("haarpsi", 255 * IMAGE, 255 * TRUTH, value_range=(0, 255)) == pytest.approx(
        one("haarpsi", IMAGE, TRUTH, value_range=(0, 1)), rel=1e-5
    )


def test_ranges_that_do_not_begin_at_zero() -> None:
    """HaarPSI's constants are those of [0, 255], so that an offset would change its value."""
    shifted = one("haarpsi", IMAGE - 1000, TRUTH - 1000, value_range=(-1000, -999))
    assert shifted == pytest.approx(one("haarpsi", IMAGE, TRUTH, value_range=(0, 1)), rel=1e-3)


def test_haarpsi_is_one_for_equal_images_and_falls_with_the_error() -> None:
    values = [one("haarpsi", TRUTH + error * normal(*SHAPE), TRUTH) for error in (0.0, 0.02, 0.1)]
    assert values[0] == pytest.approx(1, abs=1e-5)
    assert values[0] > values[1] > values[2] > 0
    assert values[1] == pytest.approx(
        float(haarpsi(TRUTH + 0.02 * normal(*SHAPE), TRUTH, low=float(TRUTH.min()), data_range=SPAN)), abs=1e-5
    )


def test_images_are_compared_in_their_original_units() -> None:
    scaled = one("psnr", 10 * IMAGE, 10 * TRUTH, scale=10.0)
    assert scaled == pytest.approx(one("psnr", IMAGE, TRUTH), rel=1e-5)


def test_complex_images_are_judged_by_magnitude_where_a_metric_is_of_pictures() -> None:
    phase = torch.polar(torch.ones(SHAPE), 3 * random(*SHAPE, seed=2))
    assert one("ssim", IMAGE * phase, TRUTH * phase.conj()) == pytest.approx(one("ssim", IMAGE, TRUTH), abs=1e-5)
    assert one("nmse", TRUTH * 1j, TRUTH.to(torch.complex64)) == pytest.approx(2, rel=1e-5)


def test_colours_are_one_image() -> None:
    x, t = random(3, 16, 16), random(3, 16, 16, seed=1)
    found, span, notes = scores(["psnr", "ssim", "haarpsi"], *solved(x, t, color="rgb", value_range=(0, 1)), True)
    assert (span, notes) == (1, [])
    assert found["psnr"] == pytest.approx(float(-10 * ((x - t) ** 2).mean().log10()), rel=1e-5)
    assert found["ssim"] == pytest.approx(float(ssim(x, t, data_range=1.0, ndim=3, color=True)))


@pytest.mark.parametrize("field", ["real", "complex"])
def test_the_residual_of_the_truth_is_one_a_datum(field: str) -> None:
    dtype = torch.float32 if field == "real" else torch.complex64
    image = normal(64, 64, dtype=dtype)
    done, _ = solved(image, image)
    noise = GaussianNoise(0.3)
    data = noise.sample(image, torch.Generator().manual_seed(1))
    problem = Problem(Identity((64, 64)), data[None], noise)
    found, _, _ = scores(["data_residual"], done, problem, True)
    assert found["data_residual"] == pytest.approx(1, abs=0.06)
    done, _ = solved(image + 0.3, image)
    assert scores(["data_residual"], done, problem, True)[0]["data_residual"] > 1.4


def test_data_that_no_image_reaches_are_no_data() -> None:
    """Three quarters of k-space are left out, and do not make the residual a quarter of what it is."""
    mask = torch.zeros(64, 64)
    mask[::4] = 1
    operator, noise, image = CartesianMRI(mask), GaussianNoise(0.2), normal(64, 64, dtype=torch.complex64)
    data = mask * noise.sample(operator(image), torch.Generator().manual_seed(0))
    done, _ = solved(image, image)
    found, _, _ = scores(["data_residual"], done, Problem(operator, data[None], noise), True)
    assert found["data_residual"] == pytest.approx(1, abs=0.1)


def test_the_residual_of_counts_is_one_a_datum() -> None:
    image = 50 + 100 * random(64, 64)
    noise = PoissonNoise(1.0)
    data = noise.sample(image, torch.Generator().manual_seed(0))
    done, _ = solved(image, image)
    found, _, notes = scores(["data_residual"], done, Problem(Identity((64, 64)), data[None], noise), True)
    assert notes == []
    assert found["data_residual"] == pytest.approx(1, abs=0.06)


def test_posterior_samples_that_are_right_cover_what_they_should() -> None:
    samples = 0.1 * normal(12, *SHAPE) + TRUTH + 0.1 * normal(*SHAPE, seed=7)
    image = samples.mean(0)
    names = ["coverage", "spread", "data_consistency", "diversity"]
    found, _, _ = scores(names, *solved(image, TRUTH, samples), True)
    assert found["data_consistency"] == pytest.approx(float((samples / 0.1).square().mean()), rel=1e-5)
    flat = (samples - image).flatten(1).double()
    spectrum = torch.linalg.eigvalsh(flat @ flat.T)
    assert found["diversity"] == pytest.approx(float(spectrum.sum() ** 2 / spectrum.square().sum()), rel=1e-5)
    assert found["spread"] == pytest.approx(0.1, rel=0.05)
    assert found["coverage"] == pytest.approx(0.9, abs=0.04)
    assert found["coverage"] == coverage(samples, TRUTH)
    bold = scores(["coverage"], *solved(image, TRUTH, image + 0.1 * (samples - image)), True)[0]["coverage"]
    assert bold < 0.3


def test_samples_that_diverged_do_not_count() -> None:
    samples = TRUTH + 0.1 * normal(5, *SHAPE)
    bad = torch.cat([samples, torch.full((1, *SHAPE), torch.nan)])
    done, problem = solved(samples.mean(0), TRUTH, bad)
    assert done.drawn is not None
    assert done.drawn.complete.tolist() == [True] * 5 + [False]
    names = ["coverage", "spread", "data_consistency"]
    found, _, notes = scores(names, done, problem, True)
    assert notes == []
    assert found == pytest.approx(scores(names, *solved(samples.mean(0), TRUTH, samples), True)[0])


def test_an_image_alone_is_as_consistent_as_its_residual_says() -> None:
    done, problem = solved(IMAGE, TRUTH)
    found, _, _ = scores(["data_consistency", "data_residual"], done, problem, True)
    assert found["data_consistency"] == found["data_residual"] == pytest.approx(float((IMAGE / 0.1).square().mean()))


@pytest.mark.parametrize(
    ("name", "image", "truth", "note"),
    [
        ("psnr", IMAGE, None, "psnr needs the truth."),
        ("coverage", IMAGE, None, "coverage needs the truth."),
        ("coverage", IMAGE, TRUTH, "coverage needs several samples."),
        ("spread", IMAGE, None, "spread needs several samples."),
        ("diversity", IMAGE, None, "diversity needs several samples."),
        ("psnr", IMAGE, torch.ones(SHAPE), "psnr needs a truth that is not constant."),
        ("psnr", TRUTH, TRUTH, "psnr is inf."),
        ("nmse", IMAGE * torch.nan, TRUTH, "nmse is nan."),
        ("ssim", IMAGE[:8], TRUTH[:8], "ssim needs images of at least 11 pixels each way."),
        ("haarpsi", IMAGE[0], TRUTH[0], "haarpsi needs images."),
    ],
)
def test_what_has_no_value_is_said(name: str, image: Tensor, truth: Tensor | None, note: str) -> None:
    found, _, notes = scores([name], *solved(image, truth), True)
    assert (found, notes) == ({}, [note])


def test_lpips_without_weights_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lpips_weights", lambda: None)
    found, _, notes = scores(["lpips", "psnr"], *solved(IMAGE, TRUTH), True)
    assert list(found) == ["psnr"]
    assert notes == ["lpips is left out: torch has no weights of AlexNet stored."]


MINE = """
def largest(image, truth):
    return (image - truth).abs().max()

def wrong(image, truth):
    return image + truth

def broken(image, truth):
    raise KeyError("mask")
"""


def test_metrics_of_ones_own(tmp_path: Path) -> None:
    """One that fails once took the image that it judged with it."""
    (tmp_path / "own_metrics.py").write_text(MINE)
    names = [f"{tmp_path / 'own_metrics.py'}:{name}" for name in ("largest", "broken", "wrong")]
    found, _, notes = scores([*names, "psnr"], *solved(IMAGE, TRUTH), True)
    assert found[names[0]] == pytest.approx(float((IMAGE - TRUTH).abs().max()))
    assert list(found) == [names[0], "psnr"]
    assert notes[0] == f"{names[1]} is left out: KeyError: 'mask'."
    assert notes[1].startswith(f"{names[2]} is left out: ValueError: ") or notes[1].startswith(
        f"{names[2]} is left out: RuntimeError: "
    )


def test_the_evaluation_of_fastmri_is_of_the_middle_and_of_volumes() -> None:
    """Against the truth, or against the reference that a file holds, which is smaller than the image."""
    image = torch.rand(2, 26, 30, generator=torch.Generator().manual_seed(0)) * torch.exp(torch.tensor(0.7j))
    reference = image.abs()[:, 3:23, 5:25] + 0.1 * random(2, 20, 20, seed=2)
    expected = fastmri_scores(image, reference)
    done, problem = solved(image, None)
    done.case.item.aux["reference"] = reference  # type: ignore[index]
    names = ["fastmri_nmse", "fastmri_psnr", "fastmri_ssim"]
    found, _, notes = scores(names, done, problem, False)
    assert notes == []
    assert [found[name] for name in names] == pytest.approx(list(expected))
    truth = random(2, 26, 30, seed=3)
    assert one("fastmri_psnr", image, truth) == pytest.approx(fastmri_scores(image, truth).psnr)
    _, _, notes = scores(["fastmri_ssim"], *solved(IMAGE, None), False)
    assert notes == ["fastmri_ssim needs the truth, or the reference of the file."]
