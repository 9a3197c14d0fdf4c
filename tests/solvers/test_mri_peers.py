"""Reconstructions of MRI beside SigPy's."""

import numpy as np
import pytest
import torch

from recon.operators import CartesianMRI, GaussianNoise, NonCartesianMRI, Trajectory, Volume, birdcage_maps
from recon.phantoms import shepp_logan
from recon.priors import WaveletSparsity
from recon.solvers import FISTA, Gap, MaxIter, Problem, cg

pywt = pytest.importorskip("pywt")
sigpy = pytest.importorskip("sigpy")
mr = pytest.importorskip("sigpy.mri")

SHAPE = (32, 32)


def scan():
    """Noisy k-space of a head in every third line, and the operator."""
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(SHAPE[1], dtype=torch.float64)
    mask[::3] = 1
    mask[13:19] = 1
    A = CartesianMRI(mask, birdcage_maps(SHAPE, 4, dtype=torch.complex128))
    head = shepp_logan(14.0).rasterise(Volume(SHAPE)).double() * torch.exp(1j * torch.linspace(-1, 1, SHAPE[1]))
    noise = torch.randn(A.range_shape, dtype=torch.complex128, generator=generator)
    return A, A(head + 0j) + 0.01 * A.mask * noise


def distance(found, expected):
    expected = torch.as_tensor(expected)
    return float((found - expected).norm() / expected.norm())


def test_cg_sense_goes_through_the_same_iterates():
    A, y = scan()
    maps, mask = A.coil_maps.numpy(), A.mask.double().numpy()
    for count in (1, 2, 5, 10, 20):
        ours, info = cg(lambda x: A.normal(x) + 1e-3 * x, A.adjoint(y), 2, rtol=0.0, max_iter=count)
        settings = {"weights": mask, "max_iter": count, "show_pbar": False}
        theirs = mr.app.SenseRecon(y.numpy(), maps, lamda=1e-3, **settings).run()
        assert int(info.iterations) == count
        assert distance(ours, theirs) <= 1e-10


def test_radial_cg_sense_goes_through_the_same_iterates_where_their_transform_is_accurate():
    maps, trajectory = birdcage_maps(SHAPE, 4, dtype=torch.complex128), Trajectory.radial(24, 48)
    head = shepp_logan(14.0).rasterise(Volume(SHAPE)).to(torch.complex128)
    A = NonCartesianMRI(trajectory, maps)
    y = A(head)
    points = (trajectory.points.movedim(0, -1) * torch.tensor(SHAPE)).numpy()
    nufft = sigpy.linop.NUFFT((4, *SHAPE), points, oversamp=3, width=12)
    theirs = nufft * sigpy.linop.Multiply(SHAPE, maps.numpy())
    for count in (1, 5, 10):
        ours, _ = cg(lambda x: A.normal(x) + 1e-2 * x, A.adjoint(y), 2, rtol=0.0, max_iter=count)
        app = sigpy.app.LinearLeastSquares(theirs, y.numpy(), lamda=1e-2, max_iter=count, show_pbar=False)
        assert distance(ours, app.run()) <= 1e-7


def test_l1_wavelet_has_the_same_objective_and_minimum():
    """Haar wavelets, whose coefficients do not depend on how an image is continued: SigPy continues by zeros."""
    A, y = scan()
    lam, maps, mask = 0.01, A.coil_maps.numpy(), A.mask.double().numpy()
    problem = Problem(A, y, GaussianNoise(sigma=1.0), WaveletSparsity(lam, "haar", level=5))
    app = mr.app.L1WaveletRecon(y.numpy(), maps, lam, weights=mask, wave_name="haar", max_iter=600, show_pbar=False)
    compare(problem, app)


def test_l1_wavelet_has_the_same_minimum_with_their_steps_and_periodic_wavelets():
    A, y = scan()
    lam, maps, mask = 0.01, A.coil_maps.numpy(), A.mask.double().numpy()
    problem = Problem(A, y, GaussianNoise(sigma=1.0), WaveletSparsity(lam, "db4", level=2))
    W = PeriodicWavelet("db4", 2)
    proxg = sigpy.prox.UnitaryTransform(sigpy.prox.L1Reg(W.oshape, lam), W)
    settings = {"max_iter": 600, "show_pbar": False}
    app = sigpy.app.LinearLeastSquares(
        mr.linop.Sense(maps, weights=mask),
        y.numpy(),
        proxg=proxg,
        g=lambda x: lam * np.abs(W(x)).sum(),
        **settings,
    )
    compare(problem, app)


def compare(problem, app):
    """Objectives of several images, and minima."""
    ours = FISTA(stop=MaxIter(4000) | Gap(1e-9)).solve(problem).image
    theirs = torch.tensor(app.run())
    for image in (ours, theirs, torch.ones(SHAPE, dtype=torch.complex128)):
        app.x[...] = image.numpy()
        assert float(problem.objective(image)) == pytest.approx(float(app.objective()), rel=1e-12)
    assert float(problem.objective(ours)) == pytest.approx(float(problem.objective(theirs)), rel=1e-8)
    assert distance(ours, theirs) <= 1e-4


class PeriodicWavelet(sigpy.linop.Linop):
    """PyWavelets' transform of images that go on periodically, which SigPy does not offer."""

    def __init__(self, name, level, adjoint=False):
        self.name, self.level, self.back = name, level, adjoint
        self.slices = self._coefficients(np.zeros(SHAPE))[1]
        super().__init__(SHAPE, SHAPE)

    def _coefficients(self, x):
        return pywt.coeffs_to_array(pywt.wavedecn(x, self.name, mode="periodization", level=self.level))

    def _apply(self, x):
        if not self.back:
            return self._coefficients(x)[0]
        parts = pywt.array_to_coeffs(x, self.slices, output_format="wavedecn")
        return pywt.waverecn(parts, self.name, mode="periodization")

    def _adjoint_linop(self):
        return PeriodicWavelet(self.name, self.level, not self.back)
