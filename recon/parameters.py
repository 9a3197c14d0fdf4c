"""Constructor parameters as the source of a class gives them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from recon.source import Module


class Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = Required()


@dataclass(frozen=True)
class Source:
    """A default that is an expression rather than a literal, such as ``MaxIter(200)``."""

    expression: str

    def __repr__(self) -> str:
        return self.expression


@dataclass(frozen=True)
class Parameter:
    """One constructor parameter; the annotation's names are to be looked up in ``module``."""

    name: str
    annotation: ast.expr | None
    default: Any
    module: Module
    note: str = ""

    @property
    def required(self) -> bool:
        """Whether the parameter has no default."""
        return isinstance(self.default, Required)

    @property
    def text(self) -> str:
        """As it stands in a signature, ``name: annotation = default``."""
        kind = "" if self.annotation is None else f": {ast.unparse(self.annotation)}"
        return self.name + kind + ("" if self.required else f" = {self.default!r}")


def arguments(init: ast.FunctionDef, module: Module) -> dict[str, Parameter]:
    """Arguments of ``__init__`` but the first."""
    a = init.args
    positional = [*a.posonlyargs, *a.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(a.defaults))
    pairs = [*zip(positional, [*defaults, *a.defaults], strict=True)][1:]
    pairs += zip(a.kwonlyargs, a.kw_defaults, strict=True)
    return {arg.arg: Parameter(arg.arg, arg.annotation, _default(value, module), module) for arg, value in pairs}


def fields(node: ast.ClassDef, module: Module) -> dict[str, Parameter | None]:
    """Fields of a dataclass, None for those that its constructor does not take."""
    found: dict[str, Parameter | None] = {}
    for entry in node.body:
        if not isinstance(entry, ast.AnnAssign) or not isinstance(entry.target, ast.Name):
            continue
        if "ClassVar" in ast.unparse(entry.annotation):
            continue
        name, value = entry.target.id, entry.value
        if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("field"):
            options = {k.arg: k.value for k in value.keywords}
            if literal(options.get("init")) is False:
                found[name] = None
                continue
            factory = options.get("default_factory")
            value = options.get("default")
            if factory is not None:
                empty = {"list": "[]", "dict": "{}", "tuple": "()"}.get(ast.unparse(factory))
                value = ast.parse(empty or f"{ast.unparse(factory)}()", mode="eval").body
        found[name] = Parameter(name, entry.annotation, _default(value, module), module)
    return found


def _default(value: ast.expr | None, module: Module) -> Any:
    if value is None:
        return REQUIRED
    if isinstance(value, ast.Name) and value.id in module.assignments:
        value = module.assignments[value.id]
    try:
        return ast.literal_eval(value)
    except ValueError:
        return Source(ast.unparse(value))


def literal(value: ast.expr | None) -> Any:
    """A literal, also wrapped in ``frozenset(...)``, else None."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) in ("frozenset", "set", "tuple") and len(value.args) < 2:
        value = value.args[0] if value.args else ast.Tuple([], ast.Load())
    if value is None:
        return None
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None
