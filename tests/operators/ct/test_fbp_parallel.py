"""Parallel filtered backprojection as GPUs compute it, by kernels that run here as well."""

import math
import pickle

import pytest
import torch

from recon.operators import FilteredBackprojection, ParallelBeam, RayTransform, Volume
from recon.phantoms import disc, shepp_logan

HALF_TURN = [math.pi * a / 180 for a in range(180)]


def fbp(volume, beam, *settings):
    return FilteredBackprojection(RayTransform(volume, beam), *settings)


@pytest.mark.parametrize("detector", [{}, {"offset": 3.3}, {"bins": 400, "pitch": 0.45}, {"bins": 70, "pitch": 2.6}])
def test_a_disc_of_two_hundredths_comes_back_within_one_percent(detector):
    volume, beam = (
        Volume((100, 128), (1.5, 1.2), (1.0, -2.0)),
        ParallelBeam(HALF_TURN, **{"bins": 150, "pitch": 1.2, **detector}),
    )
    image = fbp(volume, beam)._method.sum.apply(disc(60.0, 0.02, x=5.0, y=-8.0).line_integrals(beam)[None])[0]
    distance = torch.hypot(volume.centres(1)[None] - 5.0, volume.centres(0)[:, None] + 8.0)
    inside, outside = image[distance < 50], image[distance > 72]
    assert float(inside.mean()) == pytest.approx(0.02, rel=1e-3)
    assert float((inside - 0.02).abs().max()) < 0.01 * 0.02
    assert abs(float(outside.mean())) < 1e-3 * 0.02


@pytest.mark.parametrize("settings", [("ram-lak", 1.0), ("hann", 0.8), ("ram-lak", 1.0, "edge")])
def test_is_as_accurate_as_on_the_cpu(settings):
    volume, beam = Volume((96, 96), 2 / 96), ParallelBeam(HALF_TURN, 192, 1.2 / 96)
    phantom = shepp_logan(0.9)
    data, truth = phantom.line_integrals(beam, samples=4)[None], phantom.rasterise(volume)
    method = fbp(volume, beam, *settings)._method
    errors = [float((image[0] - truth).norm() / truth.norm()) for image in (method.apply(data), method.sum.apply(data))]
    assert errors[1] < 1.02 * errors[0] < 0.3


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_adjoint_is_the_transpose(dtype, tolerance):
    operator = fbp(Volume((30, 40), (1.3, 0.9)), ParallelBeam(HALF_TURN[::20], 45, offset=0.7), "hann", 0.9, "edge")
    total = pickle.loads(pickle.dumps(operator._method)).sum
    draw = torch.Generator().manual_seed(0)
    for kind in (torch.randn, torch.rand):
        y = kind((2, *operator.domain_shape), generator=draw, dtype=torch.float64).to(dtype)
        x = kind((2, *operator.range_shape), generator=draw, dtype=torch.float64).to(dtype)
        image, views = total.apply(y).double(), total.transpose(x).double()
        gap = float((image * x).sum() - (y * views).sum())
        assert abs(gap) <= tolerance * float(image.norm() * x.double().norm())
