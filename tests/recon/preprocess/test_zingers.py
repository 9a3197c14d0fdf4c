"""Hits put into counts of a known phantom."""

from math import pi

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Zingers

VIEWS, BINS = 120, 96
BLANK = 2000.0


@pytest.fixture
def counts(sinogram):
    """Expected counts behind an object with sharp edges, and a sample of them."""
    angles = torch.arange(VIEWS, dtype=torch.float64) * (pi / VIEWS)
    mean = BLANK * torch.exp(-2 * sinogram(angles, BINS, 0.0))
    return mean, torch.poisson(mean, torch.Generator().manual_seed(0))


def hits(number=60, seed=1):
    draw = torch.Generator().manual_seed(seed)
    views, bins = (torch.randint(1, size - 1, (number,), generator=draw) for size in (VIEWS, BINS))
    mask = torch.zeros(VIEWS, BINS, dtype=torch.bool)
    mask[views, bins] = True
    mask[views, bins + 1] = True  # two bins wide
    mask[1:] &= ~mask[:-1]  # one exposure at a time
    mask[0, 5] = mask[-1, 50] = True
    return mask


def test_hits_go_and_everything_else_stays(counts):
    mean, data = counts
    mask = hits()
    out = Zingers()(Item("a", "a.h5", data + 1500 * mask))
    assert torch.equal(out.data[~mask], data[~mask])
    assert out.meta == {"zingers": {"data": int(mask.sum())}}
    deviation = (out.data - mean)[mask] / mean[mask].sqrt()
    assert float(deviation.square().mean().sqrt()) < 2.5


def test_data_without_hits_stay(counts):
    """Without noise, a coarse scan has a few views in which edges meet that no neighbouring view sees together."""
    mean, data = counts
    out = Zingers()(Item("a", "a.h5", data))
    assert torch.equal(out.data, data)
    assert out.meta["zingers"] == {"data": 0}
    exact = Zingers()(Item("a", "a.h5", mean))
    assert exact.meta["zingers"]["data"] <= 1e-3 * mean.numel()
    assert float((exact.data - mean).norm() / mean.norm()) < 1e-3


def test_dark_ones_in_line_integrals(counts):
    p = -torch.log(counts[1].clamp_min(1) / BLANK)
    mask = hits()
    out = Zingers(sign="dark")(Item("a", "a.h5", p - 2.5 * mask))
    assert torch.equal(out.data[~mask], p[~mask])
    assert int((out.data[mask] > (p - 1.5)[mask]).sum()) == int(mask.sum())


def test_a_sharp_point_that_moves_is_kept():
    """A wire one bin wide that crosses two bins from view to view."""
    data = torch.full((40, 90), 100.0)
    data[torch.arange(40), 5 + 2 * torch.arange(40)] = 1000.0
    assert torch.equal(Zingers(reach=2)(Item("a", "a.h5", data)).data, data)
    assert Zingers(reach=1)(Item("a", "a.h5", data)).meta["zingers"] == {"data": 40}


def test_rows_flats_and_another_axis():
    noise = torch.randn(6, 8, 10, generator=torch.Generator().manual_seed(0))
    clean = 500 + 5 * noise
    data, flats = clean.clone(), clean[:5].clone()
    data[2, 3, 4] = flats[1, 0, 0] = 3000.0
    item = Item("a", "a.h5", data.movedim(0, 1), {"flats": flats.movedim(0, 1)})
    out = Zingers(roles=["data", "flats"], axis=1)(item)
    assert out.meta["zingers"] == {"data": 1, "flats": 1}
    assert out.data[3, 2, 4] == (data[1, 3, 4] + data[3, 3, 4]) / 2
    assert out.aux["flats"][0, 1, 0] == (flats[0, 0, 0] + flats[2, 0, 0]) / 2


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            torch.ones(2, 9),
            "zingers expects data to be real, (frames, bins) or (frames, rows, bins), with three frames or more along "
            "axis 0; that of a.h5 is float32 of (2, 9).",
        ),
        (
            torch.arange(30.0)[:, None].remainder(3).square().expand(30, 12) * torch.arange(12.0).remainder(2) + 1,
            "zingers finds 60 of 360 readings in data of a.h5 to stand out, which are no exceptions; raise the "
            "threshold, or leave the step out.",
        ),
    ],
)
def test_what_is_refused(data, sentence):
    with pytest.raises(DataError) as caught:
        Zingers(threshold=0.5, reach=0)(Item("a", "a.h5", data))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"threshold": 0.0}, "Zingers expects a positive threshold, got 0.0."),
        ({"sign": "both"}, "Zingers expects sign 'bright' or 'dark', got 'both'."),
        ({"reach": -1}, "Zingers expects reach to be a whole number from 0 up, got -1."),
        ({"roles": "data"}, "Zingers expects roles to be a list of names such as [data, truth], got 'data'."),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        Zingers(**settings)
    assert str(caught.value) == sentence
