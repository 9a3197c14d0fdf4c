"""Preconditioners from symmetric polynomials of the eigenvalues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor


def symmetric_polynomial(operator: Callable[[Tensor], Tensor], traces: Sequence[float]) -> Callable[[Tensor], Tensor]:
    """P = Σⱼ σ_{τ−j}(−M)ʲ, j = 0…τ: a preconditioner for a self-adjoint M > 0 with a few large eigenvalues.

    σ_k are the elementary symmetric polynomials of M's eigenvalues λ, which follow from the power sums tr M, tr M², …
    (``traces``, as many as the degree τ) by Newton's identities. P has the eigenvalues σ_τ(λ without λᵢ) > 0, so that
    in P M each of the τ largest is damped by the others: gradient methods and conjugate gradients then depend on
    λ_{τ+1}/λ_n more than on λ₁/λ_n, without bounds on the spectrum being known. One application costs τ of M.

    Parameters
    ----------
    operator
        M on tensors ``(*batch, *shape)``.
    traces
        tr Mᵏ for k = 1, …, τ, from :func:`power_traces` or otherwise; an estimate changes P, not its being a polynomial
        in M, but may cost definiteness.

    Errors: ValueError for traces that no positive semidefinite M has.

    Source: Doikov and Rodomanov, ICML 2023, section 3.
    """
    if not traces or not all(0 < t < float("inf") for t in traces):
        raise ValueError(f"symmetric_polynomial expects positive traces, got {list(traces)!r}.")
    scale = float(traces[0])
    sums = [float(t) / scale**k for k, t in enumerate(traces, 1)]
    sigmas = [1.0]
    for k in range(1, len(sums) + 1):
        sigmas.append(sum((-1) ** (j - 1) * sigmas[k - j] * sums[j - 1] for j in range(1, k + 1)) / k)
    if min(sigmas) <= 0:
        raise ValueError(f"symmetric_polynomial expects the traces of a positive definite M, got {list(traces)!r}.")

    def apply(b: Tensor) -> Tensor:
        x = b
        for sigma in sigmas[1:]:
            x = sigma * b - operator(x) / scale
        return x / sigmas[-1]

    return apply


def power_traces(
    operator: Callable[[Tensor], Tensor], shape: Sequence[int], degree: int, probes: int | None = None
) -> tuple[float, ...]:
    """tr M, …, tr M^degree for a self-adjoint M on items of ``shape``, in double precision.

    Exact from all unit vectors (``probes`` None); otherwise the mean of Re⟨v, Mᵏv⟩ over that many random signs v,
    always the same, whose relative error is about √(2/probes)·‖Mᵏ‖_F/tr Mᵏ.

    Source of the estimate: Hutchinson, Commun. Stat. Simul. Comput. 19 (1990) 433.
    """
    if isinstance(degree, bool) or not isinstance(degree, int) or degree < 1:
        raise ValueError(f"power_traces expects a degree >= 1, got {degree!r}.")
    size = prod(shape)
    if probes is None:
        vectors = torch.eye(size, dtype=torch.float64)
    else:
        generator = torch.Generator().manual_seed(0)
        vectors = torch.randint(0, 2, (probes, size), generator=generator).double() * 2 - 1
    start = image = vectors.reshape(-1, *shape)
    found = []
    for _ in range(degree):
        image = operator(image)
        found.append(float((start * image).sum()) / (1 if probes is None else probes))
    return tuple(found)
