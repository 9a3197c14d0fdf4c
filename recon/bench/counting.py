"""How often operators and denoisers are called, counted only while somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from recon.operators.operator import Operator
from recon.priors.prior import Prior

COUNTED = {
    "apply": "forward",
    "apply_adjoint": "adjoint",
    "normal": "normal",
    "solve_normal": "solve_normal",
    "denoise": "denoise",
    "expectation": "denoise",
    "jvp": "forward",
    "vjp": "adjoint",
}
"""Method to what a call of it is counted as."""
_WHOLE = ("normal", "solve_normal", "denoise", "jvp", "vjp")
"""Methods inside which further calls belong to the one that is counted."""


@contextmanager
def counted(*objects: Operator | Prior | None) -> Iterator[Counter[str]]:
    """Counts of the calls of some objects inside the block.

    ``forward`` and ``adjoint`` are applications of A and Aᴴ, ``normal`` those of AᴴA as one, ``solve_normal`` closed
    forms of (AᴴA + ρI)⁻¹, ``denoise`` calls of a denoiser. A call for a batch counts once. What an operator's parts do,
    such as the subsets of its rays, is not seen.

    While the block runs the objects are of a subclass of their own class; outside it nothing is left that could cost.
    """
    count: Counter[str] = Counter()
    before = []
    for thing in objects:
        if thing is not None and type(thing) not in _MADE.values():
            before.append((thing, type(thing)))
            thing.__dict__["_counter"] = _Counter(count)
            thing.__class__ = _counting(type(thing))
    try:
        yield count
    finally:
        for thing, cls in before:
            thing.__class__ = cls
            del thing.__dict__["_counter"]


class _Counter:
    """A tally, and whether a counted call is under way."""

    def __init__(self, count: Counter[str]) -> None:
        self.count, self.inside = count, False


_MADE: dict[type, Any] = {}


def _counting(cls: type) -> Any:
    """A subclass whose methods count, made once."""
    if cls in _MADE:
        return _MADE[cls]
    methods = {name: _wrapped(name, kind) for name, kind in COUNTED.items() if hasattr(cls, name)}
    made = type(cls.__name__, (cls,), {**methods, "__module__": cls.__module__, "__qualname__": cls.__qualname__})
    _MADE[cls] = made
    return made


def _wrapped(name: str, kind: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        counter: _Counter = self.__dict__["_counter"]
        method = getattr(super(type(self), self), name)
        if counter.inside:
            return method(*args, **kwargs)
        counter.count[kind] += 1
        if name not in _WHOLE:
            return method(*args, **kwargs)
        counter.inside = True
        try:
            return method(*args, **kwargs)
        finally:
            counter.inside = False

    return call
