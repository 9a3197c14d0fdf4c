"""How much samples differ from each other."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from recon.solvers.sampling.pixelwise import blocks


class Diversity(NamedTuple):
    """Per item, of n samples with covariance Ĉ over d real numbers.

    Attributes
    ----------
    participation
        (tr Ĉ)²/tr Ĉ², the number of directions in which the samples spread, those of little spread counting little: 1
        for samples on a line, at most n − 1, 0 where all are equal.
    dimension
        The same of the distribution that the samples come from, (tr C)²/tr C², estimated without the bias that few
        samples have (exactly so for Gaussian ones); between 1 and d, NaN for fewer than three samples.
    distance
        Mean of ‖xᵢ − xⱼ‖/√d over pairs. For Gaussian samples of standard deviation s in every pixel about s√2.
    """

    participation: Tensor
    dimension: Tensor
    distance: Tensor


def diversity(samples: Tensor, complete: Tensor) -> Diversity:
    """See :class:`Diversity`; from inner products of samples, so that no covariance of pixels is formed.

    With ν = n − 1 and t = tr Ĉ², the estimates are ν²/((ν − 1)(ν + 2))·(t − (tr Ĉ)²/ν) of tr C², and (tr Ĉ)² less 2/ν
    times that of (tr C)².

    Source: Srivastava, J. Japan Statist. Soc. 35 (2005) 251, for the unbiased estimates.
    """
    count = complete[0].numel()
    items = samples.reshape(len(samples), count, prod(samples.shape[complete.ndim :]))
    found = [_of_item(items[:, i], complete.reshape(len(complete), count)[:, i]) for i in range(count)]
    columns = zip(*found, strict=True) if found else ([], [], [])
    batch = complete.shape[1:]
    return Diversity(*(torch.tensor(column, dtype=torch.float64).reshape(batch) for column in columns))


def _of_item(x: Tensor, complete: Tensor) -> tuple[float, float, float]:
    n, d = int(complete.sum()), x.shape[1] * (2 if x.is_complex() else 1)
    if n < 2:
        return (torch.nan,) * 3
    gram = torch.zeros((n, n), dtype=torch.float64, device=x.device)
    for rows, start, stop in blocks(x, complete):
        part = x[:, start:stop] if rows is None else x[rows, start:stop]
        part = torch.view_as_real(part.resolve_conj()).flatten(1) if part.is_complex() else part
        centred = part.double() - part.double().mean(0)
        gram += centred @ centred.T
    squares = gram.diagonal()
    between = (squares[:, None] + squares - 2 * gram).clamp(min=0)
    distance = float((between.sqrt().sum() / (n * (n - 1))) / d**0.5)
    trace, both = float(squares.sum()) / (n - 1), float(gram.square().sum()) / (n - 1) ** 2
    if trace == 0:
        return 0.0, torch.nan, 0.0
    nu = n - 1
    if nu < 2:
        return trace**2 / both, torch.nan, distance
    own = nu**2 / ((nu - 1) * (nu + 2)) * (both - trace**2 / nu)
    dimension = (trace**2 - 2 / nu * own) / own if own > 0 else float(d)
    return trace**2 / both, min(max(dimension, 1.0), float(d)), distance
