"""Fourier transforms of shapes by formula, against direct integration, and k-space against operators."""

import math

import numpy as np
import pytest
import torch

from recon.operators import CartesianMRI, Trajectory, Volume, centred_fft
from recon.phantoms import (
    Box,
    Ellipse,
    Ellipsoid,
    GaussianBlob,
    GaussianBlob3D,
    Phantom,
    Rectangle,
    SinusoidalCoils,
    ball,
    shepp_logan,
)

DOUBLE, COMPLEX = {"dtype": torch.float64}, {"dtype": torch.complex128}
PLANE = (2.0, 3.0, 1.2, 0.5, -0.7, 0.4)
SPACE = (2.0, 3.0, 1.2, 2.1, 0.5, -0.7, 0.3, 0.4, -0.9, 1.1)
FLAT = [Ellipse(*PLANE), Rectangle(*PLANE), GaussianBlob(*PLANE)]
THICK = [Ellipsoid(*SPACE), Box(*SPACE), GaussianBlob3D(*SPACE)]


def quadrature(shape):
    """Nodes (p, d) in mm and weights of a rule that the edge of the shape does not cross."""
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(40))
    if isinstance(shape, Ellipse | Ellipsoid):
        radius, share = (nodes + 1) / 2, weights / 2
        phi = torch.arange(64, **DOUBLE) * (2 * math.pi / 64)
        if shape.ndim == 2:
            r, angle = torch.meshgrid(radius, phi, indexing="ij")
            places = torch.stack([r * angle.sin(), r * angle.cos()], -1)
            rule = (radius * share)[:, None] * torch.full((64,), 2 * math.pi / 64, **DOUBLE)
        else:
            r, c, angle = torch.meshgrid(radius, nodes, phi, indexing="ij")
            s = (1 - c**2).sqrt()
            places = torch.stack([r * s * angle.cos(), r * s * angle.sin(), r * c], -1)
            rule = (radius**2 * share)[:, None, None] * weights[:, None] * torch.full((64,), 2 * math.pi / 64, **DOUBLE)
    else:
        if isinstance(shape, GaussianBlob | GaussianBlob3D):  # sums at equal steps, which converge at once
            nodes, weights = torch.arange(-24, 25, **DOUBLE) / 3, torch.full((49,), 1 / 3, **DOUBLE)
        places = torch.cartesian_prod(*[nodes] * shape.ndim)
        rule = torch.cartesian_prod(*[weights] * shape.ndim).prod(-1)
    to_own, centre = shape.affine()
    from_own = torch.linalg.inv(to_own)
    return places.reshape(-1, shape.ndim) @ from_own.T + centre, rule.flatten() * torch.linalg.det(from_own).abs()


@pytest.mark.parametrize("shape", FLAT + THICK, ids=lambda shape: type(shape).__name__)
def test_transforms_are_integrals(shape):
    waves = 0.4 * torch.rand(12, shape.ndim, generator=torch.Generator().manual_seed(0), **DOUBLE) - 0.2
    waves = torch.cat([waves, torch.zeros(1, shape.ndim, **DOUBLE), 1e-3 * waves[:2]])
    places, weights = quadrature(shape)
    values = shape.values(places) * weights
    phase = torch.polar(torch.ones(len(waves), len(places), **DOUBLE), -2 * math.pi * (waves @ places.T))
    torch.testing.assert_close(shape.transform(waves), phase @ values.to(**COMPLEX), rtol=1e-9, atol=1e-9)


def test_the_transform_at_zero_is_the_area():
    zero = torch.zeros(1, 2)
    assert complex(Ellipse(2.0, 3.0, 4.0, 1.0).transform(zero)) == pytest.approx(2 * math.pi * 12)
    assert complex(Rectangle(2.0, 3.0, 4.0, 1.0).transform(zero)) == pytest.approx(2 * 48)
    assert complex(ball(2.0).shapes[0].transform(torch.zeros(1, 3))) == pytest.approx(4 / 3 * math.pi * 8)


def test_the_transform_of_a_ball_is_smooth_where_its_formulas_meet():
    w = torch.linspace(0.04, 0.06, 2001, **DOUBLE)  # they meet at 2πw = 0.3
    values = ball(1.0).shapes[0].transform(torch.stack([w, 0 * w, 0 * w], -1)).real
    assert float(torch.diff(values, n=3).abs().max()) < 1e-12


