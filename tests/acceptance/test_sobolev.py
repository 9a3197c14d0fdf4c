"""Sobolev Hˢ data terms: gradient descent on ½∫(1 + |ξ|²)ˢ|Âx − y|² matches its closed form to 1e-10.

The k-th iterate from zero is F⁻¹[(1 − (1 − τ(1 + |ξ|²)ˢ|H|²)ᵏ) Fy/H] for a periodic convolution of spectrum H.
"""

from __future__ import annotations

from math import pi

import pytest
import torch

from recon.operators import Blur, GaussianNoise, SobolevFidelity, gaussian_psf
from recon.solvers import MaxIter, Problem, ProximalGradient

N = 32


@pytest.mark.parametrize("order", [-1.0, -0.5, 0.5, 1.0])
@pytest.mark.parametrize("iterations", [1, 10, 200])
def test_landweber_is_the_closed_form(order: float, iterations: int) -> None:
    A = Blur(gaussian_psf(0.9), (N, N), boundary="circular")
    x = torch.zeros(2, N, N, dtype=torch.float64)
    x[0, 8:20, 10:25], x[1, 4:9, 20:28] = 1.0, 2.0
    data = GaussianNoise(0.02).sample(A(x), torch.Generator().manual_seed(0))
    landweber = ProximalGradient(steps="constant", stop=MaxIter(iterations))
    result = landweber.solve(Problem(A, data, fidelity=SobolevFidelity(order)))

    dot = torch.zeros(N, N, dtype=torch.float64)
    dot[0, 0] = 1.0
    H = torch.fft.fft2(A(dot))
    xi = 2 * pi * torch.fft.fftfreq(N, dtype=torch.float64)
    weight = (1 + xi[:, None].square() + xi.square()) ** order
    tau = 1 / result.last("alpha")[:, None, None]
    filtered = -torch.expm1(iterations * torch.log1p(-(tau * weight * H.abs().square()).clamp(max=1)))
    closed = torch.fft.ifft2(filtered * torch.fft.fft2(data) / H).real
    assert float((result.image - closed).abs().max()) <= 1e-10
