"""Sweeps: ``{each: [...]}`` anywhere in a description stands for one description per entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from recon.config.errors import ConfigError
from recon.config.nodes import List, Map, Node, Scalar, shown

EACH = "each"


class Tag(NamedTuple):
    """Which entry of a sweep was taken: where the sweep stands, and what the entry is called."""

    path: tuple[str, ...]
    label: str


def variants(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[Node, tuple[Tag, ...]]]:
    """Every description that a node stands for, the cartesian product of its sweeps, the last one fastest."""
    if isinstance(node, Map) and EACH in node.entries:
        yield from _entries(node, path)
    elif isinstance(node, Map):
        parts = [list(variants(value, (*path, key))) for key, value in node.entries.items()]
        for chosen in product(*parts):
            entries = dict(zip(node.entries, (one for one, _ in chosen), strict=True))
            yield Map(node.mark, entries, node.keys), tuple(tag for _, tags in chosen for tag in tags)
    elif isinstance(node, List):
        parts = [list(variants(item, path)) for item in node.items]
        for chosen in product(*parts):
            yield List(node.mark, tuple(one for one, _ in chosen)), tuple(tag for _, tags in chosen for tag in tags)
    else:
        yield node, ()


def _entries(node: Map, path: tuple[str, ...]) -> Iterator[tuple[Node, tuple[Tag, ...]]]:
    for key, mark in node.keys.items():
        if key != EACH:
            raise ConfigError(mark, f"a sweep takes nothing beside 'each', got {key!r}.")
    values = node.entries[EACH]
    if not isinstance(values, List) or not values.items:
        raise ConfigError(values.mark, f"'each' expects a list of at least one entry, got {shown(values)}.")
    for item, label in zip(values.items, _labels(values.items), strict=True):
        outer = () if label is None else (Tag(path, label),)
        for one, tags in variants(item, path):
            yield one, (*outer, *tags)


def _labels(items: Sequence[Node]) -> list[str | None]:
    """What the entries of a sweep are called, by number where words do not tell them apart; None for inner sweeps."""
    numbers = range(1, len(items) + 1)
    labels = [_label(item, number) for item, number in zip(items, numbers, strict=True)]
    own = [label for label in labels if label is not None]
    if len(set(own)) == len(own):
        return labels
    return [None if label is None else str(number) for label, number in zip(labels, numbers, strict=True)]


def _label(node: Node, number: int) -> str | None:
    if isinstance(node, Scalar):
        return node.text or "null"
    if isinstance(node, Map):
        name = node.entries.get("id", node.entries.get("name"))
        return None if EACH in node.entries else name.text if isinstance(name, Scalar) else str(number)
    short = all(isinstance(item, Scalar) for item in node.items) and len(node.items) < 5
    return "x".join(item.text for item in node.items if isinstance(item, Scalar)) if short else str(number)


def suffix(tags: Sequence[Tag]) -> str:
    """What a variant adds to its name: ``-std=2,size=5``; parameters of one name with where they stand."""
    last = [tag.path[-1] if tag.path else "" for tag in tags]
    parts = []
    for tag, key in zip(tags, last, strict=True):
        name = ".".join(tag.path) if last.count(key) > 1 else key
        parts.append(tag.label if key in ("", "name") else f"{name}={tag.label}")
    return "-" + ",".join(parts) if parts else ""
