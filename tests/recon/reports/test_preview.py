"""Previews: the pixels shown are those of the arrays, in the window stated."""

from importlib import import_module

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from recon.reports import layout, preview

MODULE = import_module("recon.reports.preview")


@pytest.fixture
def drawn(monkeypatch):
    """The panels, title and note that the picture is made of."""
    seen = {}
    original = MODULE._render

    def render(path, panels, title, note):
        seen.update(panels=panels, title=title, note=note)
        original(path, panels, title, note)

    monkeypatch.setattr(MODULE, "_render", render)
    return seen


def random(*shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_without_truth(tmp_path, drawn):
    first, image = random(20, 20), random(20, 20, seed=1)
    path = preview(tmp_path / "new" / "a.png", random(9, 30), first, image, title="scan-slice003", units="1/mm")
    panels = drawn["panels"]
    assert [p.title for p in panels] == ["Data: sinogram", "First guess", "Reconstruction"]
    window = tuple(np.percentile(image.double().numpy(), (0.5, 99.5)))
    assert panels[1].window == panels[2].window == pytest.approx(window)
    assert panels[0].window != panels[1].window
    assert np.array_equal(panels[2].values, image.double().numpy())
    assert drawn["note"] == (
        f"images share the window {window[0]:.3g} to {window[1]:.3g} 1/mm (0.5 to 99.5 % of the reconstruction)"
    )
    assert panels[2].units == "1/mm"
    with Image.open(path) as picture:
        assert picture.size[0] > 1.5 * picture.size[1] > 500
        assert np.asarray(picture.convert("L")).std() > 20
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("kind", "note", "shown"), [("projections", "row 3 of 6", (slice(None), 3)), ("sinogram", "slice 4 of 9", (4,))]
)
def test_data_of_volumes_are_drawn_as_one_sinogram(tmp_path, drawn, kind, note, shown):
    """Projections (angles, rows, bins) were drawn as a single projection, its rows labelled projections."""
    data, image = random(9, 6, 30), random(6, 20, 20, seed=1)
    preview(tmp_path / "a.png", data, image, image, data_kind=kind)
    panel = drawn["panels"][0]
    assert panel.title == f"Data: sinogram, {note}"
    assert np.array_equal(panel.values, data[shown].double().numpy())
    assert drawn["note"].endswith("; slice 3 of 6")


def test_with_truth(tmp_path, drawn):
    truth = random(20, 20)
    image, first = truth + 0.1, truth - 0.5
    preview(tmp_path / "a.png", first, first, image, truth, data_range=2.0, name="TV", first_name="Blurred")
    panels = drawn["panels"]
    assert [p.title for p in panels] == [
        "Data",
        "Blurred   12.04 dB",
        "TV   26.02 dB",
        "Truth",
        "Reconstruction − truth",
    ]
    assert panels[0].window == panels[3].window
    assert panels[4].window == pytest.approx((-0.1, 0.1), abs=1e-6)
    assert np.allclose(panels[4].values, 0.1, atol=1e-6)
    assert drawn["note"].endswith("(0.5 to 99.5 % of the truth); PSNR over a range of 2")


def test_given_window(tmp_path, drawn):
    preview(tmp_path / "a.png", *[random(8, 8)] * 3, window=(0.0, 1.0))
    assert all(p.window == (0.0, 1.0) for p in drawn["panels"][1:])
    assert drawn["note"] == "images share the window 0 to 1 (given)"


def test_kspace_and_complex_images(tmp_path, drawn):
    image = random(16, 12, dtype=torch.complex64)
    preview(tmp_path / "a.png", random(4, 16, 12, dtype=torch.complex64), image, image, image)
    panels = drawn["panels"]
    assert panels[0].title == "Data: log₁₀ |k-space|"
    assert panels[0].note == "4 coils, root sum of squares"
    assert np.allclose(panels[2].values, image.abs().numpy())
    assert panels[2].title == "Reconstruction   inf dB"
    assert "; magnitude" in drawn["note"]


def test_colour_is_shown_in_colour(tmp_path, drawn):
    truth = torch.zeros(3, 10, 10)
    truth[0] = 1.0
    path = preview(tmp_path / "a.png", truth, truth, truth, truth, color=True, window=(0, 1), data_range=1.0)
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    red = (pixels == [255, 0, 0]).all(-1).mean()
    assert 0.3 < red < 0.7
    assert drawn["panels"][4].note == "mean of the colours"


@pytest.mark.parametrize("shape", [(30,), (6, 10, 12), (40, 4), (28, 28)])
def test_other_shapes(tmp_path, shape):
    x = random(*shape)
    assert preview(tmp_path / "a.png", x, x, x, x + 1, title="a_b$^{\\frac").exists()


def test_constant_and_extreme_images(tmp_path):
    flat = torch.full((8, 8), 3.0)
    assert preview(tmp_path / "a.png", flat, flat, flat, flat).exists()
    assert preview(tmp_path / "b.png", 1e-9 * random(8, 8), *[1e-9 * random(8, 8)] * 2).exists()


def test_arrow_where_values_go_beyond_the_window(tmp_path, monkeypatch):
    extends = []
    original = layout.colour_bar

    def spy(drawing, picture, place, values, units):
        original(drawing, picture, place, values, units)
        extends.append(place._colorbar.extend)

    monkeypatch.setattr(MODULE, "colour_bar", spy)
    image = torch.linspace(0, 1, 100).reshape(10, 10)
    preview(tmp_path / "a.png", image, image, image, window=(0.0, 2.0))
    preview(tmp_path / "b.png", image, image, image, window=(0.2, 2.0))
    assert extends == ["neither", "min"]


def test_no_global_state_is_touched(tmp_path):
    before = dict(matplotlib.rcParams)
    preview(tmp_path / "a.png", *[random(8, 8)] * 3)
    assert dict(matplotlib.rcParams) == before


def test_images_of_different_shapes(tmp_path):
    with pytest.raises(ValueError) as caught:
        preview(tmp_path / "a.png", random(8, 8), random(8, 8), random(8, 9))
    assert str(caught.value) == "preview expects images of one shape, got (8, 8) and (8, 9)."
    assert not list(tmp_path.iterdir())
