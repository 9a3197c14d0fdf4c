"""Downsample: alignment, constants, adjoint and closed forms."""

import itertools
import pickle

import pytest
import scipy.ndimage
import torch

from recon.operators.downsample import Downsample

FILTERS = ["gaussian", "bicubic", "box"]


def random(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def dense(A, dtype=torch.float64):
    n = torch.Size(A.domain_shape).numel()
    return A(torch.eye(n, dtype=dtype).reshape(n, *A.domain_shape)).flatten(1).mT


def test_box_takes_the_mean_of_blocks():
    x = random((6, 9))
    expected = x.reshape(3, 2, 3, 3).mean((1, 3))
    torch.testing.assert_close(Downsample((6, 9), (2, 3), "box")(x), expected)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_gaussian_weighs_by_the_distance_to_the_centres_of_the_blocks(factor):
    n = 12 * factor
    x = random((n,))
    result = Downsample((n,), factor, "gaussian")(x)
    for i in range(4, 8):
        distance = torch.arange(n, dtype=torch.float64) - (factor * i + (factor - 1) / 2)
        weights = torch.where(distance.abs() < 2 * factor, torch.exp(-0.5 * (distance / (factor / 2)) ** 2), 0)
        torch.testing.assert_close(result[i], (weights * x).sum() / weights.sum())


@pytest.mark.parametrize(("filter", "factor"), list(itertools.product(FILTERS, [2, 3, 4, 5])))
def test_constants_and_ramps_keep_their_place(filter, factor):
    n = 16 * factor
    A = Downsample((n,), factor, filter)
    torch.testing.assert_close(A(torch.ones(n, dtype=torch.float64)), torch.ones(16, dtype=torch.float64))
    ramp = torch.arange(n, dtype=torch.float64)
    expected = factor * torch.arange(16, dtype=torch.float64) + (factor - 1) / 2
    torch.testing.assert_close(A(ramp)[3:-3], expected[3:-3])


@pytest.mark.parametrize("shape", [(7,), (5, 11), (1, 4), (3,)])
@pytest.mark.parametrize("filter", FILTERS)
def test_any_size_reproduces_constants_and_mirrors(shape, filter):
    A = Downsample(shape, 3, filter)
    assert A.range_shape == tuple(-(-n // 3) for n in shape)
    torch.testing.assert_close(
        A(torch.ones(shape, dtype=torch.float64)), torch.ones(A.range_shape, dtype=torch.float64)
    )


def test_edges_are_half_sample_symmetric():
    x = random((12,))
    A = Downsample((12,), 3, "bicubic")
    taps = torch.tensor(A._axes[0].taps, dtype=torch.float64)
    filtered = scipy.ndimage.correlate1d(x.numpy(), taps.numpy(), mode="reflect")
    assert len(taps) % 2 == 1
    torch.testing.assert_close(A(x), torch.from_numpy(filtered[1::3].copy()))


def test_aliases_are_suppressed():
    n = 64
    t = torch.arange(n, dtype=torch.float64)
    fine = torch.cos(2 * torch.pi * 0.5 * (t + 0.5) * 0.98)  # near the old Nyquist frequency, far above the new one
    for filter in FILTERS:
        response = Downsample((n,), 4, filter)(fine)[3:-3].abs().max()
        assert response < (0.05 if filter == "box" else 0.01)
    assert fine[::4].abs().max() > 0.9


def test_adjoint_is_the_transposed_matrix():
    for A in Downsample.examples():
        rows = torch.eye(torch.Size(A.range_shape).numel(), dtype=torch.float64).reshape(-1, *A.range_shape)
        torch.testing.assert_close(A.adjoint(rows).flatten(1), dense(A), atol=1e-15, rtol=0)


@pytest.mark.parametrize("filter", FILTERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_closed_forms(filter, dtype):
    A = Downsample((2, 7, 8), (3, 2), filter)
    matrix = dense(A).to(dtype)
    x, y = random((3, 2, 7, 8), dtype), random((3, *A.range_shape), dtype)
    assert abs(A.norm() - float(torch.linalg.matrix_norm(matrix, 2))) < 1e-12
    rho = torch.tensor([0.01, 1.0, 5.0], dtype=torch.float64)
    for item, weight, found in zip(x, rho, A.solve_normal(x, rho), strict=True):
        expected = torch.linalg.solve(matrix.mH @ matrix + weight * torch.eye(112), item.flatten())
        torch.testing.assert_close(found.flatten(), expected)
    inverse = torch.linalg.pinv(matrix, rtol=1e-6)
    torch.testing.assert_close(A.pinv(y).flatten(1), y.flatten(1) @ inverse.mT)
    torch.testing.assert_close(A.normal_pinv(x).flatten(1), x.flatten(1) @ (inverse @ inverse.mH).mT)


def test_domain_shape_pickling_and_mutation():
    assert Downsample.domain_shape_for((3, 5, 4), factor=(2, 3)) == (3, 10, 12)
    A = Downsample((8, 9), 2)
    x = random((2, 8, 9), torch.float32)
    before = x.clone()
    y = A(x)
    A.adjoint(y)
    assert torch.equal(x, before)
    assert y.dtype == torch.float32
    assert torch.equal(pickle.loads(pickle.dumps(A))(x), y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((8, 8), 0), "Downsample expects an integer factor >= 1 for up to 2 axes, got 0."),
        (((8, 8), (2, 2, 2)), "Downsample expects an integer factor >= 1 for up to 2 axes, got (2, 2, 2)."),
        (((8, 8), 2, "lanczos"), "Downsample expects filter 'gaussian', 'bicubic' or 'box', got 'lanczos'."),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        Downsample(*arguments)
    assert str(error.value) == message
