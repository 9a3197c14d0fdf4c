"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba

_INTERNAL = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel: without the GIL, cached on disk where some folder can be written.

    A product and a sum may be fused into one rounding; nothing else of IEEE arithmetic is given up,
    so sums keep their order and a NaN in the input stays a NaN.
    """
    return _cached(function, {})


def lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """:func:`kernel` for those that allocate nothing: references to arrays are not counted, which compiles sooner."""
    return _cached(function, {"_nrt": False})


def _cached(function: Callable[..., Any], more: dict[str, Any]) -> Callable[..., Any]:
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}, "no_cfunc_wrapper": True, **more}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the installed folder nor the user's cache folder can be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
    with suppress(AttributeError):  # Numba would watch one file, but kernels inline helpers from their neighbours
        compiled._cache._cache_file._source_stamp = _sources()
    return compiled  # type: ignore[no-any-return]


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a piece of a kernel, with the same arithmetic, that becomes part of its callers and allocates nothing.

    References to its arrays are not counted, which would cost as much as its few hundred cycles.
    """
    rules = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}, "forceinline": True}
    return numba.njit(**rules, **_INTERNAL)(function)  # type: ignore[no-any-return]


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper whose every operation is rounded on its own, wherever it is inlined.

    Forward and adjoint kernels place rays with such helpers and so get the same bits.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": False}  # unset, it would be the calling kernel's
    return numba.njit(**options)(function)  # type: ignore[no-any-return]


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """:func:`exact` for helpers that only kernels call and that allocate nothing.

    References to its arrays are not counted, and nothing is compiled by which Python could call it, which would take
    as long as the helper.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": False}
    return numba.njit(**options, **_INTERNAL)(function)  # type: ignore[no-any-return]


@cache
def _sources() -> str:
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
