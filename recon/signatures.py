"""Classes read from their source files, without importing them: bases, constructor parameters, documentation.

Configurations are checked against these, so that a mistake is reported before torch has been imported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from recon.docstrings import parameter_notes, summary
from recon.parameters import Parameter, arguments, fields, literal
from recon.source import Module, read_file, read_module, resolve


@dataclass(frozen=True)
class ClassInfo:
    """One class as its source describes it."""

    module: Module
    node: ast.ClassDef = field(repr=False)

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def path(self) -> str:
        """Dotted import path."""
        return f"{self.module.name}.{self.node.name}"

    @cached_property
    def chain(self) -> tuple[ClassInfo, ...]:
        """The class and all its bases that can be read, most derived first."""
        chain: dict[str, ClassInfo] = {self.path: self}
        for base in self.node.bases:
            info = resolve_class(base, self.module)
            if info is not None:
                chain.update({c.path: c for c in info.chain if c.path not in chain})
        return tuple(chain.values())

    def derives(self, path: str) -> bool:
        """Whether the class of that import path is this one or among its bases."""
        return any(info.path == path for info in self.chain)

    def method(self, name: str) -> ast.FunctionDef | None:
        """A method, from the class or its bases."""
        for info in self.chain:
            for node in info.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return node
        return None

    def attribute(self, name: str, *, own: bool = False) -> Any:
        """A class attribute where it is a literal (a frozenset of literals included), else None.

        ``own`` leaves out what the class inherits.
        """
        for info in self.chain[:1] if own else self.chain:
            for node in info.node.body:
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    return literal(getattr(node, "value", None))
        return None

    @cached_property
    def abstract(self) -> bool:
        """Whether an abstract method is left, or the class is a protocol."""
        defined: set[str] = set()
        for info in self.chain:
            methods = [n for n in info.node.body if isinstance(n, ast.FunctionDef)]
            left = [n.name for n in methods if any("abstractmethod" in ast.unparse(d) for d in n.decorator_list)]
            if set(left) - defined:
                return True
            defined |= {n.name for n in methods}
        return any("Protocol" in ast.unparse(base) for base in self.node.bases)

    @property
    def is_dataclass(self) -> bool:
        """Whether the class itself carries the dataclass decorator."""
        return any("dataclass" in ast.unparse(d).partition("(")[0].split(".") for d in self.node.decorator_list)

    @cached_property
    def doc(self) -> str:
        """The docstring, cleaned."""
        return ast.get_docstring(self.node) or ""

    @property
    def summary(self) -> str:
        """What the class is in one sentence: its file's, where the file has it alone (records aside), else its own."""
        classes = [node for name, node in self.module.classes.items() if not name.startswith("_")]
        alone = [c for c in classes if "NamedTuple" not in map(ast.unparse, c.bases)] == [self.node]
        text = ast.get_docstring(self.module.tree) if alone else None
        return summary(text or self.doc)

    @property
    def variadic(self) -> bool:
        """Whether the constructor takes ``*args`` or ``**kwargs``, or cannot be found: its parameters are not known."""
        owner, init = self._builder
        if init is None and not owner.is_dataclass:
            return self.method("__new__") is not None
        return init is not None and (init.args.vararg is not None or init.args.kwarg is not None)

    @cached_property
    def _builder(self) -> tuple[ClassInfo, ast.FunctionDef | None]:
        """The class of the chain that has the constructor, and its ``__init__``; None where a dataclass writes it."""
        for info in self.chain:
            init = next((n for n in info.node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
            if init is not None or info.is_dataclass:
                return info, init
        return self, None

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """Constructor parameters in order, with the notes of the docstrings' Parameters sections."""
        owner, init = self._builder
        if init is not None:
            found = arguments(init, owner.module)
        else:
            declared: dict[str, Parameter | None] = {}
            for info in reversed(owner.chain):
                declared |= fields(info.node, info.module) if info.is_dataclass else {}
            found = {name: parameter for name, parameter in declared.items() if parameter is not None}
        notes: dict[str, str] = {}
        for info in reversed(self.chain):
            notes |= parameter_notes(info.doc)
        return {name: replace(parameter, note=notes.get(name, "")) for name, parameter in found.items()}


def resolve_class(expression: ast.expr, module: Module) -> ClassInfo | None:
    """The class that an expression (a name, a dotted name, or either subscripted) stands for, if it can be read."""
    if isinstance(expression, ast.Subscript):
        expression = expression.value
    found = resolve(ast.unparse(expression), module)
    if found is None:
        return None
    name, owner = found
    return class_info(owner, name) if name in owner.classes else None


@cache
def _class_info(module: str, path: Path, name: str) -> ClassInfo:
    owner = read_file(path, module)
    return ClassInfo(owner, owner.classes[name])


def class_info(module: Module, name: str) -> ClassInfo:
    """A class of a module."""
    return _class_info(module.name, module.path, name)


def find_class(path: str) -> ClassInfo | None:
    """The class of ``package.module.Class`` or ``/folder/file.py:Class``, if its source can be read."""
    owner, _, name = path.rpartition(":" if ":" in path else ".")
    module = read_file(Path(owner), Path(owner).stem) if ":" in path else read_module(owner)
    if module is None:
        return None
    found = resolve(name, module)
    return class_info(found[1], found[0]) if found and found[0] in found[1].classes else None
