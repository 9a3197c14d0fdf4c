"""Objects of tissues: parameters, signals and their k-space."""

import math

import pytest
import torch

from recon.operators import Volume
from recon.phantoms import Box, Ellipse, GaussianBlob, ParametricPhantom, SinusoidalCoils, Tissue, relaxation_head

OUTER = Tissue(Ellipse(1.0, 20.0, 25.0), 1.0, 0.9, 0.08)
INNER = Tissue(Ellipse(5.0, 6.0, 4.0, 3.0, -8.0, 0.4), 0.7, 3.0, 0.5)
INMOST = Tissue(Ellipse(1.0, 2.0, 2.0, 3.0, -8.0), 0.5, 0.4, 0.03)
BESIDE = Tissue(Ellipse(1.0, 3.0, 3.0, -9.0, 9.0), 0.9, 1.5, 0.2)
NESTED = ParametricPhantom([OUTER, INNER, INMOST, BESIDE])
VOLUME = Volume((56, 48), 1.0)
AT = {"outer": (48, 24), "inner": (19, 31), "inmost": (19, 26), "beside": (36, 14), "outside": (0, 0)}


def test_signals_are_those_of_the_tissues():
    assert OUTER.spin_echo(0.08) == pytest.approx(math.exp(-1))
    assert OUTER.spin_echo(0.04, 1.8) == pytest.approx((1 - math.exp(-2)) * math.exp(-0.5))
    assert INNER.inversion_recovery(3.0 * math.log(2)) == pytest.approx(0.0, abs=1e-12)
    assert INNER.inversion_recovery(0.5, 6.0, 0.1) == pytest.approx(
        0.7 * (1 - 2 * math.exp(-1 / 6) + math.exp(-2)) * math.exp(-0.2)
    )


def test_each_tissue_takes_the_place_of_those_before():
    volume = Volume((56, 48), 1.0)
    maps = NESTED.parameters(volume, torch.float64)
    echo = NESTED.spin_echo(0.05, 2.0).rasterise(volume, samples=1, dtype=torch.float64)
    recovery = NESTED.inversion_recovery(0.6).rasterise(volume, samples=1, dtype=torch.float64)
    for tissue, place in zip([OUTER, INNER, INMOST, BESIDE], list(AT.values())[:4], strict=True):
        assert [float(maps[key][place]) for key in ("m0", "t1", "t2")] == pytest.approx(
            [tissue.m0, tissue.t1, tissue.t2]
        )
        assert float(echo[place]) == pytest.approx(tissue.spin_echo(0.05, 2.0))
        assert float(recovery[place]) == pytest.approx(tissue.inversion_recovery(0.6))
    assert all(float(maps[key][AT["outside"]]) == 0 for key in maps)
    m0, t1, t2 = maps["m0"], maps["t1"].clamp(min=1e-9), maps["t2"].clamp(min=1e-9)
    torch.testing.assert_close(echo, m0 * (1 - (-2.0 / t1).exp()) * (-0.05 / t2).exp())


def test_echoes_and_their_kspace_belong_together():
    times = [0.01, 0.05, 0.2]
    images = NESTED.multi_echo(VOLUME, times, 3.0)
    assert images.shape == (3, 56, 48)
    torch.testing.assert_close(images[1], NESTED.spin_echo(0.05, 3.0).rasterise(VOLUME))
    coils = SinusoidalCoils.birdcage(VOLUME, 3, waves=2)
    points = torch.rand(2, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    kspace = NESTED.multi_echo_kspace(VOLUME, times, 3.0, points, coils, torch.complex128)
    assert kspace.shape == (3, 3, 7)
    for echo, time in zip(kspace, times, strict=True):
        torch.testing.assert_close(echo, NESTED.spin_echo(time, 3.0).kspace(VOLUME, points, coils, torch.complex128))


def test_the_head_is_of_its_tissues():
    head = relaxation_head(100.0)
    maps = head.parameters(Volume((110, 110), 2.0))
    white = float(maps["t2"][85, 55])
    assert white == pytest.approx(0.08)
    pixels = (maps["t2"] - 2.0).abs() < 1e-6
    assert bool((maps["t1"][pixels] == 4.0).all())
    assert bool(pixels.any())


@pytest.mark.parametrize(
    ("tissues", "message"),
    [
        ([], "Phantom expects at least one shape"),
        ([Tissue(GaussianBlob(1.0, 2.0, 2.0), 1.0, 1.0, 1.0)], "expects solid regions"),
        ([OUTER, Tissue(Box(1.0, 1.0, 1.0, 1.0), 1.0, 1.0, 1.0)], "all in the plane or all in space"),
        ([OUTER, Tissue(Ellipse(1.0, 5.0, 5.0, 18.0), 1.0, 1.0, 1.0)], "region 1 crosses the boundary of region 0"),
        ([INNER, OUTER], "region 1 crosses the boundary of region 0 or contains it"),
    ],
)
def test_regions_that_do_not_nest(tissues, message):
    with pytest.raises(ValueError, match=message):
        ParametricPhantom(tissues)


def test_tissues_decay():
    with pytest.raises(
        ValueError, match="Tissue expects a finite m0 and positive, finite t1 and t2 in s, got 1, 1 and 0"
    ):
        Tissue(Ellipse(1.0, 1.0, 1.0), 1.0, 1.0, 0.0)
