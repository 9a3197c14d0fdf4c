"""Water and fat."""

from cmath import exp
from math import pi

import pytest
import torch

from recon.operators import WaterFat
from recon.operators.mri.signals.water_fat import LIVER_FAT

TE = [0.0011, 0.0023, 0.0035]


def test_the_signal_written_out():
    model = WaterFat(TE, field=1.5, b0=30.0, r2_star=40.0)
    s = model(model.point(water=0.7, fat=0.4 + 0.1j, b0=25.0, r2_star=60.0).to(torch.complex128))
    sizes = [size for _, size in LIVER_FAT]
    for value, t in zip(s, TE, strict=True):
        peaks = [size * exp(-2j * pi * 42.577478518 * 1.5 * shift * t) for shift, size in LIVER_FAT]
        fat = sum(peaks) / sum(sizes)
        expected = (0.7 + (0.4 + 0.1j) * fat) * exp(-(60.0 + 2j * pi * 25.0) * t)
        assert abs(value.item() - expected) < 1e-6


def test_in_and_out_of_phase_of_one_peak():
    shift = 3.4 * 42.577478518 * 3.0
    model = WaterFat([0.5 / shift, 1 / shift, 1.5 / shift], field=3.0, peaks=[(-3.4, 1.0)])
    s = model(model.point(water=1.0, fat=0.3, b0=0.0, r2_star=0.0).to(torch.complex128))
    torch.testing.assert_close(s, torch.tensor([0.7, 1.3, 0.7], dtype=torch.complex128), atol=1e-6, rtol=0)


def test_wrong_use():
    for peaks in ([(-3.4, 0.0)], [(-3.4,)], [(-3.4, 1.0, 2.0)]):
        with pytest.raises(ValueError, match="peaks \\(shift in ppm, size\\) of positive total size"):
            WaterFat(TE, peaks=peaks)
    with pytest.raises(TypeError, match="peaks to be a tensor or numbers in rows of one length, got 'fat'"):
        WaterFat(TE, peaks="fat")
    with pytest.raises(ValueError, match="field to be a positive number"):
        WaterFat(TE, field=-3.0)
