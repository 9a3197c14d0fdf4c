"""When to stop: rules are values and compose, ``MaxIter(500) | Gap(1e-4)``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

FROM_LOOP = frozenset({"change", "discrepancy"})
"""Measurements that the loop takes for any solver, the second where a rule needs it."""


class Progress(NamedTuple):
    """What a rule sees: the iteration just finished, seconds so far, and measurements per item."""

    iteration: int
    seconds: float
    measured: Mapping[str, Tensor]
    items: int


class Verdict(NamedTuple):
    """Per item: whether to stop, and whether because of convergence rather than a limit."""

    stop: Tensor
    converged: Tensor


class Rule(ABC):
    """A stopping rule. ``a | b`` stops when either does, ``a & b`` when both do."""

    needs: frozenset[str] = frozenset()
    """Names of the measurements that the rule reads."""

    @abstractmethod
    def __call__(self, progress: Progress) -> Verdict:
        """Judge every item."""

    @property
    def max_iter(self) -> float:
        """The iteration at which the rule stops every item at the latest, infinite if none."""
        return inf

    def __or__(self, other: Rule) -> Rule:
        return Either(self, other)

    def __and__(self, other: Rule) -> Rule:
        return Both(self, other)


@dataclass(frozen=True)
class MaxIter(Rule):
    """Stop after ``n`` iterations."""

    n: int

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or self.n < 0:
            raise ValueError(f"MaxIter expects a number of iterations >= 0, got {self.n!r}.")

    @property
    def max_iter(self) -> float:
        return self.n

    def __call__(self, progress: Progress) -> Verdict:
        return _limit(progress.iteration >= self.n, progress.items)


@dataclass(frozen=True)
class MaxSeconds(Rule):
    """Stop when ``seconds`` have passed since the loop began."""

    seconds: float

    def __post_init__(self) -> None:
        _positive(self, "seconds")

    def __call__(self, progress: Progress) -> Verdict:
        return _limit(progress.seconds >= self.seconds, progress.items)


@dataclass(frozen=True)
class _Threshold(Rule):
    """Converged where one measurement is at most ``tol``; NaN is not."""

    tol: float

    def __post_init__(self) -> None:
        _positive(self, "tol")

    def __call__(self, progress: Progress) -> Verdict:
        (key,) = self.needs
        value = progress.measured.get(key)
        met = torch.zeros(progress.items, dtype=torch.bool) if value is None else (value <= self.tol).cpu()
        return Verdict(met, met)


@dataclass(frozen=True)
class Gap(_Threshold):
    """Converged when the duality gap proves objective − optimum ≤ tol·objective."""

    needs = frozenset({"relative_gap"})


@dataclass(frozen=True)
class RelChange(_Threshold):
    """Stop when ‖x_k − x_{k−1}‖ ≤ tol·‖x_k‖; a heuristic: slow progress is not convergence."""

    needs = frozenset({"change"})


@dataclass(frozen=True)
class Discrepancy(Rule):
    """The discrepancy principle: converged when ‖(Ax − y)/σ‖² ≤ τ² m for m data, when noise explains the misfit.

    m counts real numbers, and only data that the operator can reach. Needs Gaussian noise of known σ. The loop measures
    it, so that every solver stops by it; it makes sense for those that approach the data as they go on (CGLS, SIRT,
    gradient methods from a smooth start), where it prevents fitting noise. τ slightly above 1 is usual.

    Source: Morozov, Soviet Math. Dokl. 7 (1966) 414.
    """

    tau: float = 1.0
    needs = frozenset({"discrepancy"})

    def __post_init__(self) -> None:
        _positive(self, "tau")

    def __call__(self, progress: Progress) -> Verdict:
        value = progress.measured.get("discrepancy")
        met = torch.zeros(progress.items, dtype=torch.bool) if value is None else (value <= self.tau**2).cpu()
        return Verdict(met, met)


@dataclass(frozen=True)
class Residuals(Rule):
    """Converged when the relative primal and dual residuals are both at most ``tol``."""

    tol: float
    needs = frozenset({"primal_residual", "dual_residual"})

    def __post_init__(self) -> None:
        _positive(self, "tol")

    def __call__(self, progress: Progress) -> Verdict:
        met = torch.full((progress.items,), bool(self.needs <= progress.measured.keys()))
        for key in self.needs & progress.measured.keys():
            met = met & (progress.measured[key] <= self.tol).cpu()
        return Verdict(met, met)


class _Pair(Rule):
    def __init__(self, first: Rule, second: Rule) -> None:
        self.first, self.second = first, second

    @property
    def needs(self) -> frozenset[str]:  # type: ignore[override]
        return self.first.needs | self.second.needs

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self.first, self.second))


class Either(_Pair):
    """Stop when one of two rules does; converged if a rule that stopped says so."""

    @property
    def max_iter(self) -> float:
        return min(self.first.max_iter, self.second.max_iter)

    def __call__(self, progress: Progress) -> Verdict:
        a, b = self.first(progress), self.second(progress)
        return Verdict(a.stop | b.stop, (a.stop & a.converged) | (b.stop & b.converged))

    def __repr__(self) -> str:
        return f"{self.first!r} | {self.second!r}"


class Both(_Pair):
    """Stop when two rules both do; converged if either calls it so."""

    @property
    def max_iter(self) -> float:
        return max(self.first.max_iter, self.second.max_iter)

    def __call__(self, progress: Progress) -> Verdict:
        a, b = self.first(progress), self.second(progress)
        return Verdict(a.stop & b.stop, a.converged | b.converged)

    def __repr__(self) -> str:
        return f"({self.first!r}) & ({self.second!r})"


@cache
def _limit(reached: bool, items: int) -> Verdict:
    return Verdict(torch.full((items,), reached), torch.zeros(items, dtype=torch.bool))


def _positive(rule: Rule, name: str) -> None:
    value = getattr(rule, name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(f"{type(rule).__name__} expects {name} > 0, got {value!r}.")
