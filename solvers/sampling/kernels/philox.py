"""Philox 4×32-10 on the CPU, and Gaussian numbers in single precision, compiled."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from math import floor, sqrt
from typing import Any

import numba
import numpy as np

PART = 64
"""Blocks of four numbers that are made at a time: what they need stays near the core."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder for the cache can be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


@_compiled
def rounds(k0: Any, k1: Any, block: Any, step: Any, stream: Any) -> tuple[Any, Any, Any, Any]:
    """Four words for the counter (block, step, stream mod 2³², stream ≫ 32); everything is uint64."""
    mask = np.uint64(0xFFFFFFFF)
    high = np.uint64(32)
    first, second = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
    weyl0, weyl1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
    c0, c1, c2, c3 = block, step & mask, stream & mask, stream >> high
    for _ in range(10):
        p0, p1 = first * c0, second * c2
        c0, c1, c2, c3 = (p1 >> high) ^ c1 ^ k0, p1 & mask, (p0 >> high) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + weyl0) & mask, (k1 + weyl1) & mask
    return c0, c1, c2, c3


@_compiled
def uniforms(key: np.ndarray, streams: np.ndarray, steps: np.ndarray, out: np.ndarray) -> None:
    """Numbers (w + ½)/2³² in (0, 1) of the words w₀, w₂ (first) and w₁, w₃ (second) of each block.

    Parameters
    ----------
    key
        uint64, (2,): the two words of the seed.
    streams, steps
        uint64, (items,): as for :func:`rounds`.
    out
        float64, (2, items, blocks, 2).
    """
    scale = 1.0 / 4294967296.0
    for item in range(out.shape[1]):
        for block in range(out.shape[2]):
            c0, c1, c2, c3 = rounds(key[0], key[1], np.uint64(block), steps[item], streams[item])
            out[0, item, block, 0] = (np.float64(c0) + 0.5) * scale
            out[1, item, block, 0] = (np.float64(c1) + 0.5) * scale
            out[0, item, block, 1] = (np.float64(c2) + 0.5) * scale
            out[1, item, block, 1] = (np.float64(c3) + 0.5) * scale


