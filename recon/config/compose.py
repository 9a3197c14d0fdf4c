"""One tree out of a job, the files it is based on, and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recon.config.errors import ConfigError, Mark
from recon.config.nodes import List, Map, Node, Scalar, display, parse_yaml, read_yaml, shown


def compose(path: Path, overrides: Sequence[str] = ()) -> Map:
    """Read a job, put it over its bases (later ones win, the job wins over all), then apply the overrides."""
    tree = _with_bases(path, ())
    for text in overrides:
        tree = override(tree, text)
    return tree


def _with_bases(path: Path, chain: tuple[Path, ...]) -> Map:
    resolved = path.resolve()
    tree = read_yaml(path)
    if isinstance(tree, Scalar) and tree.value is None:
        raise ConfigError(display(path), "the file is empty; expected a job.")
    if not isinstance(tree, Map):
        raise ConfigError(tree.mark, f"expected a mapping of keys such as input and operator, got {shown(tree)}.")
    bases = tree.entries.get("base")
    if bases is None:
        return tree
    result: Map | None = None
    for node in bases.items if isinstance(bases, List) else (bases,):
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            raise ConfigError(node.mark, f"base expects file names, got {shown(node)}.")
        file = node.mark.folder / node.value
        if not file.is_file():
            raise ConfigError(node.mark, f"base names the file {node.value!r}, which does not exist.")
        if file.resolve() in (*chain, resolved):
            raise ConfigError(node.mark, f"base goes round in a circle: {node.value!r} is based on this file.")
        base = _with_bases(file, (*chain, resolved))
        result = base if result is None else merge(result, base)
    rest = Map(
        tree.mark,
        {key: value for key, value in tree.entries.items() if key != "base"},
        {key: mark for key, mark in tree.keys.items() if key != "base"},
    )
    return rest if result is None else merge(result, rest)


def merge(under: Map, over: Map) -> Map:
    """``over`` put over ``under``.

    Mappings merge key by key, except that a component with another name replaces the whole of the one below;
    everything else replaces.
    """
    entries, keys = dict(under.entries), {**under.keys, **over.keys}
    for key, new in over.entries.items():
        old = entries.get(key)
        both = isinstance(old, Map) and isinstance(new, Map) and _compatible(old, new)
        entries[key] = merge(old, new) if both else new  # type: ignore[arg-type]
    return Map(over.mark, entries, keys)


def _compatible(old: Map, new: Map) -> bool:
    a, b = old.entries.get("name"), new.entries.get("name")
    return b is None or (isinstance(a, Scalar) and isinstance(b, Scalar) and a.value == b.value)


def override(tree: Map, text: str) -> Map:
    """Apply one ``key.sub=value`` of the command line; the value is YAML, relative paths in it are the caller's."""
    path, equals, value = text.partition("=")
    mark = Mark(f"--set {text}")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ConfigError(mark, "expected key=value, such as solver.stop.max_iter=200.")
    node = parse_yaml(value, mark)
    return _put(tree, steps, node, mark)  # type: ignore[return-value]


def _put(tree: Node | None, steps: list[str], value: Node, mark: Mark) -> Node:
    """``tree`` with the value at the end of the steps; a component given by name alone becomes a mapping."""
    if not steps:
        return value
    first, *rest = steps
    if isinstance(tree, List):
        if not first.isdigit() or int(first) >= len(tree.items):
            raise ConfigError(mark, f"{first!r} is not an entry of the list, whose {len(tree.items)} count from 0.")
        items = list(tree.items)
        items[int(first)] = _put(items[int(first)], rest, value, mark)
        return List(tree.mark, tuple(items))
    if isinstance(tree, Scalar) and isinstance(tree.value, str):
        tree = Map(tree.mark, {"name": tree}, {"name": tree.mark})
    if not isinstance(tree, Map):
        tree = Map(mark, {}, {})
    inner = _put(tree.entries.get(first), rest, value, mark)
    return Map(tree.mark, {**tree.entries, first: inner}, {**tree.keys, first: tree.keys.get(first, mark)})
