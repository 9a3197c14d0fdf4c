"""Largest singular values by Lanczos iteration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from math import prod, sqrt
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import matching_dtype

if TYPE_CHECKING:
    from recon.operators.linear import LinearOperator


MIN_ITER = 12
SMALL = 1e-3
"""Relative size below which a new direction may be rounding error in good part."""


class Ritz(NamedTuple):
    """The largest Ritz value θ of AᴴA so far, its residual, and how many iterations that took."""

    value: float
    residual: float
    iterations: int


def lanczos_norm(op: LinearOperator, rtol: float, like: Tensor | None, max_iter: int = 200) -> float:
    """‖A‖₂ as the square root of the largest Ritz value of AᴴA, to a relative residual of ``rtol``.

    A small residual proves an eigenvalue near θ, not that it is the largest; at least ``MIN_ITER`` iterations make
    missing a larger one unlikely.
    """
    enough = min(MIN_ITER, prod(op.domain_shape))
    for ritz in islice(ritz_values(op, like), max_iter):
        if ritz.residual == 0 or (ritz.residual <= rtol * ritz.value and ritz.iterations >= enough):
            return sqrt(ritz.value)
    raise RuntimeError(f"the norm of {op.name} did not reach a relative accuracy of {rtol} in {max_iter} iterations.")


def norm_below(op: LinearOperator, like: Tensor | None, iterations: int) -> float:
    """A lower bound on ‖A‖₂, up to rounding: what a few Lanczos iterations show."""
    *_, last = islice(ritz_values(op, like), iterations)
    return sqrt(last.value)


def ritz_values(op: LinearOperator, like: Tensor | None) -> Iterator[Ritz]:
    """Largest Ritz values of AᴴA, never more than ‖A‖² and growing, from a start that is always the same.

    With V the Krylov basis and T = VᴴAᴴAV the tridiagonal projection, the residual of the Ritz pair
    (θ, Vs) is β|s_last| (Golub and Van Loan, Matrix Computations, section 10.1). The basis is kept
    orthogonal by full reorthogonalisation, which also costs less than one projection.
    """
    generator = torch.Generator().manual_seed(0)
    like = torch.zeros(()) if like is None else like
    field = torch.complex64 if op.domain_field == "complex" else torch.float32
    dtype = matching_dtype(torch.zeros((), dtype=field), like)
    v = torch.randn(op.domain_shape, generator=generator, dtype=dtype).to(like.device)
    v = v / torch.linalg.vector_norm(v)
    basis, alphas = [v.reshape(-1)], list[float]()
    betas: list[float] = []
    while True:
        w = op.normal(basis[-1].reshape(op.domain_shape)).reshape(-1)
        alphas.append(float(torch.vdot(basis[-1], w).real))
        stacked = torch.stack(basis)
        for _ in range(2):
            w = w - (stacked.conj() @ w) @ stacked
        beta = float(torch.linalg.vector_norm(w))
        if not beta < float("inf"):
            raise RuntimeError(f"the norm of {op.name} is not finite.")
        off = torch.tensor(betas, dtype=torch.float64)
        matrix = torch.diag(torch.tensor(alphas, dtype=torch.float64)) + torch.diag(off, 1) + torch.diag(off, -1)
        values, vectors = torch.linalg.eigh(matrix)
        theta: float = max(float(values[-1]), 0.0)
        following = None if beta <= 1e-7 * max(theta, 1e-30) else _orthogonal(w / beta, stacked, beta < SMALL * theta)
        yield Ritz(theta, 0.0 if following is None else beta * abs(float(vectors[-1, -1])), len(basis))
        if following is None:  # the Krylov space is invariant: its Ritz values are eigenvalues
            return
        betas.append(beta)
        basis.append(following)


def _orthogonal(v: Tensor, basis: Tensor, rounded: bool) -> Tensor | None:
    """A unit vector next to the basis; of one that may be ``rounded`` noise what is orthogonal, None if that is little.

    Of the noise that is left where the Krylov space is invariant, as for partial isometries after two steps, a part
    lies along the basis; with that left in, Ritz values exceed ‖A‖².
    """
    if not rounded:
        return v
    rest = v - (basis.conj() @ v) @ basis
    size = float(torch.linalg.vector_norm(rest))
    return rest / size if size > 0.1 else None
