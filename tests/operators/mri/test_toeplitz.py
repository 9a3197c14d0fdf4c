"""AᴴWA by FFTs against AᴴWA by nonuniform sums."""

import pickle

import pytest
import torch

from recon.operators import NonCartesianMRI, ToeplitzGram, Trajectory


def random(shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def error(found, expected):
    return float((found.to(expected.dtype) - expected).norm() / expected.norm())


def scattered(ndim, shots, samples):
    generator = torch.Generator().manual_seed(3)
    return Trajectory(torch.rand(ndim, shots, samples, dtype=torch.float64, generator=generator) - 0.5)


def lines(shape, chosen):
    """Cartesian points of some rows."""
    y, x = ((torch.arange(n, dtype=torch.float64) - n // 2) / n for n in shape)
    return Trajectory(torch.stack(torch.meshgrid(y[chosen], x, indexing="ij")))


SCANS = [
    ((64, 48), Trajectory.radial(40, 64), 4),
    ((15, 18), scattered(2, 3, 40), 4),
    ((7, 8, 9), scattered(3, 5, 40), 8),
    ((6, 9, 10), Trajectory.stack_of_stars(5, 12, 6), 4),
    ((8, 10), lines((8, 10), [0, 2, 5]), 1),
    ((8, 10), lines((12, 10), [0, 2, 5]), 2),
]


@pytest.mark.parametrize(("shape", "trajectory", "parts"), SCANS, ids=str)
@pytest.mark.parametrize("coils", [None, 3])
def test_equals_adjoint_after_forward(shape, trajectory, parts, coils):
    maps = None if coils is None else random((coils, *shape), seed=1)
    density = torch.rand(trajectory.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    A = NonCartesianMRI(trajectory, maps, shape)
    x = random((2, *shape))
    for weights in (None, density):
        T = ToeplitzGram(trajectory, maps, shape, weights)
        assert T._kernel.shape[1] == parts  # axes on whose grid all points lie need no doubling
        expected = A.adjoint((1 if weights is None else weights) * A(x))
        assert error(T(x), expected) <= 1e-12
        assert error(A.gram(weights)(x), expected) <= 1e-12
        assert error(T(x.to(torch.complex64)), expected) <= 1e-6
    assert error(A.normal(x.to(torch.complex64)), A.adjoint(A(x))) <= 1e-6


def test_frames_have_their_own_kernels_and_slices_their_own_maps():
    trajectory, maps = Trajectory.golden_angle(6, 10), random((3, 8, 7), seed=1)
    weights = torch.rand(2, 3, 10, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    series = ToeplitzGram(trajectory, maps, density=weights, frames=2)
    x = random((4, 2, 8, 7))
    for frame in range(2):
        alone = ToeplitzGram(trajectory[3 * frame : 3 * frame + 3], maps, density=weights[frame])
        torch.testing.assert_close(series(x)[:, frame], alone(x[:, frame]), atol=1e-12, rtol=0)
    slices = ToeplitzGram(trajectory, random((2, 3, 8, 7), seed=2))
    for place in range(2):
        alone = ToeplitzGram(trajectory, slices.coil_maps[place])
        torch.testing.assert_close(slices(x)[:, place], alone(x[:, place]), atol=1e-12, rtol=0)


def test_it_is_hermitian_and_positive():
    for T in ToeplitzGram.examples():
        basis = torch.eye(torch.zeros(T.domain_shape).numel(), dtype=torch.complex128)
        matrix = T(basis.reshape(-1, *T.domain_shape)).flatten(1).mT
        assert torch.allclose(matrix, matrix.mH, atol=1e-12)
        assert float(torch.linalg.eigvalsh(matrix).min()) >= -1e-12


def test_the_nearest_convolution_is_nearest():
    """Chan's circulant minimises ‖C − K‖ in the Frobenius norm: its values are those of K on the Fourier basis."""
    shape = (5, 6)
    T = ToeplitzGram(Trajectory.radial(4, 8), shape=shape)
    basis = torch.eye(30, dtype=torch.complex128).reshape(30, *shape)
    matrix = T(basis).flatten(1).mT
    waves = torch.fft.ifftn(basis, dim=(-2, -1), norm="ortho").flatten(1).mT
    expected = (waves.conj() * (matrix @ waves)).sum(0).real.reshape(shape)
    torch.testing.assert_close(T.convolution().values, expected, atol=1e-12, rtol=0)


def test_threads_change_nothing():
    T = ToeplitzGram(Trajectory.radial(9, 24), random((5, 20, 24), torch.complex64))
    x = random((3, 20, 24), torch.complex64)
    threads, results = torch.get_num_threads(), []
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            results.append(T(x))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])
    assert torch.equal(pickle.loads(pickle.dumps(T))(x), T(x))


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda: ToeplitzGram(Trajectory.radial(2, 4)), ValueError, r"needs the shape \(ny, nx\) of the image"),
        (lambda: ToeplitzGram(Trajectory.radial(2, 4), shape=(4, 4, 4)), ValueError, "images of 2 axes"),
        (
            lambda: ToeplitzGram(Trajectory.radial(2, 4), shape=(4, 4), density=torch.ones(4, 2)),
            ValueError,
            r"numbers of shape \(2, 4\), one for each sample, got shape \(4, 2\)",
        ),
        (
            lambda: ToeplitzGram(Trajectory.radial(2, 4), shape=(4, 4), density=-torch.ones(2, 4)),
            ValueError,
            "nonnegative numbers .* got -1",
        ),
        (
            lambda: ToeplitzGram(Trajectory.radial(2, 4), shape=(4, 4), density=torch.full((2, 4), torch.nan)),
            ValueError,
            "finite numbers in density",
        ),
    ],
)
def test_refusals(make, kind, sentence):
    with pytest.raises(kind, match=sentence):
        make()
