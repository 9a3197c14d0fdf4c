"""Finite differences against formulas."""

from __future__ import annotations

from math import pi, sin, sqrt

import numpy as np
import pytest
import torch

from recon.operators import Gradient


def test_forward_differences_with_spacing_and_a_free_far_edge() -> None:
    x = torch.tensor([[1.0, 4.0, 9.0], [2.0, 2.0, 2.0]])
    rows, columns = Gradient((2, 3), spacing=(2.0, 0.5))(x)
    torch.testing.assert_close(rows, torch.tensor([[0.5, -1.0, -3.5], [0, 0, 0]]))
    torch.testing.assert_close(columns, torch.tensor([[6.0, 10.0, 0], [0, 0, 0]]))


def test_circular_wraps_around() -> None:
    x = torch.tensor([1.0, 4.0, 9.0])
    assert Gradient((3,), boundary="circular")(x).tolist() == [[3.0, 5.0, -8.0]]


def test_agrees_with_numpy_in_three_dimensions() -> None:
    x = torch.rand((3, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    d = Gradient((3, 4, 5))(x)
    for axis in range(3):
        inner = d[axis].narrow(axis, 0, x.shape[axis] - 1)
        np.testing.assert_allclose(inner.numpy(), np.diff(x.numpy(), axis=axis))


def test_norm_in_closed_form() -> None:
    assert Gradient((8,)).norm() == pytest.approx(2 * sin(7 * pi / 16))
    assert Gradient((6, 4), boundary="circular").norm() == pytest.approx(sqrt(8))


def test_refuses_axes_that_are_not_there() -> None:
    with pytest.raises(ValueError, match=r"distinct axes of a 2-dimensional image, got \(2,\)"):
        Gradient((3, 3), axes=(2,))
    with pytest.raises(ValueError, match="positive spacing for each of 2 axes"):
        Gradient((3, 3), spacing=(1.0,))
