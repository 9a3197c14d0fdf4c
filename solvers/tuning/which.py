"""Which weight of a prior is tuned."""

from __future__ import annotations

import inspect

from torch import Tensor

from recon.priors.prior import Prior, VariationalPrior
from recon.priors.sum import SumPrior


def weighted(prior: VariationalPrior) -> bool:
    """Whether its λ is a parameter of its own: not of bounds, which no factor changes."""
    return "lam" in inspect.signature(type(prior).__init__).parameters


def chosen(prior: Prior | None, which: int | None) -> int | None:
    """The number of the summand to tune, None for a prior that is no sum.

    Errors: TypeError for priors without an explicit cost, ValueError where a sum leaves it open.
    """
    if not isinstance(prior, VariationalPrior):
        what = "no prior" if prior is None else f"{prior.name}, which has no weight of its cost"
        raise TypeError(f"tuning lam needs a prior with an explicit cost, got {what}.")
    if not isinstance(prior, SumPrior):
        if which is not None:
            raise ValueError(f"which={which} names a part of a sum of priors, and {prior.name} is none.")
        return None
    parts = prior.priors
    if which is not None:
        if not 0 <= which < len(parts):
            raise ValueError(f"which expects a number below {len(parts)}, of the prior to tune, got {which}.")
        return which
    open_ = [number for number, part in enumerate(parts) if weighted(part)]
    if len(open_) != 1:
        names = ", ".join(f"{n} for {parts[n].name}" for n in open_) or "none has a weight"
        raise ValueError(f"which prior of the sum is to be tuned? Pass which: {names}.")
    return open_[0]


def with_weight(prior: VariationalPrior, which: int | None, lam: float | Tensor) -> VariationalPrior:
    """The prior with λ of the chosen summand replaced."""
    if which is None:
        return prior.with_lam(lam)
    assert isinstance(prior, SumPrior)
    parts = [part.with_lam(lam) if n == which else part for n, part in enumerate(prior.priors)]
    return SumPrior(*parts, lam=prior.lam)


def part(prior: VariationalPrior, which: int | None) -> VariationalPrior:
    """The chosen summand."""
    if which is None:
        return prior
    assert isinstance(prior, SumPrior)
    return prior.priors[which]
