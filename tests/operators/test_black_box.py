"""Functions on NumPy arrays as operators."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.operators import BlackBox, CapabilityError, Diagonal


def sums(image: np.ndarray) -> np.ndarray:
    image[0] = image[0] ** 2  # it may change what it is given
    return image.sum(axis=0)


def test_items_are_evaluated_one_by_one_and_left_as_they_were() -> None:
    x = torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    seen = []

    def watched(image: np.ndarray) -> np.ndarray:
        seen.append((image.shape, image.dtype))
        return sums(image)

    y = BlackBox(watched, (2, 4), (4,))(x)
    torch.testing.assert_close(y, x[..., 0, :] ** 2 + x[..., 1, :])
    assert y.dtype == torch.float32
    assert seen == [((2, 4), np.float64)] * 6
    assert torch.equal(x, before)


def test_lists_and_integers_are_numbers_too() -> None:
    box = BlackBox(lambda image: [int(image.sum()), 2], (3,), (2,))
    assert box(torch.tensor([1.0, 2.0, 3.0])).tolist() == [6.0, 2.0]


def test_compositions_have_no_derivative_either() -> None:
    box = BlackBox(np.tanh, (3,), (3,))
    whole = Diagonal(torch.ones(3)) @ box
    assert whole.values_only
    assert not (Diagonal(torch.ones(3)) @ Diagonal(torch.ones(3))).values_only
    x = torch.randn(3)
    torch.testing.assert_close(whole(x), x.tanh())
    for call in (lambda: whole.vjp(x, x), lambda: whole.jvp(x, x), lambda: box(x.requires_grad_())):
        with pytest.raises(CapabilityError, match="known by its values only and has no derivative; use EnKG"):
            call()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: BlackBox(3, (2,), (2,)), "expects a function on NumPy arrays, got int"),
        (lambda: BlackBox(np.sin, (2,), (2,), range_field="any"), "range_field 'real' or 'complex', got 'any'"),
        (lambda: BlackBox(np.sum, (2,), (2,))(torch.ones(2)), r"give data of shape \(2,\), got \(\)"),
        (lambda: BlackBox(np.fft.fft, (2,), (2,))(torch.ones(2)), "use range_field='complex'"),
        (lambda: BlackBox(lambda x: None, (2,), (2,))(torch.ones(2)), "to give an array of numbers, got None"),
        (lambda: BlackBox(lambda x: [[1], [1, 2]], (2,), (2,))(torch.ones(2)), "to give an array of numbers"),
        (lambda: BlackBox(np.sin, (2,), (2,))(torch.ones(2, dtype=torch.complex64)), "expects a real tensor"),
    ],
)  # type: ignore[no-untyped-def]
def test_refusals(make, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        make()
