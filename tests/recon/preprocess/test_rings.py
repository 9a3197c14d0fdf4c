"""Stripes put into projections known in closed form, and what of them is left in the reconstruction."""

from math import pi

import pytest
import torch

from recon.files import DataError, Item
from recon.operators import FilteredBackprojection, ParallelBeam, RayTransform, Volume
from recon.phantoms import Ellipse, EllipsePhantom, shepp_logan
from recon.preprocess import Rings

VIEWS, BINS = 240, 192
GEOMETRY = ParallelBeam([pi * a / VIEWS for a in range(VIEWS)], BINS)
FBP = FilteredBackprojection(RayTransform(Volume((BINS, BINS)), GEOMETRY))
RADIUS = (torch.arange(BINS) - (BINS - 1) / 2).square()
INSIDE = RADIUS[:, None] + RADIUS < (0.47 * BINS) ** 2


def cells():
    draw = torch.Generator().manual_seed(3)
    u = torch.rand(20, 6, dtype=torch.float64, generator=draw).tolist()
    small = [Ellipse(v - 0.5, 2 + 10 * a, 2 + 10 * b, 80 * x - 40, 60 * y - 30, 3 * t) for v, a, b, x, y, t in u]
    return EllipsePhantom([Ellipse(1.0, 70.0, 55.0, 6.0, -4.0, 0.3), *small])


PHANTOMS = {"head": shepp_logan(86.0), "cells": cells()}
CLEAN = {name: phantom.line_integrals(GEOMETRY, 4, torch.float64) for name, phantom in PHANTOMS.items()}


def normal(*shape, seed):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def noisy(name):
    clean = CLEAN[name]
    return clean + 0.005 * clean.max() * normal(VIEWS, BINS, seed=1)


def clean_up(p, **settings):
    item = Rings(**settings)(Item("a", "a.h5", p))
    return item.data, item.meta["rings"]


def energy(difference):
    return float(FBP(difference).square()[INSIDE].mean())


def gains(p):
    return p + 0.01 * p.max() * normal(BINS, seed=2)


def few(p):
    stripes = torch.zeros(BINS, dtype=p.dtype)
    stripes[[20, 45, 77, 90, 110, 150]] = 0.05 * p.max() * torch.tensor([1.0, -1, 1, 1, -1, 1], dtype=p.dtype)
    return p + stripes


def wide(p):
    p = p.clone()
    p[:, 50:57] += 0.06 * p.max()
    p[:, 140:146] -= 0.05 * p.max()
    return p


def faulty(p):
    p = p.clone()
    p[:, 75] = p[:, 75].mean()
    p[:, 110:112] = 0
    p[:, 60] += 0.1 * p.max() * normal(VIEWS, seed=4)
    return p


@pytest.mark.parametrize("name", PHANTOMS)
@pytest.mark.parametrize(
    ("spoil", "factor"), [(gains, 18), (few, 60), (wide, 60), (faulty, 1000)], ids=["gains", "few", "wide", "faulty"]
)
def test_energy_of_the_rings_falls(name, spoil, factor):
    p = noisy(name)
    spoilt = spoil(p)
    assert energy(clean_up(spoilt)[0] - p) < energy(spoilt - p) / factor


@pytest.mark.parametrize("name", PHANTOMS)
def test_clean_data_stay(name):
    for p, changed in ((CLEAN[name], 0.01), (noisy(name), 0.014)):
        cleaned, counts = clean_up(p)
        assert energy(cleaned - p) < changed**2 * energy(CLEAN[name])
        assert float((cleaned - p).norm() / p.norm()) < 0.003
        assert counts["unstable"] <= 2


def test_what_was_found_is_counted():
    p = noisy("head")
    assert clean_up(p)[1] == {"wide": 0, "unstable": 0}
    assert clean_up(faulty(p))[1]["unstable"] == 4
    assert clean_up(wide(p))[1]["wide"] == 13
    assert clean_up(wide(p), widest=5)[1]["wide"] == 0


def test_a_stripe_is_removed_to_rounding_from_an_empty_scan():
    p = torch.zeros(20, 64)
    p[:, 30] += 0.7
    assert torch.equal(clean_up(p)[0], torch.zeros(20, 64))


def test_rows_are_corrected_each_for_itself_along_any_axis():
    a, b = gains(noisy("head"))[:, 40:120].float(), wide(noisy("cells"))[:, 30:110].float()
    wanted = torch.stack([clean_up(a)[0], clean_up(b)[0]])
    assert torch.equal(clean_up(torch.stack([a, b]), axis=1)[0], wanted)
    assert torch.equal(clean_up(torch.stack([a, b], dim=1))[0], wanted.movedim(0, 1))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            torch.ones(15, 40),
            "rings expects 16 projections or more along axis 0 and 9 bins or more along the last, a.h5 has shape "
            "(15, 40).",
        ),
        (torch.full((20, 40), float("nan")), "rings expects finite data, a.h5 has NaN or infinity."),
        (torch.ones(20, 40) * 1j, "rings expects real data, a.h5 is complex; take it out of preprocess."),
    ],
)
def test_what_is_refused(data, sentence):
    with pytest.raises(DataError) as caught:
        Rings()(Item("a", "a.h5", data))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 8}, "Rings expects size to be an odd number from 5 up, got 8."),
        ({"widest": 0}, "Rings expects widest to be a whole number from 1 up, got 0."),
        ({"snr": 0.5}, "Rings expects snr to be a number above 1, got 0.5."),
        ({"unstable": float("nan")}, "Rings expects unstable to be a number above 1, got nan."),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        Rings(**settings)
    assert str(caught.value) == sentence
