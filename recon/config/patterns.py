"""Which combinations of a benchmark's grid are meant: ``on: {operator: blur-*}``, ``exclude: [{method: tv}]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from recon.config.errors import ConfigError, Mark, listed, suggestion
from recon.config.nodes import List, Map, Node, Scalar, shown

AXES = ("dataset", "operator", "noise", "method")


@dataclass(frozen=True)
class Filter:
    """Patterns per axis, one of which each named axis has to match."""

    patterns: Mapping[str, tuple[tuple[str, Mark], ...]]
    mark: Mark

    def admits(self, names: Mapping[str, str]) -> bool:
        """Whether the names of a combination match on every axis."""
        return all(any(fnmatchcase(names[axis], text) for text, _ in some) for axis, some in self.patterns.items())

    def check(self, known: Mapping[str, Sequence[str]]) -> None:
        """Refuse a pattern that matches no name there is."""
        for axis, some in self.patterns.items():
            for text, mark in some:
                if not any(fnmatchcase(name, text) for name in known[axis]):
                    end = suggestion(text, known[axis], "there are")
                    raise ConfigError(mark, f"{text!r} matches no {axis}{end}")


def read_filter(node: Node, owner: str, axes: Sequence[str] = AXES) -> Filter:
    """The filter that a mapping of axes to names describes."""
    if not isinstance(node, Map) or not node.entries:
        got = "an empty one" if isinstance(node, Map) else shown(node)
        raise ConfigError(node.mark, f"{owner} expects a mapping of {listed(axes)} to names, got {got}.")
    patterns = {}
    for key, value in node.entries.items():
        if key not in axes:
            raise ConfigError(node.keys[key], f"{owner} takes no {key!r}{suggestion(key, axes)}")
        items = value.items if isinstance(value, List) else (value,)
        if not items or not all(isinstance(item, Scalar) and item.value is not None for item in items):
            raise ConfigError(value.mark, f"{owner} expects a name or a list of names for {key!r}, got {shown(value)}.")
        patterns[key] = tuple((item.text, item.mark) for item in items if isinstance(item, Scalar))
    return Filter(patterns, node.mark)
