"""Components that are not ours: ``my_package.MyPrior`` and ``my_file.py:MyPrior``, looked at without importing them."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

from recon.config.errors import ConfigError, suggestion
from recon.config.nodes import Scalar
from recon.signatures import ClassInfo, class_info, find_class
from recon.source import PACKAGE, read_file


def is_path(name: str) -> bool:
    """Whether a name is an import path rather than one of our short names."""
    return "." in name or ":" in name


def foreign(name: Scalar) -> tuple[str, ClassInfo | None]:
    """The import path (files made absolute), and the class where it is in a file or ours.

    A :class:`ConfigError` if the file or the package does not exist.
    """
    if ":" in name.text:
        return _in_file(name)
    top = name.text.partition(".")[0]
    if not all(part.isidentifier() for part in name.text.split(".")):
        raise ConfigError(name.mark, f"{name.text!r} is not an import path such as my_package.MyClass.")
    if top == PACKAGE.name:
        info = find_class(name.text)
        if info is None:
            raise ConfigError(name.mark, f"there is nothing to import at {name.text!r}.")
        return name.text, info
    if top not in sys.builtin_module_names and PathFinder.find_spec(top, [*sys.path, str(Path.cwd())]) is None:
        raise ConfigError(name.mark, f"there is no package {top!r} to import {name.text!r} from; install it first.")
    return name.text, None


def _in_file(name: Scalar) -> tuple[str, ClassInfo | None]:
    file, _, member = name.text.rpartition(":")
    path = (name.mark.folder / file).resolve()
    if not path.is_file():
        raise ConfigError(name.mark, f"{name.text!r} names the file {file!r}, which does not exist.")
    try:
        module = read_file(path, path.stem)
    except (SyntaxError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise ConfigError(name.mark, f"{file} is not valid Python{line}.") from None
    known = [*module.classes, *module.functions, *module.assignments, *module.imports]
    if member not in known:
        raise ConfigError(name.mark, f"{file} defines no {member!r}{suggestion(member, known, 'it defines')}")
    return f"{path}:{member}", class_info(module, member) if member in module.classes else None
