"""Series in a subspace."""

import pytest
import torch

from recon.operators import CartesianMRI, Dictionary, NonCartesianMRI, SubspaceMRI, T2Decay, Trajectory, birdcage_maps

GENERATOR = torch.Generator().manual_seed(0)
MAPS = birdcage_maps((10, 9), 3).to(torch.complex128)
LINES = torch.rand(5, 10, 1, generator=GENERATOR) < 0.5
POINTS = torch.rand(5, 10, 9, generator=GENERATOR) < 0.5
BASIS = torch.linalg.qr(torch.randn(5, 3, dtype=torch.float64, generator=GENERATOR)).Q
PHASED = torch.linalg.qr(torch.randn(5, 2, dtype=torch.complex128, generator=GENERATOR)).Q
SCANS = {
    "lines": CartesianMRI(LINES, MAPS, ndim=2),
    "points": CartesianMRI(POINTS, MAPS, ndim=2),
    "one coil": CartesianMRI(POINTS, shape=(5, 10, 9), ndim=2),
    "all of k-space": CartesianMRI(torch.ones(5, 1, 1), MAPS, ndim=2),
    "maps of each frame": CartesianMRI(POINTS, torch.stack([MAPS] * 5), ndim=2),
    "oversampled": CartesianMRI(LINES, MAPS, ndim=2, oversampling=2),
    "radial": NonCartesianMRI(Trajectory.golden_angle(10, 18), MAPS, frames=5),
}


@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.parametrize("basis", [BASIS, PHASED], ids=["real", "complex"])
def test_the_operator_and_its_normal_operator_written_out(scan, basis):
    A = SubspaceMRI(scan, basis)
    c = torch.randn(2, basis.shape[1], 10, 9, dtype=torch.complex128, generator=GENERATOR)
    series = torch.einsum("tk,bkyx->btyx", basis.to(c.dtype), c)
    torch.testing.assert_close(A.series(c), series)
    torch.testing.assert_close(A(c), scan(series))
    back = torch.einsum("tk,btyx->bkyx", basis.conj().to(c.dtype), scan.adjoint(scan(series)))
    torch.testing.assert_close(A.normal(c), back, rtol=1e-10, atol=1e-10)


def test_coefficients_of_a_series_in_the_subspace():
    A = SubspaceMRI(SCANS["lines"], PHASED)
    c = torch.randn(2, 10, 9, dtype=torch.complex128, generator=GENERATOR)
    torch.testing.assert_close(A.coefficients(A.series(c)), c)


def test_the_normal_operator_takes_as_many_transforms_as_there_are_components(monkeypatch):
    A = SubspaceMRI(SCANS["points"], BASIS)
    c = torch.randn(3, 10, 9, dtype=torch.complex128, generator=GENERATOR)
    images = 0
    transform = torch.fft.fftn

    def counted(z, **options):
        nonlocal images
        images += z[..., 0, 0].numel()
        return transform(z, **options)

    monkeypatch.setattr(torch.fft, "fftn", counted)
    A.normal(c)
    assert images == 3 * 3  # components times coils, not frames times coils


def test_a_basis_of_signals_needs_few_components():
    echoes = [0.015 * n for n in range(1, 6)]
    atoms = Dictionary(T2Decay(echoes), t2=torch.logspace(-1.7, 0, 100))
    A = SubspaceMRI(SCANS["lines"], atoms.basis(3))
    images = T2Decay(echoes, (10, 9))
    p = images.point(m0=1.0, t2=0.03 + 0.2 * torch.rand(10, 9, dtype=torch.float64, generator=GENERATOR))
    series = images(p)
    assert float((A.series(A.coefficients(series)) - series).norm() / series.norm()) < 3e-3


@pytest.mark.parametrize(
    ("basis", "message"),
    [
        (2 * BASIS, "a basis with orthonormal columns"),
        (BASIS[:4], r"a basis \(times, components\) and a scan of series of as many images, got shape \(4, 3\)"),
        (BASIS[:, 0], r"got shape \(5,\)"),
    ],
)
def test_wrong_use(basis, message):
    with pytest.raises(ValueError, match=message):
        SubspaceMRI(SCANS["lines"], basis)


def test_radial_frames_are_not_convolved_one_by_one(monkeypatch):
    A = SubspaceMRI(SCANS["radial"], BASIS)
    c = torch.randn(3, 10, 9, dtype=torch.complex128, generator=GENERATOR)
    expected = A.coefficients(A.scan.normal(A.series(c)))
    monkeypatch.setattr(NonCartesianMRI, "normal", None)
    torch.testing.assert_close(A.normal(c), expected)


def test_what_is_missing_is_named():
    with pytest.raises(TypeError, match="scan to be a linear operator, such as CartesianMRI, got None"):
        SubspaceMRI(None, BASIS)
    with pytest.raises(TypeError, match=r"SubspaceMRI expects basis to be a tensor .*, got None"):
        SubspaceMRI(SCANS["lines"], None)
