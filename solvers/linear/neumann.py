"""The Neumann series, item by item."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.operators.tensors import all_done, item_norm
from recon.solvers.linear.cg import CGInfo


def neumann(
    operator: Callable[[Tensor], Tensor], b: Tensor, ndim: int, rtol: float = 1e-6, max_iter: int = 1000
) -> tuple[Tensor, CGInfo]:
    """Solve (I − J) w = b for a J of spectral radius below 1, as w = Σⱼ Jʲ b.

    Every item stops by itself once ‖b − (I − J)w‖ ≤ rtol·‖b‖ or after ``max_iter`` terms; what was reached is in the
    second return value. For J = I − αH with a symmetric H, μI ≤ H ≤ I/α, K terms beyond the first leave an error
    ‖w − w*‖ ≤ (1 − αμ)^{K+1}‖w*‖.

    Parameters
    ----------
    operator
        J on tensors ``(*batch, *shape)``, acting on items independently.
    b
        Right-hand sides, ``(*batch, *shape)``, real or complex.
    ndim
        Number of dimensions of one item.

    Source: Lorraine, Vicol and Duvenaud, AISTATS 2020, theorem 1.
    """
    wide = (..., *(None,) * ndim)
    w, term = b, b
    size = item_norm(b, ndim)
    iterations = torch.zeros(size.shape, dtype=torch.long, device=b.device)
    rest = operator(term)
    running = item_norm(rest, ndim) > rtol * size
    for k in range(max_iter):
        if all_done(running, k):
            break
        w = torch.where(running[wide], w + rest, w)
        term = torch.where(running[wide], rest, term)
        iterations = iterations + running
        rest = operator(term)
        running = running & (item_norm(rest, ndim) > rtol * size)
    residual = item_norm(rest, ndim) / torch.where(size > 0, size, 1)
    return w, CGInfo(iterations, residual.detach())
