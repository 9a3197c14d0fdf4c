"""From a parameter's annotation, as source, to the kind of value it accepts."""

from __future__ import annotations

import ast
from functools import cache

from recon.config.kinds import (
    Anything,
    Array,
    Choice,
    Component,
    File,
    Kind,
    ListOf,
    MapOf,
    Null,
    Object,
    Plain,
    Stop,
    union,
)
from recon.parameters import Parameter
from recon.registry import members, role_of, snake_case
from recon.signatures import ClassInfo, resolve_class
from recon.source import Module, resolve

RULE = "recon.solvers.stopping.Rule"

_NAMES: dict[str, Kind] = {
    "float": Plain("number"),
    "int": Plain("integer"),
    "bool": Plain("flag"),
    "str": Plain("text"),
    "complex": Plain("complex"),
    "None": Null(),
    "Path": File(),
    "PathLike": File(),
    "Tensor": Array(),
    "ndarray": Array(),
    "Any": Anything(),
    "object": Anything(),
}
_SEQUENCES = ("Sequence", "list", "tuple", "Iterable", "Collection", "frozenset", "set")
_MAPPINGS = ("Mapping", "dict", "MutableMapping")


def kind_of(parameter: Parameter) -> Kind:
    """What a constructor parameter accepts; anything where it has no annotation."""
    if parameter.annotation is None:
        return Anything()
    return _of(parameter.annotation, parameter.module)


@cache
def _of(node: ast.expr, module: Module) -> Kind:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return _of(ast.parse(node.value, mode="eval").body, module)
        return Null() if node.value is None else Anything()
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union([_of(node.left, module), _of(node.right, module)])
    if isinstance(node, ast.Subscript):
        return _generic(node, module)
    return _named(node, module)


def _generic(node: ast.Subscript, module: Module) -> Kind:
    name = ast.unparse(node.value).rpartition(".")[2]
    inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if name == "Literal":
        return Choice(tuple(ast.literal_eval(value) for value in inside))
    if name in ("Optional", "Union"):
        return union([*(_of(part, module) for part in inside), *([Null()] if name == "Optional" else [])])
    if name == "Annotated":
        return _of(inside[0], module)
    if name in _SEQUENCES:
        open_ended = len(inside) == 1 or ast.unparse(inside[-1]) == "..."
        length = len(inside) if name == "tuple" and ast.unparse(inside[-1]) != "..." else None
        kinds = [_of(part, module) for part in (inside[:1] if open_ended else inside)]
        return ListOf(union(kinds), length)
    if name in _MAPPINGS:
        return MapOf(_of(inside[-1], module))
    if name in ("Callable", "type"):
        return Object()
    return _named(node.value, module)


def _named(node: ast.expr, module: Module) -> Kind:
    name = ast.unparse(node)
    last = name.rpartition(".")[2]
    if last in _NAMES:
        return _NAMES[last]
    if last in _SEQUENCES:
        return ListOf(Anything())
    if last in _MAPPINGS:
        return MapOf(Anything())
    found = resolve(name, module)
    if found is not None and found[0] in found[1].assignments:
        return _of(found[1].assignments[found[0]], found[1])
    info = resolve_class(node, module)
    if info is None:
        return Object()
    if info.derives(RULE):
        return Stop()
    return Component((info.path,), word_for(info)) if members(info.path) else Object()


def word_for(info: ClassInfo) -> str:
    """How messages call an object of this class: by its role, else by its name."""
    return role_of(info) or snake_case(info.name).replace("_", " ")
