"""Errors in configurations: where, what, and the nearest thing that would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path


@dataclass(frozen=True)
class Mark:
    """A place in a job: a file with line and column (counted from 1), or an option of the command line.

    Attributes
    ----------
    file
        The file as the user named it, or the option.
    folder
        What relative paths written at this place are relative to.
    """

    file: str
    line: int = 0
    column: int = 0
    folder: Path = Path()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class ConfigError(Exception):
    """A job that cannot run, in one sentence that begins with the place."""

    def __init__(self, mark: Mark | str, message: str) -> None:
        super().__init__(f"{mark}: {message}")
        self.mark, self.message = mark, message

    def __reduce__(self) -> tuple[type[ConfigError], tuple[Mark | str, str]]:
        return type(self), (self.mark, self.message)


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice that looks most like ``name``, None if none does."""
    by_key: dict[str, list[str]] = {}
    for choice in choices:
        by_key.setdefault(choice.casefold().replace("-", "_"), []).append(choice)
    close = get_close_matches(name.casefold().replace("-", "_"), by_key, n=1, cutoff=0.6)
    return max(by_key[close[0]], key=lambda choice: SequenceMatcher(None, name, choice).ratio()) if close else None


MANY = 12
"""Names beyond which a message points to ``recon info`` instead of listing them."""


def suggestion(name: str, choices: Iterable[str], label: str = "it takes") -> str:
    """The end of a sentence about a wrong name: ``"; did you mean 'lam'?"``, or what there is to choose from."""
    known = list(choices)
    close = nearest(name, known)
    if close is not None:
        return f"; did you mean {close!r}?"
    if len(known) > MANY:
        return "; recon info lists them all."
    return f"; {label} {listed(known)}." if known else "."


def listed(words: Iterable[str]) -> str:
    """``'a', 'b' and 'c'``."""
    quoted = [repr(word) for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
