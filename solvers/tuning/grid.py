"""What a pixel grid leaves of the object unexplained."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.ct.ray_transform import RayTransform
from recon.operators.tensors import item_sum
from recon.solvers.problem import Problem
from recon.solvers.tuning.trials import Trials

FINER = 7
"""‖A(x − Px)‖² over the error of the grid, 2³ − 1."""


def has_grid(problem: Problem) -> bool:
    """Whether A samples a continuous object: line integrals, of which pixels are an approximation."""
    return isinstance(problem.operator, RayTransform)


def grid_error(trials: Trials, items: Tensor, images: Tensor) -> Tensor:
    """An estimate of ‖(A x − p)/σ‖², p the line integrals of the object itself and x its averages over pixels.

    By Richardson's extrapolation from pixels twice as long, whose averages are P x:

        ‖(A x − p)/σ‖² ≈ ‖A(x − P x)/σ‖²/(2³ − 1).

    At jumps, each pixel is wrong by an amount of mean zero, whose line integral has a variance of h² for pixels of
    length h. A bin as wide as a pixel or wider averages over a number of them that is proportional to 1/h, so that the
    variance falls as h³, and that of the difference of two grids is 2³ − 1 times that of the finer.
    """
    operator = trials.problem.operator
    rough = operator(images - coarse(images, len(trials.problem.shape)))
    deviation = trials.deviations[items.to(trials.deviations.device)]
    scaled = rough / torch.where(deviation > 0, deviation, torch.inf)
    return item_sum(scaled.abs().square(), trials.ndim) / FINER


def coarse(x: Tensor, ndim: int) -> Tensor:
    """Averages over blocks of two pixels along each of the last ``ndim`` axes, on the same pixels."""
    for axis in range(x.ndim - ndim, x.ndim):
        n = x.shape[axis]
        pairs = torch.cat([x, x.narrow(axis, n - 1, 1)], axis) if n % 2 else x
        x = pairs.unflatten(axis, (-1, 2)).mean(axis + 1).repeat_interleave(2, axis).narrow(axis, 0, n)
    return x
