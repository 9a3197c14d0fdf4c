"""Where the rotation axis falls on the detector of a fan beam, from the sinogram alone."""

from __future__ import annotations

from math import pi
from typing import Literal

import torch
from torch import Tensor

from recon.preprocess.find_axis import AxisEstimate, coverage

_COARSE = 24
"""Angular harmonics that the search over the whole detector looks at."""
_FINE = 16
"""Candidates per bin of the search about the best of them."""


def find_fan_axis(
    sinogram: Tensor,
    angles: Tensor,
    turn: float,
    detector: Literal["flat", "curved"] = "flat",
    offset: float = 0.0,
) -> AxisEstimate:
    """Estimate the offset of the rotation axis from fan-beam projections over a full turn.

    With γ the angle of a ray from the one through the axis, each line is measured twice,
    p(β, γ) = p(β + π − 2γ, −γ), in the coordinates of :class:`~recon.operators.FanBeam`. For the angular harmonics
    Pₙ(γ) = Σⱼ wⱼ p(βⱼ, γ) e^{−inβⱼ} this says that

        Qₙ(γ) = Pₙ(γ) e^{inγ} = (−1)ⁿ Qₙ(−γ),

    and the axis is where Σₙ Σ_γ |Qₙ(γ) − (−1)ⁿ Qₙ(−γ)|², n > 0, is least in proportion to Σ (|Qₙ(γ)|² + |Qₙ(−γ)|²),
    both within a smooth window symmetric about the axis. All bins are tried, then fractions of a bin about the best,
    values between bins being interpolated by cubics.

    Parameters
    ----------
    sinogram
        ``(*slices, angles, bins)``, line integrals; one axis for all slices, which lie in the plane of the source.
    angles
        β in radians, ``(angles,)``, in any order, covering 2π without large gaps.
    turn
        Pitch of the bins over the distance from source to detector.
    detector
        ``"flat"`` or ``"curved"``.
    offset
        Of the detector in bins, as in FanBeam: where a flat detector's middle lies from the foot of the source.

    Raises
    ------
    ValueError
        If the angles do not cover a full turn.
    """
    p = sinogram.detach().to("cpu", torch.float64).reshape(-1, *sinogram.shape[-2:])
    theta = angles.detach().to("cpu", torch.float64)
    full_turn, weights = coverage(theta)
    if not full_turn:
        raise ValueError(
            "finding the rotation axis of a fan beam needs angles that cover 360 degrees evenly, these cover 180; give "
            "the offset as a number"
        )
    bins = p.shape[-1]
    n = torch.arange(1, len(theta) // 2, dtype=torch.float64)
    harmonics = (torch.exp(-1j * n[:, None] * theta) * weights) @ p.to(torch.complex128)
    span = bins / 2 * (1 - 1 / 8)
    candidates = torch.arange(-int(span), int(span) + 1, dtype=torch.float64)

    def misfits(offsets: Tensor, highest: int) -> Tensor:
        part = harmonics[:, :highest]
        return torch.stack([_misfit(part, n[:highest], float(o), turn, detector, offset) for o in offsets])

    coarse = misfits(candidates, _COARSE)
    fine = candidates[coarse.argmin()] + torch.arange(-_FINE, _FINE + 1) / _FINE
    values = misfits(fine, len(n))
    best = int(values[1:-1].argmin()) + 1
    left, centre, right = (float(values[best + step]) for step in (-1, 0, 1))
    curvature = left - 2 * centre + right
    shift = (left - right) / (2 * curvature) if curvature > 0 else 0.0
    return AxisEstimate(float(fine[best]) + max(-0.5, min(0.5, shift)) / _FINE, centre / float(coarse.median()))


def _misfit(harmonics: Tensor, n: Tensor, o: float, turn: float, detector: str, offset: float) -> Tensor:
    """Energy of what is not symmetric about offset o over twice that of what is there; 1 for no symmetry at all."""
    bins = harmonics.shape[-1]
    s = torch.arange(bins, dtype=torch.float64) - (bins - 1) / 2 + offset
    axis = torch.tensor(o + offset, dtype=torch.float64)
    if detector == "flat":
        middle = torch.atan(turn * axis)
        gamma = torch.atan(turn * s) - middle
        mirrored = torch.tan(middle - gamma) / turn
    else:
        gamma = turn * (s - axis)
        mirrored = 2 * axis - s
    position = mirrored - s[0]
    reach = bins / 2 - abs(o)
    inside = ((1 - (s - axis).abs() / reach) * 5).clamp(0, 1) * ((position > 0) & (position < bins - 1))
    window = torch.sin(inside * (pi / 2)).square()
    phase = torch.exp(1j * n[:, None] * gamma)
    q = harmonics * phase
    other = _between(harmonics, position) * phase.conj() * (1 - 2 * (n % 2))[:, None]
    energy = (window * (q.abs().square() + other.abs().square())).sum()
    return torch.where(energy > 0, (window * (q - other).abs().square()).sum() / energy, 1.0)


def _between(values: Tensor, position: Tensor) -> Tensor:
    """``(..., bins)`` at fractional bins, by the cubic through the four nearest (Catmull and Rom), ends continued."""
    last = values.shape[-1] - 1
    base = position.floor()
    t = position - base
    weights = (
        ((-t + 2) * t - 1) * t / 2,
        ((3 * t - 5) * t * t + 2) / 2,
        ((-3 * t + 4) * t + 1) * t / 2,
        (t - 1) * t * t / 2,
    )
    total = torch.zeros_like(values[..., :1])
    for step, weight in zip((-1, 0, 1, 2), weights, strict=True):
        total = total + weight * values[..., (base.long() + step).clamp(0, last)]
    return total
