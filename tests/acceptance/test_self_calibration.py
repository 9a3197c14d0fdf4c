"""Self-calibration: image and gains from diag(y)s = A x, s = 1/d; exact without noise, 2 % at 1 % of noise."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import Tensor

from recon.operators import LinearOperator
from recon.solvers import self_calibrate

from .conftest import Figure

PIXELS, SENSORS, EXPOSURES = 30, 60, 8
METHODS = ("least-squares", "spectral")


def scene(dtype: torch.dtype) -> tuple[Tensor, Tensor, LinearOperator]:
    """Gains that differ by factors, and random exposures of two images."""
    draw = torch.Generator().manual_seed(0)
    masks = torch.randn(EXPOSURES, SENSORS, PIXELS, generator=draw, dtype=dtype)
    x = torch.randn(2, PIXELS, generator=draw, dtype=dtype)
    s = (0.3 + 1.4 * torch.rand(2, SENSORS, generator=draw, dtype=torch.float64)).to(dtype)
    if dtype.is_complex:
        s = s * torch.exp(1j * torch.rand(2, SENSORS, generator=draw, dtype=torch.float64))
    field: Literal["complex", "any"] = "complex" if dtype.is_complex else "any"
    A = LinearOperator.from_functions(
        lambda v: torch.einsum("tsp,...p->...ts", masks.to(v), v),
        lambda w: torch.einsum("tsp,...ts->...p", masks.conj().to(w), w),
        (PIXELS,),
        (EXPOSURES, SENSORS),
        domain_field=field,
        range_field=field,
    )
    return x, s.mean(-1, keepdim=True) / s, A


def errors(found: Tensor, truth: Tensor) -> float:
    return float(((found - truth).norm(dim=-1) / truth.norm(dim=-1)).max())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_exact_without_noise(method: str, dtype: torch.dtype, figure: Figure) -> None:
    x, d, A = scene(dtype)
    found = self_calibrate(A, d[:, None] * A(x), method=method)
    worst = max(errors(found.image, x), errors(found.gains, d))
    figure(f"{method}, {str(dtype)[6:]}, no noise", f"{worst:.1e}")
    assert worst <= 1e-13
    assert float(found.misfit.max()) <= 1e-13


@pytest.mark.parametrize("method", METHODS)
def test_one_per_cent_of_noise(method: str, figure: Figure) -> None:
    x, d, A = scene(torch.float64)
    clean = d[:, None] * A(x)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    size = clean.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
    found = self_calibrate(A, clean + 0.01 * size[:, None, None] * noise, method=method)
    worst = max(errors(found.image, x), errors(found.gains, d))
    figure(f"{method}, 1 % of noise", f"{100 * worst:.2f} %")
    assert worst <= 0.02


def test_what_cannot_be_determined_is_refused() -> None:
    x, d, A = scene(torch.float64)
    data = d[:, None] * A(x)
    one = LinearOperator.from_functions(lambda v: A(v)[..., :1, :], lambda w: w[..., 0, :30], (30,), (1, 60))
    with pytest.raises(ValueError, match="60 gains and 30 pixels, but 60 data"):
        self_calibrate(one, data[:, :1])
    data[1, :, 3] = 0
    with pytest.raises(ValueError, match="data from every sensor"):
        self_calibrate(A, data)
    with pytest.raises(ValueError, match="'least-squares' or 'spectral', got 'svd'"):
        self_calibrate(A, data, method="svd")
