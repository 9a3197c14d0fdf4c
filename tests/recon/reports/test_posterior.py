"""Pictures of samples: what is drawn, under which window."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from recon.reports import posterior_picture
from recon.solvers import CoverageCurve

MODULE = import_module("recon.reports.posterior")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Arrays, windows and colour maps of the panels."""
    seen: list[Any] = []
    original = MODULE.draw

    def draw(axes: Any, values: Any, window: Any, cmap: str = "gray") -> Any:
        picture = original(axes, values, window, cmap)
        seen.append((values, window, cmap, axes))
        return picture

    monkeypatch.setattr(MODULE, "draw", draw)
    return seen


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def titles(drawn: list[Any]) -> list[str]:
    return [axes.get_title(loc="left") for *_, axes in drawn]


def test_samples_mean_and_truth_share_a_window_and_so_do_deviation_and_error(tmp_path: Path, drawn: list[Any]) -> None:
    samples, truth = random(6, 12, 16), random(12, 16, seed=1)
    curve = CoverageCurve.of(torch.rand(1, 12, 16, generator=torch.Generator().manual_seed(2)))
    mean, std = samples.mean(0), samples.std(0)
    path = posterior_picture(tmp_path / "a.png", samples, mean, std, truth, curve, title="a", units="1/mm", name="DPS")
    assert titles(drawn) == [
        *(f"Sample {i}" for i in (1, 2, 3, 4)), "Mean of 6", "Truth", "Standard deviation", "|Mean − truth|",
    ]  # fmt: skip
    assert len({window for _, window, *_ in drawn[:6]}) == 1
    window = tuple(np.percentile(truth.double().numpy(), (0.5, 99.5)))
    assert drawn[0][1] == pytest.approx(window)
    np.testing.assert_array_equal(drawn[2][0], samples[2].double().numpy())
    np.testing.assert_allclose(drawn[7][0], (mean - truth).abs().numpy(), rtol=1e-6)
    assert drawn[6][1] == drawn[7][1]
    assert drawn[6][1][0] == 0
    with Image.open(path) as picture:
        assert picture.size[0] > 4 * picture.size[1]
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_truth_there_is_neither_error_nor_coverage(tmp_path: Path, drawn: list[Any]) -> None:
    samples = random(2, 5, 12, 16)
    posterior_picture(tmp_path / "a.png", samples, samples.mean(0), samples.std(0), window=(-1.0, 1.0))
    assert titles(drawn) == ["Sample 1", "Sample 2", "Mean of 2", "Standard deviation"]
    assert drawn[0][1] == (-1, 1)
    np.testing.assert_array_equal(drawn[0][0], samples[0, 2].double().numpy())


@pytest.mark.parametrize("kind", ["signal", "colour", "complex"])
def test_signals_colours_and_complex_images(tmp_path: Path, drawn: list[Any], kind: str) -> None:
    shape, dtype = {
        "signal": ((40,), torch.float32),
        "colour": ((3, 12, 16), torch.float32),
        "complex": ((12, 16), torch.complex64),
    }[kind]
    samples, truth = random(3, *shape, dtype=dtype), random(*shape, seed=1, dtype=dtype)
    std = samples.std(0) if dtype == torch.float32 else (samples - samples.mean(0)).abs().square().mean(0).sqrt()
    posterior_picture(tmp_path / "a.png", samples, samples.mean(0), std, truth, color=kind == "colour")
    assert len(drawn) == 7
    assert drawn[0][0].shape == {"signal": (40,), "colour": (12, 16, 3), "complex": (12, 16)}[kind]
    if kind == "complex":
        np.testing.assert_allclose(drawn[0][0], samples[0].abs().numpy(), rtol=1e-6)
    assert drawn[6][0].ndim == (1 if kind == "signal" else 2)
