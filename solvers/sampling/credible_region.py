"""Sets of whole images in which a stated share of the posterior lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

from recon.operators.tensors import item_norm
from recon.solvers.sampling.pixelwise import blocks, over_pixels, places, quantiles, variance

RegionShape = Literal["ball", "ellipsoid"]

FLOOR = 1e-3
"""Standard deviations count as at least this share of their root mean square over the image."""
TINY = 1e-300


@dataclass(frozen=True)
class CredibleRegion:
    """{x : ‖(x − m)/s‖ ≤ r} per item.

    Attributes
    ----------
    level
        The probability that it holds.
    center
        m, the mean of the samples, ``(*batch, *shape)``.
    scale
        s: 1 for a ball, the standard deviations of the pixels for an ellipsoid, with floor; of the shape of m.
    radius
        r, ``batch``.
    """

    level: float
    center: Tensor
    scale: Tensor
    radius: Tensor

    def contains(self, x: Tensor) -> Tensor:
        """Whether images ``(*batch, *shape)`` lie inside, one truth value per item."""
        return self.distance(x) <= self.radius

    def distance(self, x: Tensor) -> Tensor:
        """‖(x − m)/s‖ per item."""
        ndim = self.center.ndim - self.radius.ndim
        if tuple(x.shape) != tuple(self.center.shape):
            raise ValueError(f"the region is one of images {tuple(self.center.shape)}, got {tuple(x.shape)}.")
        found: Tensor = item_norm((x.to(self.center.device) - self.center) / self.scale, ndim).double()
        return found


def distances(samples: Tensor, complete: Tensor, shape: RegionShape) -> tuple[Tensor, Tensor]:
    """s, and the distance of every sample to the mean of the others of its item, ``(samples, *batch)``.

    With m₋ᵢ and s₋ᵢ those without sample i, δᵢ = ‖(xᵢ − m₋ᵢ)/s₋ᵢ‖; NaN where a sample is not complete. Another draw x
    has a distance ‖(x − m)/s‖ that is distributed like them up to O(1/n²), on the smaller side.
    """
    if shape not in ("ball", "ellipsoid"):
        raise ValueError(f"a credible region is a 'ball' or an 'ellipsoid', got {shape!r}.")
    count = complete[0].numel()
    items, kept = (
        samples.reshape(len(samples), count, prod(samples.shape[complete.ndim :])),
        complete.reshape(len(complete), count),
    )
    scale = torch.ones(items.shape[1:], dtype=torch.float64, device=samples.device)
    least = scale.new_zeros(count)
    if shape == "ellipsoid":
        parts = torch.view_as_real(samples.resolve_conj()) if samples.is_complex() else samples[..., None]
        scale = over_pixels(parts, complete, variance).sum(-1).reshape(items.shape[1:])
        least = FLOOR**2 * scale.mean(1)
        scale = torch.maximum(scale, least[:, None].clamp(min=TINY)).sqrt()
    squares = torch.zeros((len(samples), count), dtype=torch.float64, device=samples.device)
    for item in range(count):
        for rows, start, stop in blocks(items[:, item], kept[:, item]):
            x = items[:, item, start:stop] if rows is None else items[rows, item, start:stop]
            x = x.to(torch.complex128 if x.is_complex() else torch.float64)
            part = _left_out(x, None if shape == "ball" else float(least[item]))
            squares[slice(None) if rows is None else rows, item] += part
    squares[~kept.to(squares.device)] = torch.nan
    return scale.reshape(samples.shape[1:]), squares.sqrt().reshape(complete.shape)


def _left_out(x: Tensor, least: float | None) -> Tensor:
    """Σ |xᵢ − m₋ᵢ|²/s₋ᵢ² over some pixels, with s₋ᵢ² at least ``least``, or 1 for None."""
    n = len(x)
    if n < 3:
        return torch.full((n,), torch.nan, dtype=torch.float64, device=x.device)
    off = (x - x.mean(0)).abs().square()
    away = off * (n / (n - 1)) ** 2
    if least is None:
        return away.sum(1)
    others = (off.sum(0) - off * n / (n - 1)) / (n - 2)
    return (away / others.clamp(min=max(least, TINY))).sum(1)


def region(samples: Tensor, complete: Tensor, center: Tensor, level: float, shape: RegionShape) -> CredibleRegion:
    """The region that holds ``level`` of the posterior, by the distances of :func:`distances`."""
    scale, far = distances(samples, complete, shape)
    wanted = torch.tensor([level], dtype=torch.float64)
    radii = [quantiles(column, wanted)[0, 0] for column in _columns(far)]
    radius = torch.stack(radii) if radii else far.new_zeros(0)
    return CredibleRegion(level, center, scale, radius.reshape(complete.shape[1:]))


def level_of(samples: Tensor, complete: Tensor, center: Tensor, truth: Tensor, shape: RegionShape) -> Tensor:
    """The least level of a :func:`region` that holds the truth, 1 where none does."""
    scale, far = distances(samples, complete, shape)
    own = CredibleRegion(torch.nan, center, scale, far.new_zeros(far.shape[1:])).distance(truth).reshape(-1, 1)
    found = [
        places(column, one)[0] if len(column) > 2 else torch.full_like(one, torch.nan)
        for column, one in zip(_columns(far), own, strict=True)
    ]
    return torch.cat([*found, own.new_zeros(0)]).reshape(complete.shape[1:])


def _columns(far: Tensor) -> list[Tensor]:
    """The distances of the complete samples of every item, ``(samples, 1)`` each."""
    return [column[~column.isnan()][:, None] for column in far.reshape(len(far), -1).T]
