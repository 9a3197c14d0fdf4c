"""Wavelet against PyWavelets, and as a unitary operator on any shape."""

import pickle
from contextlib import nullcontext

import numpy as np
import pytest
import pywt
import torch

from recon.operators.wavelet import Wavelet
from recon.operators.wavelet_filters import scaling_filter

NAMES = ["haar", *(f"db{n}" for n in range(1, 21)), *(f"sym{n}" for n in range(2, 21))]


def random(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
def test_filters_are_orthogonal_and_those_of_pywavelets(name):
    h = np.array(scaling_filter(name))
    for shift in range(len(h) // 2):
        assert abs(h[2 * shift :] @ h[: len(h) - 2 * shift] - (shift == 0)) < 1e-15
    assert abs(h.sum() - 2**0.5) < 1e-15
    # PyWavelets' own symlets are orthogonal to 1e-11 only, its Daubechies filters to rounding
    tolerance = 3e-11 if name.startswith("sym") else 0
    np.testing.assert_allclose(h, pywt.Wavelet(name).rec_lo, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", ["haar", "db2", "db4", "db7", "sym4", "sym9", "db20"])
@pytest.mark.parametrize(("shape", "level"), [((32,), 5), ((16, 24), 3), ((8, 4, 12), 2), ((2, 6), 1)])
def test_coefficients_equal_pywavelets(name, shape, level):
    x = random(shape)
    with pytest.warns() if level > pywt.dwtn_max_level(shape, name) else nullcontext():
        expected = pywt.coeffs_to_array(pywt.wavedecn(x.numpy(), name, mode="periodization", level=level))[0]
    tolerance = 1e-11 if name.startswith("sym") else 1e-13
    np.testing.assert_allclose(Wavelet(shape, name, level)(x).numpy(), expected, atol=tolerance)


def test_axes_equal_pywavelets_axis_by_axis():
    x = random((3, 16, 5))
    low, high = pywt.dwt(x.numpy(), "db3", "periodization", axis=1)
    result = Wavelet((3, 16, 5), "db3", 1, axes=(1,))(x)
    np.testing.assert_allclose(result.numpy(), np.concatenate([low, high], axis=1), atol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14), (torch.complex128, 1e-14)]
)
@pytest.mark.parametrize("shape", [(115, 90), (7,), (1, 9), (3, 5), (5, 100), (6, 3, 7)])
@pytest.mark.parametrize("name", ["haar", "db4", "sym6"])
def test_unitary_on_any_shape(shape, name, dtype, tolerance):
    for level in (1, max(shape).bit_length() - 1, None):
        W = Wavelet(shape, name, level)
        x, y = random((2, *shape), dtype), random((2, *shape), dtype, seed=1)
        torch.testing.assert_close(W.adjoint(W(x)), x, atol=10 * tolerance, rtol=0)
        torch.testing.assert_close(W(W.adjoint(y)), y, atol=10 * tolerance, rtol=0)
        gap = abs(torch.vdot(W(x).flatten(), y.flatten()) - torch.vdot(x.flatten(), W.adjoint(y).flatten()))
        assert gap <= tolerance * x.norm() * y.norm()


@pytest.mark.parametrize("shape", [(16, 16), (230, 180), (7, 10), (1, 9)])
def test_constants_have_no_details(shape):
    W = Wavelet(shape, "db4", 2)
    details = W(torch.ones(shape, dtype=torch.float64))[W.detail_level > 0]
    assert details.abs().max() < 1e-14


def test_details_vanish_on_polynomials_away_from_the_edge():
    t = torch.linspace(-1, 1, 64, dtype=torch.float64)
    W = Wavelet((64,), "db4", 1)
    details = W(t**3 - t)[W.detail_level == 1]
    assert details[4:-4].abs().max() < 1e-13
    assert W(t**4)[W.detail_level == 1][4:-4].abs().min() > 1e-8  # four vanishing moments, no more


def test_detail_level_marks_the_pyramid():
    expected = torch.tensor([[0, 2, 1, 1], [2, 2, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]])
    assert torch.equal(Wavelet((4, 4), "haar", 2).detail_level, expected)
    # 7 = 3 low, 3 high and one sample set aside; then 3 = 1 + 1 + 1
    assert Wavelet((7,), "haar", 2).detail_level.tolist() == [0, 2, 0, 1, 1, 1, 0]
    # 230×180 → 115×90 (a row set aside: 45) → 57×45 (a row and a column: 22 + 28 + 1) → 28×22 → 14×11
    levels = Wavelet((230, 180), "db4", 4).detail_level
    assert int((levels == 0).sum()) == 45 + 22 + 28 + 1 + 14 * 11


def test_default_level_keeps_the_filter_inside_the_image():
    for shape, name in (((64, 200), "db4"), ((256,), "haar"), ((100, 90), "db2")):
        assert Wavelet(shape, name).level == pywt.dwtn_max_level(shape, name)
    assert Wavelet((6,), "db8").level == 1


def test_declared_closed_forms():
    W = Wavelet((5, 6), "db2")
    x = random((3, 5, 6))
    assert W.norm() == 1.0
    torch.testing.assert_close(W.solve_normal(x, 3.0), x / 4)
    torch.testing.assert_close(W.pinv(W(x)), x)
    U, s, V = W.svd()
    torch.testing.assert_close(U(s * V.adjoint(x)), W(x))


def test_batch_dtype_mutation_and_pickling():
    W = Wavelet((230, 180), "db3", 3)
    x = random((3, 5, 230, 180), torch.float32)
    before = x.clone()
    y = W(x)
    assert y.dtype == torch.float32
    assert torch.equal(y[2, 1], W(x[2, 1]))
    W.adjoint(y)
    assert torch.equal(x, before)
    assert torch.equal(pickle.loads(pickle.dumps(W))(x), y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ((8, 8), "bior2.2"),
            "expected an orthogonal wavelet 'haar', 'db1' ... 'db20' or 'sym2' ... 'sym20', got 'bior2.2'.",
        ),
        (((8, 8), "db0"), "expected an orthogonal wavelet"),
        (((8, 8), "db4", 4), "Wavelet expects level from 1 to 3 for images of shape (8, 8), got 4."),
        (((8, 8), "db4", 1, (0, -2)), "Wavelet expects distinct axes of a 2-dimensional image, got (0, -2)."),
        (((1, 1),), "Wavelet expects at least two samples along its axes"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        Wavelet(*arguments)
    assert str(error.value).startswith(message)
