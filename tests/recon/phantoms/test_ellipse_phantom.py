"""Phantoms whose images and line integrals are known."""

import math

import pytest
import torch

from recon.operators import ParallelBeam, Volume
from recon.phantoms import Ellipse, EllipsePhantom, disc, shepp_logan


def test_chords_of_a_disc():
    beam = ParallelBeam([0.0, math.pi / 2, 1.0], bins=5, pitch=1.5)
    chords = disc(2.5, value=0.1, x=0.5, y=-1.0).line_integrals(beam, dtype=torch.float64)
    for a, centre in enumerate([0.5, -1.0, 0.5 * math.cos(1.0) - math.sin(1.0)]):
        expected = [0.2 * math.sqrt(max(0.0, 2.5**2 - (s - centre) ** 2)) for s in (-3.0, -1.5, 0.0, 1.5, 3.0)]
        assert chords[a].tolist() == pytest.approx(expected, abs=1e-15)


def test_axes_of_an_ellipse_are_its_longest_and_shortest_chords():
    ellipse = Ellipse(1.0, a=3.0, b=1.0, angle=0.4)
    along_b, along_a = ParallelBeam([0.4], 1), ParallelBeam([0.4 + math.pi / 2], 1)
    assert float(ellipse.line_integrals(along_b)) == pytest.approx(2.0)  # the ray runs along the minor axis
    assert float(ellipse.line_integrals(along_a)) == pytest.approx(6.0)


def test_every_view_integrates_to_the_area():
    phantom = EllipsePhantom([Ellipse(2.0, 3.0, 1.0, 0.5, -0.25, 0.7), Ellipse(-1.0, 1.0, 0.5)])
    beam = ParallelBeam([0.1 * a for a in range(40)], bins=2000, pitch=0.005)
    mass = phantom.line_integrals(beam, dtype=torch.float64).sum(1) * 0.005
    torch.testing.assert_close(mass, torch.full((40,), math.pi * (6.0 - 0.5)).double(), rtol=1e-4, atol=0)


def test_bin_averages_converge_to_the_mean_over_the_bin():
    beam, phantom = ParallelBeam([0.3], bins=1, pitch=2.0, offset=0.4), disc(3.0)
    primitive = [s * math.sqrt(9 - s * s) + 9 * math.asin(s / 3) for s in (-0.6, 1.4)]
    exact = (primitive[1] - primitive[0]) / 2.0
    assert float(phantom.line_integrals(beam, samples=64, dtype=torch.float64)) == pytest.approx(exact, rel=1e-4)


def test_pixels_are_area_averages():
    volume = Volume((40, 30), spacing=(0.3, 0.5), offset=(0.2, -0.4))
    ellipse = Ellipse(2.0, 4.0, 2.0, x=-0.5, y=0.3, angle=0.6)
    image = EllipsePhantom([ellipse]).rasterise(volume, samples=32, dtype=torch.float64)
    assert float(image.sum()) * 0.15 == pytest.approx(2.0 * math.pi * 8.0, rel=2e-4)
    assert float(image.min()) == 0.0
    assert float(image.max()) == 2.0
    y, x = volume.centres(0)[:, None], volume.centres(1)[None]
    assert float((image * x).sum() / image.sum()) == pytest.approx(-0.5, abs=1e-3)
    assert float((image * y).sum() / image.sum()) == pytest.approx(0.3, abs=1e-3)


def test_shepp_logan_stands_upright():
    image = shepp_logan(64.0, value=0.1).rasterise(Volume((128, 128)), dtype=torch.float64)
    assert float(image.max()) == pytest.approx(0.1)
    assert float(image[64, 64]) == pytest.approx(0.02)  # brain
    assert float(image[64 - 22, 64]) == pytest.approx(0.03)  # the large blob lies in the upper half
    assert float(image[64, 64 + 16]) == pytest.approx(0.0)  # ventricles
    assert float(image[0].abs().max()) == 0.0


def test_refuses_what_is_no_ellipse():
    with pytest.raises(ValueError, match=r"^Ellipse expects positive semi-axes, got a=0, b=1.$"):
        Ellipse(1.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"^Ellipse expects finite numbers"):
        Ellipse(float("nan"), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"^EllipsePhantom expects at least one ellipse, got none.$"):
        EllipsePhantom([])
