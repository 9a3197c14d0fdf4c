"""Point spread functions: sum, centre, shape."""

from math import pi, sqrt

import pytest
import torch

from recon.operators.psf import box_psf, disk_psf, gaussian_psf, motion_psf


def centroid(psf):
    grids = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) - n // 2 for n in psf.shape), indexing="ij")
    return [float((g * psf).sum()) for g in grids]


@pytest.mark.parametrize(
    "psf", [gaussian_psf(1.3), gaussian_psf((0.5, 2.0, 1.0)), box_psf((3, 5)), disk_psf(3.4), motion_psf(7.5, 0.4)]
)
def test_unit_sum_centred_and_nonnegative(psf):
    assert float(psf.sum()) == pytest.approx(1)
    assert centroid(psf) == pytest.approx([0] * psf.ndim, abs=1e-12)
    assert float(psf.min()) >= 0
    assert psf.dtype == torch.float64


def test_gaussian_has_its_variance_and_size():
    psf = gaussian_psf((1.5, 3.0), size=(41, 61))
    y = torch.arange(41, dtype=torch.float64) - 20
    x = torch.arange(61, dtype=torch.float64) - 30
    assert float((psf.sum(1) * y**2).sum()) == pytest.approx(1.5**2, rel=1e-6)
    assert float((psf.sum(0) * x**2).sum()) == pytest.approx(9, rel=1e-6)
    even = gaussian_psf(1.0, size=4)
    assert even.shape == (4, 4)
    assert even.argmax() == 2 * 4 + 2


def test_disk_covers_its_area():
    psf = disk_psf(5.0)
    assert float(1 / psf.max()) == pytest.approx(pi * 25, rel=5e-3)
    assert disk_psf(0.4).shape == (1, 1)


@pytest.mark.parametrize(("angle", "direction"), [(0.0, (0, 1)), (pi / 2, (1, 0)), (pi / 4, (sqrt(0.5), sqrt(0.5)))])
def test_motion_runs_along_its_direction(angle, direction):
    psf = motion_psf(9.0, angle)
    n = psf.shape[0]
    r = torch.arange(n, dtype=torch.float64) - n // 2
    along = r[:, None] * direction[0] + r * direction[1]
    across = r[:, None] * direction[1] - r * direction[0]
    assert float((psf * along**2).sum()) == pytest.approx(81 / 12, rel=0.05)  # the variance of a uniform segment
    assert float((psf * across**2).sum()) < 0.35


@pytest.mark.parametrize(
    "call",
    [lambda: gaussian_psf(0.0), lambda: gaussian_psf(1.0, size=0), lambda: disk_psf(-1.0), lambda: motion_psf(0.0)],
)
def test_errors(call):
    with pytest.raises(ValueError, match="expects a positive"):
        call()
