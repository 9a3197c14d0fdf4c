"""Importing what a job names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any


def load(path: str) -> Any:
    """Import what ``my_package.MyClass`` or ``/folder/my_file.py:MyClass`` names."""
    if ":" in path:
        file, _, name = path.rpartition(":")
        return getattr(_module_of(Path(file)), name)
    _look_in(Path.cwd())
    owner, _, name = path.rpartition(".")
    return getattr(importlib.import_module(owner), name)


def _look_in(folder: Path) -> None:
    """Let imports find what lies in a folder, after everything else."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


@lru_cache
def _module_of(file: Path) -> Any:
    """A module from a file, which finds its neighbours and is found under its name by what it pickles."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    _look_in(file.parent)
    spec.loader.exec_module(module)
    return module
