"""Blur against scipy, its adjoint, and the closed forms of the periodic case."""

import itertools
import pickle

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch

from recon.operators.blur import Blur
from recon.operators.gaussian_blur import GaussianBlur
from recon.operators.linear import CapabilityError
from recon.operators.psf import box_psf, gaussian_psf

MODES = {"circular": "wrap", "zero": "constant", "reflect": "reflect", "replicate": "nearest"}
SIZES = [((7,), (1,)), ((7,), (4,)), ((7,), (5,)), ((6, 5), (3, 3)), ((6, 5), (2, 5)), ((7, 8), (4, 6))]
SIZES += [((4, 5, 6), (3, 2, 4)), ((3,), (8,)), ((3, 4), (9, 12))]


def random(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def extended(x, before, after, mode):
    """x with margins, one index at a time, from the definition of the boundary."""
    for axis, (b, a) in enumerate(zip(before, after, strict=True)):
        n = x.shape[axis]
        columns = []
        for i in range(-b, n + a):
            if mode == "zero" and not 0 <= i < n:
                columns.append(np.zeros_like(np.take(x, 0, axis)))
                continue
            j = i % n if mode == "circular" else min(max(i, 0), n - 1)
            if mode == "reflect":
                j = i % (2 * n)
                j = j if j < n else 2 * n - 1 - j
            columns.append(np.take(x, j, axis))
        x = np.stack(columns, axis)
    return x


@pytest.mark.parametrize("method", ["fft", "direct"])
@pytest.mark.parametrize("boundary", MODES)
@pytest.mark.parametrize(("shape", "size"), SIZES)
def test_equals_scipy(shape, size, boundary, method):
    x, psf = random(shape), random(size, seed=1)
    result = Blur(psf, shape, boundary, method)(x).numpy()
    if all(k <= n for k, n in zip(size, shape, strict=True)):
        expected = scipy.ndimage.convolve(x.numpy(), psf.numpy(), mode=MODES[boundary])
        np.testing.assert_allclose(result, expected, atol=1e-12)
    full = extended(x.numpy(), [k - 1 - k // 2 for k in size], [k // 2 for k in size], boundary)
    expected = scipy.signal.convolve(full, psf.numpy(), mode="valid", method="direct")
    np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize("method", ["fft", "direct"])
@pytest.mark.parametrize(("shape", "size"), SIZES[:-2])
def test_valid_equals_scipy_signal(shape, size, method):
    x, psf = random(shape), random(size, seed=1)
    A = Blur(psf, shape, "valid", method)
    expected = scipy.signal.convolve(x.numpy(), psf.numpy(), mode="valid", method="direct")
    assert A.range_shape == expected.shape
    np.testing.assert_allclose(A(x).numpy(), expected, atol=1e-12)
    assert Blur.domain_shape_for(A.range_shape, psf=psf, boundary="valid") == shape


def test_an_impulse_returns_the_psf_around_its_centre():
    psf = random((4, 3))
    x = torch.zeros(9, 9, dtype=torch.float64)
    x[4, 4] = 1
    for boundary, method in itertools.product([*MODES, "valid"], ["fft", "direct"]):
        y = Blur(psf, (9, 9), boundary, method)(x)
        start = (1, 2) if boundary == "valid" else (2, 3)  # 4 − k//2, less the k − 1 − k//2 rows that valid loses
        window = y[start[0] : start[0] + 4, start[1] : start[1] + 3]
        torch.testing.assert_close(window, psf, atol=1e-14, rtol=0)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.complex64, 1e-6), (torch.complex128, 1e-13)]
)
def test_adjoint(dtype, tolerance):
    for A in Blur.examples():
        if A.domain_field == "complex" and not dtype.is_complex:
            continue
        x, y = random((3, *A.domain_shape), dtype), random((3, *A.range_shape), dtype, seed=1)
        Ax, Ay = A(x), A.adjoint(y)
        gap = abs(torch.vdot(Ax.flatten(), y.flatten()) - torch.vdot(x.flatten(), Ay.flatten()))
        assert gap <= tolerance * A.norm(1e-1) * x.norm() * y.norm(), repr(A)
        torch.testing.assert_close(torch.stack([A(item) for item in x]), Ax)


def test_adjoint_is_the_transposed_matrix():
    for A in Blur.examples():
        dtype = torch.complex128 if A.domain_field == "complex" else torch.float64
        columns = torch.eye(int(np.prod(A.domain_shape)), dtype=dtype).reshape(-1, *A.domain_shape)
        rows = torch.eye(int(np.prod(A.range_shape)), dtype=dtype).reshape(-1, *A.range_shape)
        forward, adjoint = A(columns).flatten(1), A.adjoint(rows).flatten(1)
        torch.testing.assert_close(forward.conj(), adjoint.mT, atol=1e-13, rtol=0)


