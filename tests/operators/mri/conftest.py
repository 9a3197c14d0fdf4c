"""Sums over points written out, to judge transforms with."""

import pytest
import torch


def direct(x, points):
    """N^{−½} Σ_n x[n] exp(−2πi k·(n − N//2)) in double precision, axis after axis: (*batch, shots, samples)."""
    shape = x.shape[-len(points) :]
    out = x.to(torch.complex128).reshape(-1, *shape)
    for axis, (k, n) in enumerate(zip(points.double().flatten(1), shape, strict=True)):
        phase = -2 * torch.pi * k[:, None] * (torch.arange(n, dtype=torch.float64) - n // 2)
        factor = torch.polar(torch.ones_like(phase), phase)
        if axis == 0:
            out = (factor @ out.flatten(2).reshape(len(out), n, -1)).reshape(len(out), len(k), *shape[1:])
        else:
            out = (out * factor.reshape(len(k), n, *(1,) * (out.ndim - 3))).sum(2)
    return (out / x[(0,) * (x.ndim - len(shape))].numel() ** 0.5).reshape(
        *x.shape[: x.ndim - len(shape)], *points.shape[1:]
    )


@pytest.fixture
def ndft():
    return direct
