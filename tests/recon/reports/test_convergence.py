"""Convergence plots of what was measured."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from recon.reports import convergence_plot
from recon.reports.figure import figure

ITERATION = torch.arange(10, 110, 10)
HISTORY = {
    "iteration": ITERATION,
    "seconds": 0.5 + 0.02 * ITERATION,
    "objective": 1 + torch.exp(-ITERATION / 20.0),
    "relative_gap": torch.exp(-ITERATION / 20.0),
    "change": torch.where(ITERATION > 50, torch.nan, torch.exp(-ITERATION / 30.0)),
}


@pytest.fixture
def drawn(monkeypatch):
    """The figures made."""
    made = []
    original = Figure.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made.append(self)

    monkeypatch.setattr(Figure, "__init__", init)
    return made


def test_curves(tmp_path, drawn):
    path = convergence_plot(tmp_path / "a.png", HISTORY, title="a", note="done", tolerances={"relative_gap": 1e-4})
    left, right = [axes for axes in drawn[0].axes if axes.lines]
    assert left.get_ylabel() == "objective"
    assert left.get_yscale() == "linear"
    assert right.get_yscale() == "log"
    curves = {line.get_label(): line.get_xydata() for line in right.lines}
    assert np.allclose(curves["relative duality gap"][:, 1], HISTORY["relative_gap"])
    assert curves["relative change of the image"].shape == (5, 2)
    assert any(np.allclose(line.get_ydata(), 1e-4) for line in right.lines)
    with Image.open(path) as picture:
        assert np.asarray(picture.convert("L")).std() > 10


def test_seconds_stand_where_they_were_reached(tmp_path, drawn):
    convergence_plot(tmp_path / "a.png", HISTORY)
    clock = next(axes for axes in drawn[0].axes if axes.get_xlabel() == "seconds")
    for position, label in zip(clock.get_xticks(), clock.get_xticklabels(), strict=True):
        assert 0.5 + 0.02 * position == pytest.approx(float(label.get_text()))


def test_an_objective_over_decades_is_logarithmic(tmp_path, drawn):
    steep = {**HISTORY, "objective": torch.exp(-ITERATION / 10.0)}
    convergence_plot(tmp_path / "a.png", steep)
    assert drawn[0].axes[0].get_yscale() == "log"


def test_only_residuals_and_one_record(tmp_path):
    one = {"iteration": torch.tensor([3]), "seconds": torch.tensor([0.1]), "change": torch.tensor([0.5])}
    assert convergence_plot(tmp_path / "a.png", one).exists()
    negative = {**one, "gap": torch.tensor([-1.0]), "change": torch.tensor([torch.nan])}
    assert convergence_plot(tmp_path / "b.png", negative).exists()


def test_nothing_measured_is_no_picture(tmp_path):
    empty = {"iteration": torch.zeros(0), "seconds": torch.zeros(0)}
    assert convergence_plot(tmp_path / "a.png", empty) is None
    assert convergence_plot(tmp_path / "a.png", {**empty, "change": torch.zeros(0)}) is None
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_half_picture(tmp_path):
    with pytest.raises(RuntimeError), figure(tmp_path / "a.png", 1, 1):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
