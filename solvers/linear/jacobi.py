"""Jacobi's preconditioner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor


def jacobi(
    operator: Callable[[Tensor], Tensor], shape: Sequence[int], like: Tensor | None = None, probes: int | None = None
) -> Callable[[Tensor], Tensor]:
    """P = 1/diag(M), elementwise, for a self-adjoint M with a positive diagonal: where pixels are weighted unequally.

    Parameters
    ----------
    operator
        M on tensors ``(*batch, *shape)``.
    shape
        Shape of one item.
    like
        A tensor whose precision (complex or real) and device M works in; double precision by default.
    probes
        None for the diagonal itself, from M's answer to every unit vector; otherwise its estimate Σ v ⊙ Mv / probes
        from that many vectors v of random signs, always the same, each entry of which errs by about
        (Σ_{j≠i}|M_ij|²/probes)^½. Entries below a thousandth of the largest are raised to that.

    Errors: ValueError for a diagonal without positive entries.

    Source of the estimate: Bekas, Kokiopoulou and Saad, Appl. Numer. Math. 57 (2007) 1214.
    """
    if probes is not None and (isinstance(probes, bool) or not isinstance(probes, int) or probes < 1):
        raise ValueError(f"jacobi expects probes >= 1, or None for the exact diagonal, got {probes!r}.")
    shape, size = tuple(shape), prod(shape)
    reference = torch.zeros((), dtype=torch.float64) if like is None else like
    if probes is None:
        diagonal = torch.empty(size, dtype=reference.real.dtype if reference.is_complex() else reference.dtype)
        for first in range(0, size, BLOCK):
            rows = torch.arange(first, min(first + BLOCK, size))
            unit = torch.zeros(len(rows), size, dtype=reference.dtype)
            unit[torch.arange(len(rows)), rows] = 1
            answer = operator(unit.reshape(-1, *shape).to(reference.device)).reshape(len(rows), size).cpu()
            diagonal[rows] = answer[torch.arange(len(rows)), rows].real
        diagonal = diagonal.reshape(shape).to(reference.device)
    else:
        generator = torch.Generator().manual_seed(0)
        signs = torch.randint(0, 2, (probes, *shape), generator=generator).double() * 2 - 1
        vectors = signs.to(reference)
        diagonal = (vectors.conj() * operator(vectors)).real.mean(0)
    largest = float(diagonal.max())
    if not 0 < largest < float("inf"):
        raise ValueError("jacobi expects an operator with a positive diagonal.")
    inverse = 1 / diagonal.clamp(min=1e-3 * largest)
    return lambda b: inverse * b


BLOCK = 256
"""Unit vectors at once."""
