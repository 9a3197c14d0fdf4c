"""Array parameters: numbers, evenly spaced values, a file, or an array that comes with each item."""

from __future__ import annotations

from typing import Any

from recon.config.errors import ConfigError, suggestion
from recon.config.nodes import List, Map, Node, Scalar, plain
from recon.config.values import FIRST_GUESS, FROM_FILE, ArraySpec
from recon.registry import members

SPAN = ("start", "stop", "count")
FILE = ("file", "key", "index")
IMAGES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")
READER = "recon.files.reader.Reader"


def check_array(node: Node, owner: str, name: str) -> ArraySpec | None:
    """What the node says about an array; None if it is no such thing, a :class:`ConfigError` if it is a bad one."""
    if isinstance(node, Map):
        if "file" in node.entries or set(node.entries) <= set(FILE):
            return _file(node, owner, name)
        return _span(node, owner, name) if "count" in node.entries or set(node.entries) <= set(SPAN) else None
    if isinstance(node, List):
        _rectangular(node, owner, name)
        return ArraySpec(node.mark, name, "numbers", plain(node))
    if isinstance(node.value, str):
        if node.value == FROM_FILE:
            return ArraySpec(node.mark, name, "item")
        if node.value == FIRST_GUESS:
            return ArraySpec(node.mark, name, "guess")
        return _existing(node, node, owner, name) if _names_a_file(node.value) else None
    if isinstance(node.value, bool) or node.value is None:
        return None
    return ArraySpec(node.mark, name, "numbers", node.value)


def _names_a_file(text: str) -> bool:
    """Whether a word looks like a file that one of the readers knows."""
    known = [suffix for member in members(READER) for suffix in member.info.attribute("suffixes") or ()]
    return "/" in text or text.lower().endswith((*IMAGES, *known))


def _existing(node: Node, path: Scalar, owner: str, name: str, **where: Any) -> ArraySpec:
    file = path.mark.folder / path.text
    if not file.is_file():
        raise ConfigError(path.mark, f"{owner} takes {name!r} from the file {path.text!r}, which does not exist.")
    return ArraySpec(node.mark, name, "file", file, **where)


def _file(node: Map, owner: str, name: str) -> ArraySpec:
    _keys(node, FILE, owner, name)
    path = node.entries.get("file")
    if not isinstance(path, Scalar) or not isinstance(path.value, str):
        raise ConfigError(node.mark, f"{owner} expects {name!r} to name a file, as {{file: psf.npy, key: data}}.")
    index = plain(node.entries["index"]) if "index" in node.entries else None
    entries = index if isinstance(index, list) else [index]
    if index is not None and not all(isinstance(i, int) and not isinstance(i, bool) for i in entries):
        raise ConfigError(
            node.entries["index"].mark, f"{owner} expects whole numbers for 'index' of {name!r}, got {index!r}."
        )
    key = plain(node.entries["key"]) if "key" in node.entries else None
    return _existing(
        node,
        path,
        owner,
        name,
        key=None if key is None else str(key),
        index=tuple(index) if isinstance(index, list) else index,
    )


def _span(node: Map, owner: str, name: str) -> ArraySpec:
    _keys(node, SPAN, owner, name)
    values: list[Any] = [plain(node.entries[key]) if key in node.entries else None for key in SPAN]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        raise ConfigError(node.mark, f"{owner} expects numbers for start, stop and count of {name!r}.")
    if values[2] != int(values[2]) or values[2] < 1:
        raise ConfigError(
            node.entries["count"].mark, f"{owner} expects a count of at least 1 for {name!r}, got {values[2]}."
        )
    return ArraySpec(node.mark, name, "span", (float(values[0]), float(values[1]), int(values[2])))


def _keys(node: Map, known: tuple[str, ...], owner: str, name: str) -> None:
    for key, mark in node.keys.items():
        if key not in known:
            raise ConfigError(mark, f"the array {name!r} of {owner} takes no {key!r}{suggestion(key, known)}")


def _rectangular(node: List, owner: str, name: str) -> tuple[int, ...]:
    """The shape of nested lists of numbers."""
    shapes = set()
    for item in node.items:
        if isinstance(item, List):
            shapes.add(_rectangular(item, owner, name))
        elif isinstance(item, Scalar) and isinstance(item.value, int | float) and not isinstance(item.value, bool):
            shapes.add(())
        else:
            raise ConfigError(item.mark, f"{owner} expects numbers in the array {name!r}, got {plain(item)!r}.")
    if len(shapes) != 1:
        raise ConfigError(node.mark, f"{owner} expects rows of equal length in the array {name!r}.")
    return (len(node.items), *shapes.pop())
