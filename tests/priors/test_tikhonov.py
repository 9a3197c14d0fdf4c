"""Quadratic priors against their closed form."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Gradient, Identity
from recon.priors import Tikhonov
from recon.solvers import FISTA, Gap, MaxIter, Problem


def test_denoising_towards_a_center_in_closed_form() -> None:
    data = torch.rand((3, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    center = torch.linspace(0, 1, 20, dtype=torch.float64).reshape(4, 5)
    result = FISTA(stop=MaxIter(500) | Gap(1e-12), check_every=1).solve(
        Problem(Identity((4, 5)), data, prior=Tikhonov(0.5, center=center))
    )
    torch.testing.assert_close(result.image, (data + 0.5 * center) / 1.5)


def test_value_with_an_operator() -> None:
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    assert float(Tikhonov(2.0, Gradient((2, 3))).cost(x)) == pytest.approx(3 * 3**2 + 4 * 1)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"center of shape \(2, 3\), got \(3,\)"):
        Tikhonov(center=torch.ones(3)).terms((2, 3))
    with pytest.raises(ValueError, match=r"takes images of shape \(2, 2\), got \(2, 3\)"):
        Tikhonov(operator=Gradient((2, 2))).terms((2, 3))
