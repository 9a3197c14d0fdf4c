"""recon: reconstruct images from measurements with operators, priors and solvers on torch."""

from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

_ROOMS = ("operators", "priors", "solvers", "testing")


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return import_module(f"recon.{name}")
    raise AttributeError(f"module 'recon' has no attribute {name!r}")
