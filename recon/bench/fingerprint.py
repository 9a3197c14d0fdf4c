"""The source code that results depend on, as one digest."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import recon
from recon.config.resolve import JobSpec
from recon.config.values import components, foreign
from recon.source import PACKAGE, Module, read_file, read_module, resolve

LOOP = "recon.solvers.iterate"
"""What every iterative method runs in."""
KERNELS = "kernels"
"""Name of the packages whose modules are found at run time, so that all of them count where one does."""


def job_fingerprint(job: JobSpec, keys: Iterable[str], more: Iterable[str] = ()) -> str:
    """Digest of the code behind some keys of a job.

    That of the classes that the job names, wherever it lies, and of all modules of this package that they import,
    directly or not; files in the same folder for classes in files; the version for other packages.
    """
    values = [job.spec.params[key] for key in keys]
    paths = {spec.path for spec in components(values)} | {spec.path for spec in foreign(values)}
    return digest_of(tuple(sorted({*paths, *more})))


@cache
def digest_of(paths: tuple[str, ...]) -> str:
    """Digest of the code behind some import paths of classes, functions or modules."""
    hasher = hashlib.blake2b(digest_size=16)
    files: dict[str, Path] = {}
    for path in paths:
        start = _start(path)
        if start is None:
            hasher.update(f"{path} {_package_version(path.partition('.')[0])}\0".encode())
        else:
            for name, module in _reached(start).items():
                files[name] = module.path
                files |= _kernels(module.path)
    for name in sorted(files):
        hasher.update(name.encode() + b"\0" + _digest(files[name]))
    return hasher.hexdigest()


@cache
def majors() -> str:
    """Major versions of this program, torch and numpy."""
    found = {"recon": recon.__version__, "torch": _package_version("torch"), "numpy": _package_version("numpy")}
    return " ".join(f"{name} {text.partition('.')[0]}" for name, text in found.items())


@cache
def _kernels(file: Path) -> dict[str, Path]:
    """All modules of the package of kernels that a file is part of, none if it is of no such package."""
    folder = next((parent for parent in file.parents if parent.name == KERNELS and PACKAGE in parent.parents), None)
    return {} if folder is None else {str(path.relative_to(PACKAGE)): path for path in sorted(folder.rglob("*.py"))}


@cache
def _digest(file: Path) -> bytes:
    return hashlib.blake2b(file.read_bytes(), digest_size=16).digest()


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _start(path: str) -> Module | None:
    """The module of a class, a function or a module of ours or in a file; None for other packages."""
    if ":" in path:
        file = Path(path.rpartition(":")[0])
        return read_file(file, file.stem)
    if path.partition(".")[0] != PACKAGE.name:
        return None
    return read_module(path) or read_module(path.rpartition(".")[0])


def _reached(start: Module) -> dict[str, Module]:
    found = {start.name: start}
    queue = [start]
    while queue:
        for module in _imported(queue.pop()):
            if module.name not in found:
                found[module.name] = module
                queue.append(module)
    return found


@cache
def _imported(module: Module) -> tuple[Module, ...]:
    """The modules that a module imports, at the top or inside functions, as far as they are ours or lie beside it."""
    return tuple(found for dotted in _names(module) if (found := _module_of(dotted, module)) is not None)


def _names(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def _module_of(dotted: str, importer: Module) -> Module | None:
    """Where an imported name is defined, found through lists of members such as ``recon.operators``."""
    first = dotted.strip(".").partition(".")[0]
    if first != PACKAGE.name:
        beside = importer.path.parent / f"{first}.py"
        ours = importer.path.is_relative_to(PACKAGE)
        return read_file(beside, first) if not ours and beside.is_file() else None
    itself = read_module(dotted)
    if itself is not None:
        return itself
    owner, _, name = dotted.rpartition(".")
    module = read_module(owner)
    if module is None or module.path.name != "__init__.py":
        return module
    found = resolve(name, module)
    return module if found is None else found[1]
