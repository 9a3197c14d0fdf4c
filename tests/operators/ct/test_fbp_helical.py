"""Katsevich's inversion of helical scans."""

import math
from dataclasses import replace

import pytest
import torch

from recon.operators import CapabilityError, ConeBeam, FilteredBackprojection, RayTransform, Volume
from recon.operators.ct.helix_filter import HelixFilter
from recon.operators.ct.helix_windows import HelixWindows
from tests.operators.ct.test_fbp_geometries import VALUE, ball_integrals, check, distances

VOLUME = Volume((14, 36, 40), (2.4, 2.6, 2.4), (1.0, 2.0, -3.0))
ANGLES = [-3.2 * math.pi + 6.4 * math.pi * a / 560 for a in range(560)]
PLAIN = ConeBeam(ANGLES, 38, 90, 300.0, 450.0, (2.2, 2.4), helical_pitch=40.0)
MOVED = ConeBeam(ANGLES, 44, 100, 300.0, 450.0, (2.2, 2.4), (3.0, 7.0), (2.0, -5.0), 4.0, helical_pitch=40.0)
SCANS = {
    "plain": PLAIN,
    "downwards": replace(PLAIN, helical_pitch=-40.0),
    "low pitch": replace(PLAIN, helical_pitch=25.0),
    "all moved": MOVED,
    "any order": replace(PLAIN, angles=tuple(ANGLES[(n * 143) % 560] for n in range(560))),
}


@pytest.mark.parametrize("scan", SCANS)
def test_a_ball_of_two_hundredths_comes_back_within_one_percent(scan):
    check(SCANS[scan], VOLUME, 16.0, (3.0, -5.0, 4.0))


def test_uneven_steps_along_the_helix():
    step = torch.linspace(-1, 1, 700, dtype=torch.float64)
    check(
        replace(PLAIN, angles=tuple((3.2 * math.pi * (step + 0.1 * torch.sin(3 * step))).tolist())),
        VOLUME,
        16.0,
        (3.0, -5.0, 4.0),
    )


def test_soft_filters_keep_the_value():
    data = ball_integrals(PLAIN, 16.0, (3.0, -5.0, 4.0))
    inside = distances(VOLUME, (3.0, -5.0, 4.0)) < 8
    for options in ({"filter": "hann"}, {"filter": "cosine", "cutoff": 0.8, "padding": "edge"}):
        image = FilteredBackprojection(RayTransform(VOLUME, PLAIN), **options)(data)
        assert float(image[inside].mean()) == pytest.approx(VALUE, rel=1e-3)


@pytest.mark.parametrize("geometry", [PLAIN, MOVED, replace(MOVED, helical_pitch=-30.0)])
def test_lines_and_windows_are_those_of_the_sources(geometry):
    """κ-lines hold the sources at λ + ψ and λ + 2ψ, and the window's ends the turns above and below."""
    windows, distance = HelixWindows(geometry), geometry.source_to_detector

    def seen(turns):
        """(u, w) of the source those radians ahead, on the detector of the view at 0."""
        views = replace(geometry, angles=(0.0, *turns)).frames().points[:, 0]
        z, y, x = (views[1:] - views[0]).T
        return x / y * distance, z / y * distance

    for psi in (0.4, -0.9, 1.4):
        u, w = seen((psi, 2 * psi))
        torch.testing.assert_close(windows.line(u, torch.tensor(psi, dtype=torch.float64)), w)
    for turns in (torch.linspace(2.4, 3.9, 9), torch.linspace(-3.9, -2.4, 9)):
        u, w = seen(tuple(turns.tolist()))
        low, high = windows.window(u)
        torch.testing.assert_close(torch.where(w > 0, high, low), w)


def test_the_filter_has_an_exact_transpose():
    geometry = replace(MOVED, angles=tuple(ANGLES[:6]), rows=12, bins=14, helical_pitch=10.0)
    steps = torch.tensor(ANGLES[:6], dtype=torch.float64).diff()
    generator = torch.Generator().manual_seed(0)
    for padding in ("zero", "edge"):
        filter = HelixFilter(geometry, HelixWindows(geometry), steps, "hamming", 0.9, padding)
        x = torch.randn(2, 6, 12, 14, generator=generator, dtype=torch.float64)
        out = filter.apply(x)
        y = torch.randn(out.shape, generator=generator, dtype=torch.float64)
        assert float((out * y).sum()) == pytest.approx(float((x * filter.transpose(y)).sum()), rel=1e-12)


def test_refuses_rows_too_few_for_the_pitch_and_views_too_far_apart():
    with pytest.raises(
        CapabilityError, match=r"to fill the Tam-Danielson window, this one reaches from -41.8 to 41.8 mm at"
    ):
        FilteredBackprojection(RayTransform(VOLUME, replace(PLAIN, helical_pitch=120.0)))
    for angles in ((0.0, 0.5, 1.0), (0.0, 0.1, 0.1), (0.0,)):
        with pytest.raises(CapabilityError, match=r"needs different views at most 20° apart"):
            FilteredBackprojection(RayTransform(VOLUME, replace(PLAIN, angles=angles)))
