"""Previews of maps."""

from importlib import import_module

import numpy as np
import pytest
import torch
from PIL import Image

from recon.reports import map_preview

MODULE = import_module("recon.reports.map_preview")
Map = MODULE.Map

Y, X = torch.meshgrid(torch.arange(24.0), torch.arange(30.0), indexing="ij")
HEAD = (Y - 12) ** 2 + (X - 15) ** 2 < 100
M0 = HEAD * torch.polar(torch.full_like(X, 2.0), X)
T2 = torch.where(HEAD, 0.05 + 0.004 * X, 7.0)


@pytest.fixture
def drawn(monkeypatch):
    """Arguments of everything that is drawn."""
    seen = []
    original = MODULE.draw

    def draw(axes, values, window, cmap):
        seen.append((values, window, cmap))
        return original(axes, values, window, cmap)

    monkeypatch.setattr(MODULE, "draw", draw)
    return seen


def test_maps_have_windows_of_their_own_and_are_black_where_nothing_is_known(tmp_path, drawn):
    maps = {"m0": Map(M0, "", True), "t2": Map(T2, "s")}
    kspace = torch.randn(3, 4, 24, 30, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    path = map_preview(tmp_path / "a.png", kspace, maps, title="scan")
    (_, _, first), (m0, m0_window, _), (t2, window, _) = drawn
    assert first == "magma"
    np.testing.assert_allclose(m0, M0.abs(), rtol=1e-6)
    assert m0_window == pytest.approx((0, 2), abs=1e-6)
    assert np.array_equal(np.isnan(t2), ~HEAD.numpy())
    np.testing.assert_allclose(t2[HEAD], T2[HEAD], rtol=1e-6)
    assert window == pytest.approx(np.percentile(T2[HEAD], (2, 98)))
    with Image.open(path) as picture:
        assert picture.size[0] > 2 * picture.size[1]
        assert np.asarray(picture.convert("L")).std() > 20


def test_a_few_voxels_of_fluid_leave_tissue_its_contrast():
    values = T2.clone()
    values[10:13, 10:20] = 2.0
    mask = MODULE.occupied({"m0": Map(M0, "", True)})
    low, high = MODULE.map_window(Map(values, "s"), mask)
    quartiles = np.percentile(values[HEAD], (25, 75))
    assert high == pytest.approx(quartiles[1] + 3 * (quartiles[1] - quartiles[0]))
    assert low >= 0.05


def test_maps_without_magnetisation_and_of_one_value():
    assert MODULE.occupied({"t2": Map(T2, "s")}) is None
    low, high = MODULE.map_window(Map(torch.full((4, 4), 0.1), "s"), None)
    assert low < 0.1 < high
