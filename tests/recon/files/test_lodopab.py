"""LoDoPaB-CT: exact line integrals of a disc, stored as the data set stores them, fit the geometry of the item."""

from math import pi, sqrt

import h5py
import numpy as np
import pytest
import torch

from recon.files import DataError, LoDoPaB
from recon.operators import ParallelBeam

SIDE, PIXELS, BINS, VIEWS = 0.26, 362, 513, 1000
X, Y, RADIUS = 0.05, -0.03, 0.04
"""Centre and radius of the disc in metres, x along the first axis of the images."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pixels = (np.arange(PIXELS) + 0.5) * SIDE / PIXELS - SIDE / 2
    image = np.hypot(pixels[:, None] - X, pixels - Y) <= RADIUS
    angles = (np.arange(VIEWS) + 0.5) * pi / VIEWS
    places = (np.arange(BINS) - BINS // 2) * sqrt(2) * SIDE / BINS
    off = places - (X * np.cos(angles) + Y * np.sin(angles))[:, None]
    lines = 2 * np.sqrt(np.maximum(RADIUS**2 - off**2, 0))
    path = tmp_path_factory.mktemp("lodopab")
    for name, values in {"observation_test_000": lines, "ground_truth_test_000": image}.items():
        with h5py.File(path / f"{name}.hdf5", "w") as file:
            file["data"] = np.stack([0 * values, values]).astype(np.float32)
    return path


def test_data_truth_and_geometry_fit_each_other(folder):
    references = LoDoPaB(str(folder)).items()
    assert [reference.id for reference in references] == [f"observation_test_000-slice00{n}" for n in (0, 1)]
    item = references[1].load()
    assert float(item.truth.max()) == pytest.approx(0.08135858)
    assert item.units == "1/mm"
    assert float(item.data.max()) == pytest.approx(2 * 1000 * RADIUS * 0.08135858, rel=1e-3)
    geometry = dict(item.scan.geometry)
    assert geometry.pop("name") == "parallel_beam"
    beam = ParallelBeam(item.aux["angles"], bins=BINS, **geometry)
    rows, columns = torch.nonzero(item.truth, as_tuple=True)
    spacing = item.scan.volume["spacing"]
    y, x = (spacing * (n.double().mean() - (PIXELS - 1) / 2) for n in (rows, columns))
    expected = x * torch.tensor(beam.angles).cos() + y * torch.tensor(beam.angles).sin()
    centre = (item.data.double() * beam.positions()).sum(1) / item.data.double().sum(1)
    assert float((centre - expected).abs().max()) < 0.1


def test_without_ground_truth_there_is_none(folder, tmp_path):
    file = tmp_path / "observation_test_000.hdf5"
    file.write_bytes((folder / file.name).read_bytes())
    assert LoDoPaB(str(file), slices=1).items()[0].load().truth is None


def test_what_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match="names ground truths only, and no observation"):
        LoDoPaB(str(folder / "ground_truth*")).items()
    with h5py.File(tmp_path / "observation.hdf5", "w") as file:
        file["data"] = np.ones((2, 5, 6), np.float32)
    with pytest.raises(DataError, match=r"has data of shape \(5, 6\), not \(1000, 513\)"):
        LoDoPaB(str(tmp_path / "observation.hdf5")).items()[0].load()
