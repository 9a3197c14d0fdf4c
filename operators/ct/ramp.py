"""The ramp filter of filtered backprojection and its windows, in frequency."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

WINDOWS = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")


def ramp_response(length: int, pitch: float) -> Tensor:
    """τ ĥ(f) in 1/mm at f = 0, 1/(Lτ), …: the ramp for circular convolutions of L bins, ``(L // 2 + 1,)``.

    h is the band-limited ramp in its spatial form, h₀ = 1/(4τ²), hₙ = −1/(πnτ)² for odd n and 0 for even n,
    with τ the ``pitch`` in mm (Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988,
    chapter 3, eq. 61). Unlike a sampled |f| it leaves the mean of the image alone.
    """
    lag = torch.fft.fftfreq(length, 1 / length, dtype=torch.float64)
    odd = lag.remainder(2) == 1
    kernel = torch.where(odd, -1 / (pi * torch.where(odd, lag, 1) * pitch) ** 2, 0.0)
    kernel[0] = 1 / (4 * pitch**2)
    response: Tensor = pitch * torch.fft.rfft(kernel).real
    return response


def window(name: str, omega: Tensor) -> Tensor:
    """W(ω) for ω ≥ 0, and zero for ω > 1.

    ``"ram-lak"`` 1, ``"shepp-logan"`` sinc(ω/2), ``"cosine"`` cos(πω/2), ``"hamming"`` 0.54 + 0.46 cos(πω),
    ``"hann"`` 0.5 + 0.5 cos(πω), where sinc(t) = sin(πt)/(πt).
    """
    match name:
        case "ram-lak":
            shape = torch.ones_like(omega)
        case "shepp-logan":
            shape = torch.sinc(omega / 2)
        case "cosine":
            shape = torch.cos(pi * omega / 2)
        case "hamming":
            shape = 0.54 + 0.46 * torch.cos(pi * omega)
        case "hann":
            shape = 0.5 + 0.5 * torch.cos(pi * omega)
        case _:
            raise ValueError(f"FilteredBackprojection expects a filter among {', '.join(WINDOWS)}, got {name!r}.")
    return torch.where(omega <= 1, shape, 0.0)
