"""How well samples explain the data."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_sum
from recon.solvers.discrepancy import seen
from recon.solvers.problem import Problem
from recon.solvers.sampling.scatter import IndependentScatter, known, residual, scatter


def data_consistency(samples: Tensor, complete: Tensor, problem: Problem) -> Tensor:
    """Mean of ‖Σ^−½(A x − y)‖²/m over the complete samples of every item, ``batch``; NaN where there are none.

    Data that A does not reach, such as lines of k-space left out, count for nothing; all do where noise is correlated.
    """
    if not known(problem.noise):
        given = type(problem.noise if problem.noise is not None else problem.likelihood).__name__
        raise CapabilityError(f"how well samples explain data is known of noise with a covariance, not of {given}.")
    flat = problem.flatten()
    if samples.shape[1:] != (*problem.batch, *problem.shape):
        raise ValueError(
            f"samples of images {(*problem.batch, *problem.shape)} expected, got {tuple(samples.shape[1:])}."
        )
    total = torch.zeros(len(flat.data), dtype=torch.float64)
    kept = complete.reshape(len(complete), -1).cpu()
    reached = seen(flat)
    with torch.no_grad():
        for sample, done in zip(samples, kept, strict=True):
            x = sample.to(flat.data.device, problem.dtype).reshape(-1, *problem.shape)
            total += torch.where(done, misfit(flat, torch.nan_to_num(x), reached).double().cpu(), 0)
    count = kept.sum(0)
    return torch.where(count > 0, total / count, torch.nan).reshape(problem.batch)


def misfit(problem: Problem, x: Tensor, reached: Tensor) -> Tensor:
    """‖Σ^−½(y − A x)‖²/m per item over the data that are ``reached``."""
    clean = problem.operator(x)
    spread = scatter(problem, clean)
    white = spread.whiten(residual(problem, clean))
    counted = reached if isinstance(spread, IndependentScatter) else torch.ones_like(reached)
    number = max(int(counted.sum()) * (2 if white.is_complex() else 1), 1)
    return item_sum(white.abs().square() * counted, white.ndim - 1) / number
