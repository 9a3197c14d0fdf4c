"""Decay with T2* and off-resonance."""

from math import cos, exp, pi, sin

import torch

from recon.operators import T2StarDecay, WaterFat


def test_the_signal_decays_and_turns_back_where_the_frequency_is_positive():
    model = T2StarDecay([0.004, 0.02], t2_star=0.05, b0=7.0)
    s = model(model.point(m0=2.0, t2_star=0.03, b0=11.0).to(torch.complex128))
    for value, t in zip(s, (0.004, 0.02), strict=True):
        angle = 2 * pi * 11.0 * t
        expected = 2 * exp(-t / 0.03) * complex(cos(angle), -sin(angle))
        assert abs(value - expected) < 1e-6


def test_maps_and_point_are_inverses():
    model = T2StarDecay([0.004, 0.02], (4,))
    maps = {
        "m0": torch.tensor([1.0, 1j, -2, 0.5 - 1j], dtype=torch.complex128),
        "t2_star": torch.tensor([0.01, 0.03, 0.1, 1.0], dtype=torch.float64),
        "b0": torch.tensor([-30.0, 0.0, 2.0, 80.0], dtype=torch.float64),
    }
    back = model.maps(model.point(**maps))
    for name, values in maps.items():
        torch.testing.assert_close(back[name], values, rtol=1e-12, atol=1e-12)


def test_a_voxel_of_water_alone_is_a_decay_with_t2_star():
    te = [0.001, 0.003, 0.006]
    decay, mixture = T2StarDecay(te), WaterFat(te)
    p = decay.point(m0=1.5, t2_star=0.02, b0=40.0)
    q = mixture.point(water=1.5, fat=0.0, b0=40.0, r2_star=50.0)
    torch.testing.assert_close(decay(p), mixture(q))
