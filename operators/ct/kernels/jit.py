"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel: without the GIL, cached on disk where some folder can be written.

    A product and a sum may be fused into one rounding; nothing else of IEEE arithmetic is given up,
    so sums keep their order and a NaN in the input stays a NaN.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the installed folder nor the user's cache folder can be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
    with suppress(AttributeError):  # Numba would watch one file, but kernels inline helpers from their neighbours
        compiled._cache._cache_file._source_stamp = _sources()
    return compiled  # type: ignore[no-any-return]


def exact(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper whose every operation is rounded on its own, wherever it is inlined.

    Forward and adjoint kernels place rays with such helpers and so get the same bits.
    """
    return numba.njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


@cache
def _sources() -> str:
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