@pytest.mark.parametrize("volume", [Volume((48, 45), (1.0, 1.2), (0.7, -0.3)), Volume((15, 18, 16), (2.0, 1.5, 1.6))])
def test_kspace_of_what_the_grid_resolves_is_that_of_its_image(volume):
    sizes = (5.0, 4.0) if volume.ndim == 2 else (3.2, 3.0, 3.6)
    blob = (GaussianBlob if volume.ndim == 2 else GaussianBlob3D)(2.0, *sizes, x=1.0, y=-1.5)
    image = Phantom([blob]).rasterise(volume, samples=1, **DOUBLE)
    A = CartesianMRI(torch.ones(1), shape=volume.shape, ndim=volume.ndim)
    limit = {2: 1e-5, 3: 2e-2}[volume.ndim]  # of what the blob has beyond the field of view and the band
    torch.testing.assert_close(Phantom([blob]).kspace(volume, **COMPLEX), A(image.to(**COMPLEX)), atol=limit, rtol=0)


def test_images_of_the_head_tend_to_its_kspace():
    """Means over pixels are off by sinc k = 1 − (πk)²/6 and aliases, both of second order at a fixed frequency."""
    errors = []
    for n in (64, 128, 256):
        volume = Volume((n, n), 220 / n)
        head = shepp_logan(100.0)
        exact = head.kspace(volume, **COMPLEX)
        seen = centred_fft(head.rasterise(volume, **DOUBLE).to(**COMPLEX))
        low = (slice(n // 2 - 8, n // 2 + 9),) * 2
        errors.append(float((exact[low] - seen[low]).norm() / exact[low].norm()))
    assert errors[2] < 1e-3
    assert errors[0] / errors[1] > 3
    assert errors[1] / errors[2] > 3


def test_points_off_the_grid_are_sums_over_pixels():
    volume = Volume((40, 41), (1.0, 0.9), (0.3, 0.0))
    blob = Phantom([GaussianBlob(1.0, 3.0, 3.5, 1.0, -0.5, 0.3)])
    points = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(1), **DOUBLE) - 0.5
    image = blob.rasterise(volume, samples=1, **DOUBLE).to(**COMPLEX)
    index = torch.cartesian_prod(*[torch.arange(n, **DOUBLE) - n // 2 for n in volume.shape])
    angles = -2 * math.pi * torch.tensordot(index, points, 1)
    direct = torch.tensordot(image.flatten(), torch.polar(torch.ones_like(angles), angles), 1) / math.sqrt(40 * 41)
    torch.testing.assert_close(blob.kspace(volume, points, **COMPLEX), direct, atol=1e-7, rtol=0)
    scan = Trajectory.radial(3, 8)
    assert torch.equal(blob.kspace(volume, scan), blob.kspace(volume, scan.points))
    single = blob.kspace(volume, points)
    assert single.dtype == torch.complex64


def test_kspace_of_coils_is_that_of_weighted_images():
    volume = Volume((40, 36), 1.1, (0.4, -0.2))
    coils = SinusoidalCoils.birdcage(volume, 4, waves=3)
    blobs = Phantom([GaussianBlob(1.0, 2.6, 3.0, 2.0, -1.0), GaussianBlob(-0.4, 2.4, 2.4, -3.0, 2.0)])
    image = blobs.rasterise(volume, samples=1, **DOUBLE).to(**COMPLEX)
    found = blobs.kspace(volume, coils=coils, **COMPLEX)
    assert found.shape == (4, 40, 36)
    torch.testing.assert_close(found, centred_fft(coils.maps(volume, **COMPLEX) * image), atol=1e-6, rtol=0)
    shares = blobs.kspace_of_shapes(volume, coils=coils, **COMPLEX)
    torch.testing.assert_close(shares.sum(0), found)


def test_wrong_arguments():
    head, volume = shepp_logan(1.0), Volume((8, 8))
    with pytest.raises(ValueError, match=r"kspace expects a volume of 2 axes, got shape \(4, 8, 8\)"):
        head.kspace(Volume((4, 8, 8)))
    with pytest.raises(ValueError, match=r"kspace expects points of shape \(2, ...\), got \(3, 5\)"):
        head.kspace(volume, torch.zeros(3, 5))
    with pytest.raises(ValueError, match="kspace expects coils in 2 dimensions, got them in 3"):
        head.kspace(volume, coils=SinusoidalCoils.birdcage(Volume((4, 8, 8)), 2, waves=1))
