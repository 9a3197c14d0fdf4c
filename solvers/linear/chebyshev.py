"""Polynomial preconditioners."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def chebyshev(operator: Callable[[Tensor], Tensor], low: float, high: float, degree: int) -> Callable[[Tensor], Tensor]:
    """The polynomial p(M) of a degree for which 1 − λ p(λ) is least on [low, high]: a preconditioner for M.

    With κ = high/low and eigenvalues of a self-adjoint M in [low, high], those of p(M)M lie within 1 ± ε,
    ε = 1/T_{degree+1}((κ + 1)/(κ − 1)), T being Chebyshev's polynomials: its condition number is (1 + ε)/(1 − ε), about
    κ/(degree + 1)². One application of p(M) costs ``degree`` of M and no inner products, and commutes with M: where
    inner products are dear (several devices), or M is applied fast, iterations with inner products become fewer.

    Parameters
    ----------
    operator
        M on tensors ``(*batch, *shape)``.
    low, high
        0 < low < high, with all eigenvalues between: high as ``A.norm_bound() ** 2 + rho``, low as ``rho`` for
        M = AᴴA + ρI.
    degree
        Of p, 0 or more; 0 is a multiple of the identity.

    Source: Saad, Iterative Methods for Sparse Linear Systems (2003), sections 12.3.2-12.3.3.
    """
    if not 0 < low < high < float("inf"):
        raise ValueError(f"chebyshev expects 0 < low < high, got {low!r} and {high!r}.")
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 0:
        raise ValueError(f"chebyshev expects a degree >= 0, got {degree!r}.")
    centre, half = (high + low) / 2, (high - low) / 2

    def apply(b: Tensor) -> Tensor:
        sigma = centre / half
        rho = 1 / sigma
        d = b / centre
        x = d
        for _ in range(degree):
            r = b - operator(x)
            rho_next = 1 / (2 * sigma - rho)
            d = rho_next * rho * d + (2 * rho_next / half) * r
            x, rho = x + d, rho_next
        return x

    return apply
