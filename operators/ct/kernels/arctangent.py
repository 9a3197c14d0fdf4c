"""The arctangent as a polynomial, for kernels on processors that lack a fast or a reproducible one."""

from __future__ import annotations

import numpy as np

TERMS = 14


def _series() -> tuple[float, ...]:
    """Coefficients in s = t², highest first, of atan(t)/t on |t| ≤ tan(π/8), interpolated at Chebyshev nodes."""
    from numpy.polynomial import Polynomial
    from numpy.polynomial.chebyshev import Chebyshev

    end = np.tan(np.pi / 8) ** 2
    fit = Chebyshev.interpolate(lambda s: np.arctan(np.sqrt(s)) / np.sqrt(s), TERMS - 1, domain=[0, end])
    return tuple(float(c) for c in fit.convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1]).coef[::-1])


SERIES = _series()
