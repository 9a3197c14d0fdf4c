"""Running laws on a component, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Law = Callable[..., str]
"""A law takes the component at hand, raises AssertionError with one sentence where it is broken, and returns what it
measured."""

Outcome = Literal["passed", "failed", "not applicable"]


class NotApplicable(Exception):
    """Raised by a law that has nothing to say about the component at hand; the message says why."""


@dataclass(frozen=True)
class LawResult:
    """What one law found.

    Attributes
    ----------
    law
        Name of the law.
    outcome
        ``"passed"``, ``"failed"`` or ``"not applicable"``.
    detail
        The measured figure, the broken sentence, or why the law does not apply.
    statement
        The law itself, in one line.
    seconds
        Time it took.
    error
        The exception of a broken law.
    """

    law: str
    outcome: Outcome
    detail: str
    statement: str
    seconds: float
    error: Exception | None = None


@dataclass(frozen=True)
class Report:
    """The outcome of every law on one component.

    Attributes
    ----------
    subject
        The component, as errors call it.
    results
        One entry per law, in the order they ran.
    """

    subject: str
    results: tuple[LawResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no law is broken."""
        return not self.failures

    @property
    def failures(self) -> tuple[LawResult, ...]:
        """The broken laws."""
        return tuple(result for result in self.results if result.outcome == "failed")

    def raise_failures(self) -> None:
        """Raise AssertionError with one line per broken law, if there are any."""
        if self.passed:
            return
        lines = [f"{self.subject} breaks {len(self.failures)} of {len(self.results)} laws."]
        lines += [f"  {result.law}: {result.detail}" for result in self.failures]
        raise AssertionError("\n".join(lines)) from self.failures[0].error

    def __str__(self) -> str:
        marks = {"passed": "ok", "failed": "FAILED", "not applicable": "-"}
        width = max((len(result.law) for result in self.results), default=0)
        rows = [f"  {r.law:<{width}}  {marks[r.outcome]:<6}  {r.detail}" for r in self.results]
        return "\n".join([self.subject, *rows])


def run_laws(
    subject: str,
    laws: Sequence[Law],
    *arguments: Any,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Run laws on the same arguments.

    Parameters
    ----------
    subject
        How the report calls the component.
    laws
        The laws; :func:`law_name` gives their names.
    arguments
        What every law is called with.
    only, skip
        Names of laws to run, all by default, and of laws to leave out.
    collect
        Return a report with broken laws in it rather than raise AssertionError.

    Errors: ValueError for a name that is no law's; AssertionError if a law is broken and ``collect`` is false.
    """
    names = {law_name(law): law for law in laws}
    unknown = sorted({*(only or ()), *skip} - names.keys())
    if unknown:
        raise ValueError(f"there is no law {unknown[0]!r} here; the laws are {', '.join(names)}.")
    chosen = {name: law for name, law in names.items() if (only is None or name in only) and name not in skip}
    report = Report(subject, tuple(_run(name, law, arguments) for name, law in chosen.items()))
    if not collect:
        report.raise_failures()
    return report


def law_name(law: Law) -> str:
    """The name of a law, also of one with some arguments filled in."""
    while isinstance(law, partial):
        law = law.func
    return law.__name__


def _run(name: str, law: Law, arguments: Sequence[Any]) -> LawResult:
    function = law.func if isinstance(law, partial) else law
    statement = (function.__doc__ or "").strip().split("\n", 1)[0]
    start = time.perf_counter()
    error: Exception | None = None
    outcome: Outcome
    try:
        outcome, detail = "passed", law(*arguments)
    except NotApplicable as reason:
        outcome, detail = "not applicable", str(reason)
    except AssertionError as broken:
        outcome, detail, error = "failed", str(broken), broken
    except Exception as crash:
        outcome, error = "failed", crash
        detail = f"raised {type(crash).__name__}: {(str(crash).strip() or 'no message').splitlines()[0]}"
    return LawResult(name, outcome, detail, statement, time.perf_counter() - start, error)


def largest(*values: float) -> float:
    """The largest value, NaN if one is NaN: a law broken by NaN must not pass for the lack of a comparison."""
    return float("nan") if any(value != value for value in values) else max(values)


def at_most(measured: float, tolerance: float, what: str) -> str:
    """Assert ``measured`` ≤ ``tolerance`` in a sentence that begins with ``what``; return the figures."""
    if not measured <= tolerance:
        raise AssertionError(f"{what}: measured {measured:.2g}, allowed {tolerance:.2g}.")
    return f"{measured:.1e} ≤ {tolerance:.0e}"
