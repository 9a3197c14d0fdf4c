"""Orthogonal wavelet filters, computed to full double precision."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from math import comb

import numpy as np

Complex = tuple[Decimal, Decimal]

MAX_ORDER = 20

# Which zeros lie outside the unit circle in the filters commonly called sym2 ... sym20 (as in PyWavelets and Matlab);
# one digit a zero in the closed upper half plane, by increasing argument. The tables follow Daubechies, Ten Lectures
# on Wavelets (1992), section 8.1.1, but no single measure of asymmetry reproduces all of them.
_OUTSIDE = (
    *("0", "0", "01", "10", "101", "100", "0101", "0110", "10101", "01100", "101010", "001110"),
    *("0011010", "0011100", "10011010", "01110001", "101100101", "001011100", "1010011010"),
)


@lru_cache(maxsize=64)
def scaling_filter(wavelet: str) -> tuple[float, ...]:
    """The scaling (reconstruction low-pass) filter h of an orthogonal wavelet, Σh = √2, ‖h‖ = 1.

    Daubechies' construction: h(z) = √2 ((1 + z⁻¹)/2)ᴺ q(z⁻¹) where |q|² = P(y) = Σ_k C(N−1+k, k) yᵏ, k < N, in
    y = sin²(ω/2). Each zero y of P is a pair z, 1/z with z + 1/z = 2 − 4y. ``db`` takes the one inside the unit circle
    throughout (extremal phase), ``sym`` the choice that makes the filter least asymmetric. Zeros are refined in
    60-digit arithmetic, so that every coefficient is correctly rounded.

    Parameters
    ----------
    wavelet
        ``"haar"``, ``"db1"`` ... ``"db20"`` (length 2N) or ``"sym2"`` ... ``"sym20"``.

    Source: I. Daubechies, Comm. Pure Appl. Math. 41 (1988) 909, and Ten Lectures on Wavelets, SIAM 1992, chapters 6, 8.
    """
    family, order = _parse(wavelet)
    with localcontext() as context:
        context.prec = 60
        zeros = _zeros(order)
        if family == "sym":
            chosen = _OUTSIDE[order - 2]
            zeros = [_reciprocal(z) if out == "1" else z for z, out in zip(zeros, chosen, strict=True)]
        taps = [Decimal(1)]
        for _ in range(order):
            taps = _times(taps, [Decimal(1), Decimal(1)])
        for re, im in zeros:
            taps = _times(taps, [Decimal(1), -re] if im == 0 else [Decimal(1), -2 * re, re * re + im * im])
        scale = Decimal(2).sqrt() / sum(taps)
        return tuple(float(tap * scale) for tap in taps)


def _parse(wavelet: str) -> tuple[str, int]:
    name = "db1" if wavelet == "haar" else wavelet
    family, digits = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    order = int(digits) if digits else 0
    if family not in ("db", "sym") or not (1 if family == "db" else 2) <= order <= MAX_ORDER:
        raise ValueError(
            f"expected an orthogonal wavelet 'haar', 'db1' ... 'db{MAX_ORDER}' or 'sym2' ... 'sym{MAX_ORDER}', "
            f"got {wavelet!r}."
        )
    return family, order


def _zeros(order: int) -> list[Complex]:
    """Zeros of q inside the unit circle and in the closed upper half plane, by increasing argument."""
    coefficients = [comb(order - 1 + k, k) for k in range(order)]
    zeros = []
    for start in np.roots(coefficients[::-1]):
        if start.imag < -1e-9:
            continue
        imaginary = float(start.imag) if start.imag > 1e-9 else 0.0
        y = _newton(coefficients, (Decimal(float(start.real)), Decimal(imaginary)))
        w = (1 - 2 * y[0], -2 * y[1])  # z + 1/z = 2w, so z = w ± √(w² − 1)
        root = _sqrt((w[0] * w[0] - w[1] * w[1] - 1, 2 * w[0] * w[1]))
        z = (w[0] - root[0], w[1] - root[1])
        if z[0] * z[0] + z[1] * z[1] > 1:
            z = _reciprocal(z)
        zeros.append((z[0], abs(z[1])))
    return sorted(zeros, key=lambda z: np.arctan2(float(z[1]), float(z[0])))


def _newton(coefficients: Sequence[int], y: Complex) -> Complex:
    """The zero of Σ cₖ yᵏ near y; double-precision starts converge in three or four steps."""
    for _ in range(12):
        value, slope = (Decimal(0), Decimal(0)), (Decimal(0), Decimal(0))
        for c in reversed(coefficients):
            slope = _add(_product(slope, y), value)
            value = _add(_product(value, y), (Decimal(c), Decimal(0)))
        inverse = _reciprocal(slope)
        step = _product(value, inverse)
        y = (y[0] - step[0], y[1] - step[1])
    return y


def _add(a: Complex, b: Complex) -> Complex:
    return a[0] + b[0], a[1] + b[1]


def _product(a: Complex, b: Complex) -> Complex:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _reciprocal(a: Complex) -> Complex:
    square = a[0] * a[0] + a[1] * a[1]
    return a[0] / square, -a[1] / square


def _sqrt(a: Complex) -> Complex:
    modulus = (a[0] * a[0] + a[1] * a[1]).sqrt()
    re, im = ((modulus + a[0]) / 2).sqrt(), ((modulus - a[0]) / 2).sqrt()
    return (re, im) if a[1] >= 0 else (re, -im)


def _times(p: list[Decimal], q: list[Decimal]) -> list[Decimal]:
    product = [Decimal(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return product
