"""Operator norms that step sizes rest on."""

from __future__ import annotations

from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import LinearOperator
from recon.operators.spectrum import norm_below

ITERATIONS = 10
"""Lanczos iterations spent on a declared norm: enough to see one that is a few per cent too small."""

SLACK = 1e-4
"""Relative excess over a declared norm that rounding explains, in single precision."""


def step_norm(A: LinearOperator, like: Tensor | None = None) -> float:
    """An upper bound on ‖A‖₂ for step sizes, 1 where A = 0.

    A norm that A declares is compared with what a few Lanczos iterations show: they find a lower bound on the true one,
    so that a declared norm below it is wrong. The answer is kept with the operator, per device. Every solver whose
    steps rest on a norm asks for it here before its first iteration; later calls cost nothing.

    Errors: ValueError for a declared norm that is too small or no finite number.
    """
    if isinstance(A, Identity):  # made anew by every splitting of a problem
        return 1.0
    device = "cpu" if like is None else like.device.type
    kept = A.__dict__.setdefault("_constants", {})
    key = ("step_norm", device)
    if key not in kept:
        known = A.known_norm()
        if known is not None:
            _check(A, known, like)
        kept[key] = A.norm_bound(like) or 1.0
    bound: float = kept[key]
    return bound


def _check(A: LinearOperator, known: float, like: Tensor | None) -> None:
    if not 0 <= known < float("inf"):
        raise ValueError(f"{A.name} declares the norm {known!r}; expected a finite number >= 0.")
    try:
        least = norm_below(A, like, ITERATIONS)
    except RuntimeError:  # an operator that fails on the test vector says nothing about its norm
        return
    if least > (1 + SLACK) * known:
        raise ValueError(
            f"{A.name} declares the norm {known:.6g}, but ‖Ax‖/‖x‖ reaches {least:.6g}: steps made from it would be "
            "too large; declare the true norm, or none to have it estimated."
        )
