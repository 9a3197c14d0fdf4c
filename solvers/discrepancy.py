"""The misfit to data with Gaussian noise, in units of the noise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import SquaredL2
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_sum
from recon.solvers.problem import Problem


class Reach(NamedTuple):
    """Which data an operator can reach, 1 or 0 in the shape of data, and how many real numbers those are."""

    data: Tensor
    number: int


def reach(problem: Problem) -> Reach:
    """The data that change with the image: not those of lines of k-space left out, or of rays beside the image.

    Found from the images of two random ones, so that a datum is missed with probability zero.

    Errors: CapabilityError unless the noise is Gaussian; ValueError where the operator reaches nothing.
    """
    if not isinstance(problem.likelihood, SquaredL2) or problem.likelihood.data is None:
        raise CapabilityError(
            f"the discrepancy principle needs Gaussian noise, whose misfit it knows, got {problem.likelihood.name}."
        )
    found = seen(problem)
    count = int(found.sum()) * (2 if problem.data.is_complex() else 1)
    if not count:
        raise ValueError(f"{problem.operator.name} reaches no data: there is no discrepancy to measure.")
    return Reach(found, count)


def seen(problem: Problem) -> Tensor:
    """1 for the data of an item that change with the image, 0 for others; see :func:`reach`."""
    A = problem.operator
    generator = torch.Generator().manual_seed(1)
    pair = torch.randn((2, *A.domain_shape), generator=generator, dtype=problem.dtype).to(problem.data.device)
    with torch.no_grad():
        first, second = A(pair)
    differ: Tensor = first != second
    return differ.to(problem.data.real.dtype if problem.data.is_complex() else problem.data.dtype)


def discrepancy(problem: Problem, x: Tensor, reached: Reach) -> Tensor:
    """Σ|(Ax − y)/σ|² over the data reached, divided by their number m of real numbers: about 1 at the true image.

    Data of weight zero count for nothing.
    """
    f, A = problem.likelihood, problem.operator
    assert isinstance(f, SquaredL2)
    inner = reached.data.to(problem.data.device)
    inside = A(x) * inner + problem.data * (1 - inner)
    if f.elements is None:
        return 2 * f(inside) / reached.number
    counted = item_sum(inner * (f.constant("elements", inner) > 0), f.ndim) * (2 if problem.data.is_complex() else 1)
    return 2 * f(inside) / counted