def test_separable_direct_passes_equal_the_plain_sum():
    psf = gaussian_psf((0.7, 1.1), size=(4, 5))
    x = random((2, 6, 7))
    for boundary in [*MODES, "valid"]:
        A = Blur(psf, (6, 7), boundary, "direct")
        assert len(A._passes) == 2
        B = Blur(psf + torch.eye(4, 5) * 1e-9, (6, 7), boundary, "direct")
        assert len(B._passes) == 1
        torch.testing.assert_close(A(x), B(x), atol=1e-7, rtol=0)


def test_auto_takes_the_cheaper_method():
    assert Blur(random((3, 3)), (256, 256)).method == "direct"
    assert Blur(random((9, 9)), (256, 256)).method == "fft"
    assert GaussianBlur(1.5, (256, 256)).method == "direct"  # two passes of 13 taps
    line = torch.zeros(15, 15)
    line.fill_diagonal_(1 / 15)
    assert Blur(line, (256, 256)).method == "direct"


@pytest.mark.parametrize("size", [(3, 2), (5, 4), (4, 7)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_periodic_closed_forms(size, dtype):
    shape = (2, 5, 4)
    A = Blur(random(size, seed=3), shape)
    eye = torch.eye(40, dtype=dtype).reshape(40, *shape)
    matrix = A(eye).flatten(1).mT
    torch.testing.assert_close(torch.tensor(A.norm()), torch.linalg.matrix_norm(matrix, 2).float(), rtol=1e-6, atol=0)
    b = random((3, *shape), dtype)
    rho = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    for item, weight, found in zip(b, rho, A.solve_normal(b, rho), strict=True):
        normal = matrix.mH @ matrix + weight * torch.eye(40)
        torch.testing.assert_close(found.flatten(), torch.linalg.solve(normal, item.flatten()))
    torch.testing.assert_close(A.normal(b), A.adjoint(A(b)))
    torch.testing.assert_close(A.pinv(b).flatten(1), (torch.linalg.pinv(matrix) @ b.flatten(1).mT).mT)
    U, s, V = A.svd()
    torch.testing.assert_close(U(s * V.adjoint(b)), A(b))
    torch.testing.assert_close(U.adjoint(U(b)), b)
    assert U(b).dtype == dtype


def test_pinv_of_a_blur_that_erases_frequencies():
    A = Blur(box_psf((1, 2)), (4, 6))
    y = random((4, 6))
    matrix = A(torch.eye(24, dtype=torch.float64).reshape(24, 4, 6)).flatten(1).mT
    assert torch.linalg.matrix_rank(matrix) == 20
    torch.testing.assert_close(A.pinv(y).flatten(), torch.linalg.pinv(matrix) @ y.flatten())


def test_closed_forms_are_refused_for_other_boundaries():
    A = Blur(random((3, 3)), (5, 5), "zero")
    assert A.capabilities == frozenset()
    for call in (lambda: A.solve_normal(torch.zeros(5, 5), 1.0), lambda: A.pinv(torch.zeros(5, 5)), A.svd):
        with pytest.raises(CapabilityError, match="Blur has no closed-form"):
            call()


@pytest.mark.parametrize(("boundary", "mode"), MODES.items())
def test_gaussian_blur_equals_scipy(boundary, mode):
    x = random((17, 12))
    expected = scipy.ndimage.gaussian_filter(x.numpy(), (0.9, 1.3), mode=mode)
    np.testing.assert_allclose(GaussianBlur((0.9, 1.3), (17, 12), boundary)(x).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("arguments", [("circular", "fft"), ("reflect", "fft"), ("valid", "direct")])
def test_large_batches_go_through_in_groups_and_come_out_the_same(arguments):
    A = Blur(random((4, 3)), (300, 301), *arguments)
    x = random((2, 3, 300, 301), torch.float32)
    before, y = x.clone(), A(x)
    torch.testing.assert_close(y[1, 1], A(x[1, 1]), atol=1e-6, rtol=0)
    torch.testing.assert_close(A.adjoint(y)[1, 2], A.adjoint(y[1, 2]), atol=1e-5, rtol=0)
    assert torch.equal(x, before)


def test_pickles():
    x = random((4, 5))
    for A in Blur.examples():
        if A.domain_shape == (4, 5):
            torch.testing.assert_close(pickle.loads(pickle.dumps(A))(x), A(x), atol=0, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.ones(3, 3), (5,)), "Blur expects a psf of 1 to 1 dimensions for images of shape (5,), got 2."),
        ((torch.ones(3, 3), (5, 2), "valid"), "Blur with boundary 'valid' expects images at least as large as the psf"),
        (
            (torch.ones(3), (5,), "mirror"),
            "Blur expects boundary 'circular', 'zero', 'reflect', 'replicate' or 'valid'",
        ),
        ((torch.ones(3), (5,), "zero", "slow"), "Blur expects method 'auto', 'fft' or 'direct', got 'slow'."),
        ((torch.tensor([1.0, torch.nan]), (5,)), "Blur expects finite numbers in psf, got NaN or infinity."),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        Blur(*arguments)
    assert str(error.value).startswith(message)
