"""6-point Lagrange interpolation between two regular grids, and its exact transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.grid import place, span
from recon.operators.ct.kernels.cpu.jit import inlined, part
from recon.operators.ct.kernels.cpu.simd import LANES, gather, load, splat, store

Array = np.ndarray[Any, Any]


@part
def _nodes(start: float, step: float, first: int, last: int, node: Array, rest: Array) -> None:
    """Split the positions start + step·n into the first node of their stencil and 0 ≤ rest < 1."""
    for n in range(last - first):
        position = place(start, step, first + n)
        whole = np.int32(position)
        node[n] = whole - np.int32(2)
        rest[n] = position - whole
    for n in range(last - first, (last - first + LANES - 1) // LANES * LANES):
        node[n] = 0
        rest[n] = 0


@inlined
def _lagrange(t: Any, real: Any, weight: float) -> Any:
    """Weights of nodes 0 … 5 for the polynomial of degree 5 read at 2 + t, times ``weight``."""
    one, two, three = splat(real(1)), splat(real(2)), splat(real(3))
    a, b, c, d, e = t + two, t + one, t - one, t - two, t - three
    ab, de = a * b, d * e
    left, right = ab * t, c * de
    return (
        b * t * right * splat(real(-weight / 120)),
        a * t * right * splat(real(weight / 24)),
        ab * right * splat(real(-weight / 12)),
        left * de * splat(real(weight / 12)),
        left * c * e * splat(real(-weight / 24)),
        left * c * d * splat(real(weight / 120)),
    )


@inlined
def interpolate(
    source: Array, start: float, step: float, weight: float, node: Array, rest: Array, target: Array
) -> None:
    """target[n] = weight · source(start + step·n), zero where the stencil leaves the source.

    ``target`` has LANES − 1 entries to spare at its end; ``node`` (int32) and ``rest``, as long, are for scratch.
    """
    real = target.dtype.type
    count = target.shape[0] - LANES + 1
    first, last = span(start, step, count, 2.0, source.shape[0] - 3.0)
    for n in range(first):
        target[n] = 0
    _nodes(start, step, first, last, node, rest)
    for n in range(0, last - first, LANES):
        w0, w1, w2, w3, w4, w5 = _lagrange(load(rest, n), real, weight)
        k = load(node, n)
        total = w0 * gather(source, k, 0)
        total = total + w1 * gather(source, k, 1)
        total = total + w2 * gather(source, k, 2)
        total = total + w3 * gather(source, k, 3)
        total = total + w4 * gather(source, k, 4)
        total = total + w5 * gather(source, k, 5)
        store(target, first + n, total)
    for n in range(last, target.shape[0]):
        target[n] = 0


@inlined
def spread(
    source: Array,
    start: float,
    step: float,
    weight: float,
    node: Array,
    rest: Array,
    weights: Array,
    target: Array,
) -> None:
    """Add the transpose of :func:`interpolate` of ``source`` to ``target``.

    ``node`` (int32) and ``rest``, LANES − 1 longer than the source, and ``weights`` (6 · LANES) are for scratch.
    """
    real = target.dtype.type
    first, last = span(start, step, source.shape[0], 2.0, target.shape[0] - 3.0)
    _nodes(start, step, first, last, node, rest)
    for n in range(0, last - first, LANES):
        w0, w1, w2, w3, w4, w5 = _lagrange(load(rest, n), real, weight)
        store(weights, 0, w0)
        store(weights, LANES, w1)
        store(weights, 2 * LANES, w2)
        store(weights, 3 * LANES, w3)
        store(weights, 4 * LANES, w4)
        store(weights, 5 * LANES, w5)
        for e in range(min(LANES, last - first - n)):
            value = source[first + n + e]
            k = np.uint64(np.uint32(node[n + e]))
            i = np.uint64(e)
            target[k] += weights[i] * value
            target[k + np.uint64(1)] += weights[i + np.uint64(LANES)] * value
            target[k + np.uint64(2)] += weights[i + np.uint64(2 * LANES)] * value
            target[k + np.uint64(3)] += weights[i + np.uint64(3 * LANES)] * value
            target[k + np.uint64(4)] += weights[i + np.uint64(4 * LANES)] * value
            target[k + np.uint64(5)] += weights[i + np.uint64(5 * LANES)] * value
