"""The anatomy of a solver: frozen settings, and four functions of a state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.result import Result
from recon.solvers.stopping import FROM_LOOP, MaxIter, Rule

BiasClass = Literal["exact", "predictable bias", "heuristic", "point estimate"]


@dataclass(frozen=True, kw_only=True)
class Solver(ABC):
    """Settings of an iterative method; it holds no tensors and no history.

    A state is a NamedTuple (nested tuples allowed) of tensors whose first dimension runs over the items of a
    flattened problem. :func:`recon.solvers.iterate` runs the loop.

    Parameters
    ----------
    stop
        Stopping rule.
    check_every
        Measure (objective, residuals, gap) every so many iterations, and at the last one. Stopping rules that read
        measurements act then; limits and divergence act at once.
    """

    names: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[BiasClass] = "point estimate"
    measures: ClassVar[frozenset[str]] = frozenset({"change"})
    schedule: ClassVar[bool] = False
    """Whether the iteration count is the method's own schedule, so that running through it is completion."""

    warm_start: ClassVar[bool] = True
    """Whether a job may start from a first guess: not where the start shapes the answer."""

    stop: Rule = MaxIter(200)
    check_every: int = 20

    def __post_init__(self) -> None:
        if isinstance(self.check_every, bool) or not isinstance(self.check_every, int) or self.check_every < 1:
            raise ValueError(f"{self.name} expects check_every >= 1, got {self.check_every!r}.")
        if not isinstance(self.stop, Rule):
            raise TypeError(f"{self.name} expects a stopping rule such as MaxIter(100), got {self.stop!r}.")
        missing = self.stop.needs - self.measures - FROM_LOOP
        if missing:
            raise ValueError(
                f"{self.name} does not measure {', '.join(sorted(missing))}, which its rule {self.stop!r} needs; "
                f"it measures {', '.join(sorted(self.measures))}."
            )

    @property
    def name(self) -> str:
        """How errors and reports call this solver."""
        return type(self).__name__

    def require(self, problem: Problem) -> None:  # noqa: B027  (optional)
        """Raise, in one sentence, if the operator or the prior lacks what the method needs."""

    def settled(self, problem: Problem) -> Solver:
        """The solver that runs: this one, or the one that it picks for the problem."""
        return self

    @abstractmethod
    def init(self, problem: Problem, initial: Tensor | None = None) -> Any:
        """The state before the first iteration; ``initial`` is a starting image per item."""

    @abstractmethod
    def step(self, problem: Problem, state: Any) -> Any:
        """One iteration: a new state, the old one untouched."""

    @abstractmethod
    def image(self, state: Any) -> Tensor:
        """The reconstruction in a state."""

    def measure(self, problem: Problem, state: Any) -> dict[str, Tensor]:
        """Measurements per item, for stopping and history."""
        return {}

    def solve(self, problem: Problem, initial: Tensor | None = None, **options: Any) -> Result:
        """Run the loop; see :func:`recon.solvers.iterate` for the options."""
        from recon.solvers.iterate import iterate

        return iterate(self, problem, initial, **options)

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        """Small problems with settings that solve them; the law suites run on these."""
        raise TypeError(f"{cls.__name__} gives no examples for the law suites.")
