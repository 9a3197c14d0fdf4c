"""Transforms and coil maps beside SigPy's."""

import numpy as np
import pytest
import torch

from recon.operators import NUFFT, CartesianMRI, NonCartesianMRI, Trajectory, Volume, birdcage_maps, estimate_coil_maps
from recon.phantoms import shepp_logan

sigpy = pytest.importorskip("sigpy")
mr = pytest.importorskip("sigpy.mri")


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))


def error(found, expected):
    found, expected = torch.as_tensor(np.asarray(found)), torch.as_tensor(np.asarray(expected))
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("shape", [(12, 15), (6, 5, 8)])
def test_cartesian_sampling_is_the_same(shape):
    mask = (torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    maps, x, y = random(3, *shape), random(*shape), random(3, *shape)
    A, theirs = CartesianMRI(mask, maps, ndim=len(shape)), mr.linop.Sense(maps.numpy(), weights=mask.numpy())
    assert error(A(x), theirs * x.numpy()) <= 1e-13
    assert error(A.adjoint(y), theirs.H * y.numpy()) <= 1e-13
    assert error(A.normal(x), theirs.N * x.numpy()) <= 1e-13


@pytest.mark.parametrize("shape", [(24, 17), (8, 7, 10)])
def test_nonuniform_transforms_are_the_same_where_theirs_are_accurate(shape):
    """Their wide kernels, whose Bessel function is a polynomial good to 1e-7."""
    ndim = len(shape)
    points = torch.rand(40, 5, ndim, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) - 0.5
    theirs = (points * torch.tensor(shape)).numpy()
    A = NUFFT(shape, Trajectory.from_kn(theirs, shape))
    x, y = random(*shape), random(40, 5)
    settings = {"oversamp": 3, "width": 12}
    assert error(A(x), sigpy.nufft(x.numpy(), theirs, **settings)) <= 1e-7
    assert error(A.adjoint(y), sigpy.nufft_adjoint(y.numpy(), theirs, shape, **settings)) <= 1e-7


def test_radial_sense_is_the_same():
    shape, scan = (20, 24), Trajectory.radial(9, 31)
    maps, x = random(3, *shape), random(*shape)
    points = (scan.points.movedim(0, -1) * torch.tensor(shape)).numpy()
    A, theirs = NonCartesianMRI(scan, maps), mr.linop.Sense(maps.numpy(), coord=points)
    assert error(A(x), theirs * x.numpy()) <= 1e-2  # what their default kernel is good for
    assert error(A.normal(x), theirs.N * x.numpy()) <= 1e-2


@pytest.mark.parametrize("shape", [(48, 40), (39, 45)])
def test_espirit_maps_are_the_same_up_to_phase(shape):
    head = shepp_logan(0.45 * min(shape)).rasterise(Volume(shape)).to(torch.complex128)
    kspace = CartesianMRI(torch.ones(1), birdcage_maps(shape, 5, dtype=torch.complex128))(head)
    noise = torch.randn(kspace.shape, dtype=kspace.dtype, generator=torch.Generator().manual_seed(3))
    kspace = kspace + 1e-3 * noise
    ours = estimate_coil_maps(kspace, calib_width=20, crop=0.9)
    theirs = mr.app.EspiritCalib(kspace.numpy(), calib_width=20, crop=0.9, show_pbar=False).run()
    theirs = torch.from_numpy(np.ascontiguousarray(theirs))
    inside, there = (maps.norm(dim=0) > 0.5 for maps in (ours, theirs))
    assert int(inside.sum()) > 300
    assert int((inside != there).sum()) <= 2  # pixels whose eigenvalue is that of the crop, to rounding
    both = inside & there
    correlation = (ours.conj() * theirs).sum(0).abs()[both]
    assert float(correlation.min()) >= 1 - 1e-6
