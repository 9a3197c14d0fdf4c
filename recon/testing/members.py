"""The components there are, so that a new one is tested without being named anywhere else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


def members(base: type[T], package: str = "recon") -> tuple[type[T], ...]:
    """All concrete public classes derived from ``base`` in the imported modules of a package, by name.

    Abstract classes, classes whose name begins with an underscore and those of :mod:`recon.testing` are left out.
    """
    found = {cls for cls in _derived(base) if _public(cls, package)}
    return tuple(sorted(found, key=lambda cls: (cls.__name__, cls.__module__)))


def _derived(base: type[T]) -> Iterator[type[T]]:
    yield base
    for cls in type.__subclasses__(base):
        yield from _derived(cls)


def _public(cls: type, package: str) -> bool:
    inside = cls.__module__ == package or cls.__module__.startswith(f"{package}.")
    private = cls.__name__.startswith("_") or cls.__module__.startswith("recon.testing")
    return inside and not private and not inspect.isabstract(cls)
