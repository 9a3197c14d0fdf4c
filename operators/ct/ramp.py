"""The ramp filter of filtered backprojection and its windows, in frequency."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, pi
from typing import Literal

import torch
from torch import Tensor

Window = Literal["ram-lak", "shepp-logan", "cosine", "hamming", "hann"]
WINDOWS: tuple[Window, ...] = ("ram-lak", "shepp-logan", "cosine", "hamming", "hann")


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


def equiangular(response: Tensor, length: int, turn: float) -> Tensor:
    """The response of the kernel (γ/sin γ)² h(γ) from that of h(γ), for bins δ = ``turn`` radians apart.

    Kak and Slaney, chapter 3, eq. 98. Lags of half a turn and more, which no fan has, are left out.
    """
    gamma = torch.fft.fftfreq(length, 1 / length, dtype=torch.float64) * turn
    stretch = torch.where(gamma.abs() < pi, torch.sinc(gamma / pi), torch.inf).pow(-2)
    stretched: Tensor = torch.fft.rfft(torch.fft.irfft(response, n=length) * stretch).real
    return stretched


def window(shape: Window | Sequence[float], omega: Tensor) -> Tensor:
    """W(ω) for ω ≥ 0, and zero for ω > 1.

    ``"ram-lak"`` 1, ``"shepp-logan"`` sinc(ω/2), ``"cosine"`` cos(πω/2), ``"hamming"`` 0.54 + 0.46 cos(πω),
    ``"hann"`` 0.5 + 0.5 cos(πω), where sinc(t) = sin(πt)/(πt). Numbers are W at equal steps from ω = 0 to ω = 1, and
    W runs straight between them.
    """
    if not isinstance(shape, str):
        gains = torch.tensor(shape, dtype=torch.float64)
        place = omega.clamp(0, 1) * (len(gains) - 1)
        below = place.floor().clamp(max=len(gains) - 2).long()
        values = gains[below] + (place - below) * (gains[below + 1] - gains[below])
        return torch.where(omega <= 1, values, 0.0)
    match shape:
        case "ram-lak":
            values = torch.ones_like(omega)
        case "shepp-logan":
            values = torch.sinc(omega / 2)
        case "cosine":
            values = torch.cos(pi * omega / 2)
        case "hamming":
            values = 0.54 + 0.46 * torch.cos(pi * omega)
        case "hann":
            values = 0.5 + 0.5 * torch.cos(pi * omega)
    return torch.where(omega <= 1, values, 0.0)


def checked_window(shape: Window | Tensor | Sequence[float], owner: str) -> Window | tuple[float, ...]:
    """A window's name, or its gains as a tuple; refuses what is neither."""
    if isinstance(shape, str):
        if shape not in WINDOWS:
            raise ValueError(f"{owner} expects a filter among {', '.join(WINDOWS)}, got {shape!r}.")
        return shape
    values = shape.tolist() if isinstance(shape, Tensor) else shape
    try:
        gains = tuple(float(value) for value in values)
    except TypeError:
        raise TypeError(f"{owner} expects a filter's name or its gains on [0, Nyquist], got {shape!r}.") from None
    if len(gains) < 2 or not all(map(isfinite, gains)):
        raise ValueError(f"{owner} expects at least two finite gains from zero frequency to Nyquist, got {gains}.")
    return gains
