"""Parameters that a benchmark finds on validation items: ``lam: {tune: [1e-3, 1e-1]}``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import List, Map, Node, Scalar, plain, shown

TUNE = "tune"


@dataclass(frozen=True)
class Tune:
    """A parameter to be found.

    Attributes
    ----------
    path
        Keys and places in lists that lead to it in its method.
    low, high
        Ends of the range, searched on a logarithmic scale.
    values
        The values to choose from, instead of a range; else empty.
    """

    path: tuple[str | int, ...]
    low: float
    high: float
    values: tuple[float, ...]
    mark: Mark

    @property
    def name(self) -> str:
        """The parameter as messages call it: ``prior.lam``."""
        return ".".join(map(str, self.path))

    @property
    def middle(self) -> float:
        """A value within the range."""
        return self.values[0] if self.values else (self.low * self.high) ** 0.5

    def plain(self) -> dict[str, Any]:
        """As it would be written."""
        return {TUNE: {"values": list(self.values)} if self.values else [self.low, self.high]}


def find_tune(method: Map) -> Tune | None:
    """The one parameter of a method that is to be found, None if there is none."""
    found = list(_find(method, ()))
    if len(found) > 1:
        raise ConfigError(found[1].mark, f"a method has one parameter to tune at most, and {found[0].name} is one.")
    return found[0] if found else None


def with_value(method: Map, tune: Tune, value: float) -> Map:
    """The method with a value in place of the parameter."""
    changed = _put(method, tune.path, Scalar(tune.mark, value, repr(value)))
    assert isinstance(changed, Map)
    return changed


def _find(node: Node, path: tuple[str | int, ...]) -> Iterator[Tune]:
    if isinstance(node, Map) and TUNE in node.entries:
        yield _read(node, path)
    elif isinstance(node, Map):
        for key, value in node.entries.items():
            yield from _find(value, (*path, key))
    elif isinstance(node, List):
        for place, item in enumerate(node.items):
            yield from _find(item, (*path, place))


def _read(node: Map, path: tuple[str | int, ...]) -> Tune:
    for key, mark in node.keys.items():
        if key != TUNE:
            raise ConfigError(mark, f"a parameter to tune takes nothing beside 'tune', got {key!r}.")
    inner = node.entries[TUNE]
    if isinstance(inner, Map) and set(inner.entries) == {"values"}:
        values = _numbers(inner.entries["values"])
        if len(values) >= 2:
            return Tune(path, min(values), max(values), values, node.mark)
    else:
        bounds = _numbers(inner)
        if len(bounds) == 2 and 0 < bounds[0] < bounds[1]:
            return Tune(path, bounds[0], bounds[1], (), node.mark)
    raise ConfigError(
        inner.mark, f"'tune' expects [low, high] with 0 < low < high, or {{values: [...]}}, got {shown(inner)}."
    )


def _numbers(node: Node) -> tuple[float, ...]:
    values = plain(node)
    fine = isinstance(values, list) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return tuple(float(v) for v in values) if fine and all(isfinite(v) for v in values) else ()


def _put(node: Node, path: tuple[str | int, ...], value: Node) -> Node:
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(node, List):
        assert isinstance(first, int)
        items = list(node.items)
        items[first] = _put(items[first], rest, value)
        return List(node.mark, tuple(items))
    assert isinstance(node, Map)
    assert isinstance(first, str)
    return Map(node.mark, {**node.entries, first: _put(node.entries[first], rest, value)}, node.keys)