@_compiled
def _normals(key: np.ndarray, streams: np.ndarray, steps: np.ndarray, out: np.ndarray) -> None:
    words = np.empty((4, PART), np.uint32)
    made = np.empty((4, PART), np.float32)
    items, numbers = out.shape
    for item in range(items):
        for base in range(0, (numbers + 3) // 4, PART):
            _words(words, key[0], key[1], base, steps[item], streams[item])
            _box_muller(words[0], words[1], made[0], made[1])
            _box_muller(words[2], words[3], made[2], made[3])
            _store(made, out[item, 4 * base : 4 * (base + PART)])


# Functions of their own for the loops: as one function they would not be vectorised.


@_compiled
def _words(words: np.ndarray, k0: Any, k1: Any, base: int, step: Any, stream: Any) -> None:
    for j in range(words.shape[1]):
        c0, c1, c2, c3 = rounds(k0, k1, np.uint64(base + j), step, stream)
        words[0, j] = np.uint32(c0)
        words[1, j] = np.uint32(c1)
        words[2, j] = np.uint32(c2)
        words[3, j] = np.uint32(c3)


@_compiled
def _store(made: np.ndarray, out: np.ndarray) -> None:
    n = made.shape[1]
    if len(out) == 4 * n:
        for j in range(n):
            out[4 * j] = made[0, j]
            out[4 * j + 1] = made[1, j]
            out[4 * j + 2] = made[2, j]
            out[4 * j + 3] = made[3, j]
    else:
        for j in range(len(out)):
            out[j] = made[j % 4, j // 4]


@_compiled
def _box_muller(radial: np.ndarray, angular: np.ndarray, cosines: np.ndarray, sines: np.ndarray) -> None:
    """(−2 log u)^½ (cos 2πv, sin 2πv) with u = (w + ½)/2³² and v = w′/2³² up to rounding.

    Polynomials of log, sine and cosine for single precision: Moshier's Cephes library.
    """
    f, n = np.float32, len(radial)
    fraction = np.empty(n, np.float32)
    bits = fraction.view(np.int32)
    for j in range(n):
        fraction[j] = f(radial[j]) + f(0.5)
    for j in range(n):  # 2^e times a number in [√½, √2)
        exponent = (bits[j] - np.int32(0x3F3504F3)) >> np.int32(23)
        bits[j] -= exponent << np.int32(23)
        cosines[j] = f(exponent - np.int32(32))
    for j in range(n):
        x, e = fraction[j] - f(1), cosines[j]
        z = x * x
        p = f(7.0376836292e-2) * x - f(1.1514610310e-1)
        p = p * x + f(1.1676998740e-1)
        p = p * x - f(1.2420140846e-1)
        p = p * x + f(1.4249322787e-1)
        p = p * x - f(1.6668057665e-1)
        p = p * x + f(2.0000714765e-1)
        p = p * x - f(2.4999993993e-1)
        p = p * x + f(3.3333331174e-1)
        log = x + (x * z * p - e * f(2.12194440e-4) - f(0.5) * z) + e * f(0.693359375)
        cosines[j] = f(sqrt(max(f(-2) * log, f(0))))
    for j in range(n):
        v = f(np.int32(angular[j])) * f(2.0**-32)  # a turn less where v ≥ ½
        quarter = f(floor(f(4) * v + f(0.5)))
        t = (v - f(0.25) * quarter) * f(6.283185307179586)
        z = t * t
        sine = ((f(-1.9515295891e-4) * z + f(8.3321608736e-3)) * z - f(1.6666654611e-1)) * z * t + t
        cosine = (f(2.443315711809948e-5) * z - f(1.388731625493765e-3)) * z + f(4.166664568298827e-2)
        cosine = cosine * z * z - f(0.5) * z + f(1)
        k, radius = np.int32(quarter), cosines[j]
        odd = k & np.int32(1)
        c, s = (sine, cosine) if odd else (cosine, sine)
        cosines[j] = radius * (-c if (k + np.int32(1)) & np.int32(2) else c)
        sines[j] = radius * (-s if k & np.int32(2) else s)


def _called(seed: Any, streams: Any, steps: Any, out: Any, items: Any, numbers: Any) -> None:
    key = np.empty(2, np.uint64)
    key[0], key[1] = seed & np.uint64(0xFFFFFFFF), seed >> np.uint64(32)
    _normals(key, numba.carray(streams, items), numba.carray(steps, items), numba.carray(out, (items, numbers)))


@cache
def normals() -> Callable[[int, int, int, int, int, int], None]:
    """White Gaussian numbers from the words w₀, w₁ and w₂, w₃ of each block, as a function to call with addresses.

    ``normals()(seed, streams, steps, out, items, numbers)``: the lowest 64 bits of the seed; the addresses of uint64
    (items,) twice, where the counter is (block, step, stream mod 2³², stream ≫ 32), and of float32 (items, numbers). A
    call by addresses is spared the conversion of tensors to arrays, which noise for small images would notice.
    """
    signature = "void(uint64, CPointer(uint64), CPointer(uint64), CPointer(float32), int64, int64)"
    options = {"nopython": True, "error_model": "numpy"}
    try:
        native = numba.cfunc(signature, cache=True, **options)(_called)
    except RuntimeError:  # no folder for the cache can be written
        native = numba.cfunc(signature, **options)(_called)
    kinds = (ctypes.c_uint64, *(ctypes.c_void_p,) * 3, *(ctypes.c_int64,) * 2)
    call = ctypes.CFUNCTYPE(None, *kinds)(native.address)
    call.owner = native  # type: ignore[attr-defined]  # which the address needs
    return call
