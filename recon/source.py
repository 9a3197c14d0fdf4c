"""Source files read without importing them: what a module defines and imports, and where a name comes from."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class Module:
    """The top level of one source file."""

    name: str
    path: Path
    tree: ast.Module = field(repr=False)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    @cached_property
    def assignments(self) -> dict[str, ast.expr]:
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found[node.target.id] = node.value
        return found

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local name to dotted origin, of the imports outside functions."""
        found: dict[str, str] = {}
        for node in _top_level(self.tree.body):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                origin = node.module or ""
                if node.level:
                    package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
                    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                    origin = ".".join([*parents, *([node.module] if node.module else [])])
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{origin}.{alias.name}"
        return found


def _top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a module, those under ``if`` included."""
    return [inner for node in body for inner in (_top_level(node.body) if isinstance(node, ast.If) else [node])]


@cache
def read_file(path: Path, name: str) -> Module:
    """Parse one source file under a module name."""
    return Module(name, path, ast.parse(path.read_text(encoding="utf-8")))


def read_module(name: str) -> Module | None:
    """The module of that name: part of this package, or already imported; None if it cannot be read."""
    ours = _file_of(name)
    if ours is not None:
        return read_file(ours, name)
    origin = getattr(sys.modules.get(name), "__file__", None)
    if origin and origin.endswith(".py"):
        return read_file(Path(origin), name)
    return None


@cache
def _file_of(name: str) -> Path | None:
    """The file of a module of this package; None for other names."""
    root, *rest = name.split(".")
    stem = PACKAGE.joinpath(*rest)
    files = (stem / "__init__.py", stem.with_suffix(".py")) if root == PACKAGE.name else ()
    return next((path for path in files if path.is_file()), None)


def resolve(name: str, module: Module, seen: frozenset[str] = frozenset()) -> tuple[str, Module] | None:
    """Follow a (possibly dotted) name to the module that defines it, through re-exports."""
    first, _, rest = name.partition(".")
    if not rest and (name in module.classes or name in module.assignments):
        return name, module
    origin = module.imports.get(first)
    if origin is None:
        return None
    dotted = f"{origin}.{rest}" if rest else origin
    owner, _, last = dotted.rpartition(".")
    if dotted in seen or not owner:
        return None
    found = read_module(owner)
    return None if found is None else resolve(last, found, seen | {dotted})
