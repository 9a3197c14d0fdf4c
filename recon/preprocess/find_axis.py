"""Where the rotation axis falls on the detector, from the sinogram alone."""

from __future__ import annotations

from math import pi
from typing import NamedTuple

import torch
from torch import Tensor

_FINE = 32
"""Candidates per bin at which the misfit is evaluated before the parabola through the best one."""
_TAPER = 0.1
"""Part of the symmetric window over which it falls to zero at either end."""


class AxisEstimate(NamedTuple):
    """Axis position minus detector centre in bins, and the misfit there over the median misfit: 1 is no evidence."""

    offset: float
    misfit: float


def find_axis(sinogram: Tensor, angles: Tensor) -> AxisEstimate:
    """Estimate the offset o of the rotation axis from parallel-beam projections over a half or a full turn.

    A projection and its opposite mirror each other about the axis, q(θ+π, s) = q(θ, −s), s = k − (K−1)/2 − o. Let
    A_n(ω) = Σ_j w_j P(θ_j, ω) e^{−inθ_j} be the angular harmonics of the projections' Fourier transforms about the
    detector's centre. Completing half a turn by its mirror image about a candidate o gives the full turn with harmonics

        H_n(ω) = e^{iωo} A_n(ω) + (−1)ⁿ e^{−iωo} A_n(−ω),

    which for the right o vanish outside the double wedge |n| ≤ r|ω| of an object of radius r (Vo et al.). The energy
    out there is E(o) = c + 2 Re Σ_ω C(ω) e^{2iωo} with C(ω) = Σ_n (−1)ⁿ A_n(ω) A_n(−ω)*: a Fourier series in o, so that
    one FFT gives it for every candidate, fractions of a bin included. For a full turn the two terms are equal harmonic
    by harmonic; there E(o) is the energy of their difference inside the wedge, the mean over θ left out.

    The search is repeated in a smooth window symmetric about the axis found, until the axis rests: a window centred
    elsewhere draws the estimate towards itself where the object reaches beyond the detector.

    Parameters
    ----------
    sinogram
        ``(*slices, angles, bins)``, line integrals or projections; one axis for all slices.
    angles
        In radians, ``(angles,)``, in any order, covering π or 2π without large gaps.

    Raises
    ------
    ValueError
        If the angles do not cover half a turn.

    Source: N. T. Vo et al., Optics Express 22 (2014) 19078, whose mean of |H| over the complement of the wedge is
    replaced here by its energy.
    """
    p = sinogram.detach().to("cpu", torch.float64).reshape(-1, *sinogram.shape[-2:])
    p = p / p.abs().amax().clamp_min(torch.finfo(p.dtype).tiny)
    theta = angles.detach().to("cpu", torch.float64)
    full_turn, weights = coverage(theta)
    estimate = _search(p, theta, weights, full_turn)
    for _ in range(20):
        before = estimate.offset
        estimate = _search(p * _window(p.shape[-1], before), theta, weights, full_turn)
        if abs(estimate.offset - before) < 1e-3:
            break
    return estimate


def coverage(theta: Tensor) -> tuple[bool, Tensor]:
    """Whether the angles cover a full turn, and the share of the turn that each stands for."""
    for turn in (2 * pi, pi):
        wrapped, order = torch.sort(theta % turn)
        gaps = torch.diff(wrapped, append=wrapped[:1] + turn)
        distinct = gaps[gaps > 1e-9]
        if len(distinct) >= 8 and float(gaps.max()) <= 3 * float(distinct.median()):
            weights = torch.empty_like(theta)
            weights[order] = (gaps + gaps.roll(1)) / 2
            return turn > 4, weights
    raise ValueError(
        f"finding the rotation axis needs angles that cover 180 degrees evenly, these {len(theta)} run from "
        f"{float(theta.min()) * 180 / pi:.6g} to {float(theta.max()) * 180 / pi:.6g} degrees with larger gaps; "
        "give the offset as a number"
    )


def _window(bins: int, offset: float) -> Tensor:
    """1 around the axis, falling smoothly to 0 at the nearer edge of the detector and at its mirror image."""
    half = bins / 2 - abs(offset)
    s = (torch.arange(bins, dtype=torch.float64) - (bins - 1) / 2 - offset).abs()
    return torch.cos(((s - (1 - _TAPER) * half) / (_TAPER * half)).clamp(0, 1) * (pi / 2)) ** 2


def _search(p: Tensor, theta: Tensor, weights: Tensor, full_turn: bool) -> AxisEstimate:
    """The minimum of E over all offsets within the detector."""
    bins = p.shape[-1]
    highest = len(theta) // 2 if full_turn else len(theta)
    omega = torch.arange(bins + 1, dtype=torch.float64) * (pi / bins)
    n = torch.arange(-highest, highest + 1, dtype=torch.float64)[:, None]
    wedge = n.abs() <= bins / 2 * omega + 3
    kept = ((wedge & (n != 0)) if full_turn else ~wedge) & (omega > 0)
    used = int(kept.any(0).nonzero().max()) + 1
    omega, kept = omega[:used], kept[:, :used]
    sign = (1 - 2 * (n.abs() % 2)) * (-1 if full_turn else 1)
    harmonics = torch.exp(-1j * n * theta) * weights
    series = torch.zeros(used, dtype=torch.complex128)
    constant = 0.0
    for one in p:
        spectrum = torch.fft.rfft(one, n=2 * bins)[:, :used] * torch.exp(0.5j * (bins - 1) * omega)
        plus, minus = harmonics @ spectrum, harmonics @ spectrum.conj()
        series += (sign * plus * minus.conj() * kept).sum(0)
        constant += float(((plus.abs() ** 2 + minus.abs() ** 2) * kept).sum())
    energy = constant + torch.fft.irfft(series, n=_FINE * bins, norm="forward")
    best = int(energy.argmin())
    left, centre, right = (float(energy[(best + step) % len(energy)]) for step in (-1, 0, 1))
    curvature = left - 2 * centre + right
    position = (best + ((left - right) / (2 * curvature) if curvature > 0 else 0.0)) / _FINE
    typical = float(energy.median())
    return AxisEstimate(position - bins if position > bins / 2 else position, centre / typical if typical > 0 else 1.0)
