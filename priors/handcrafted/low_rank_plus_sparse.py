"""Series of images that are a background of low rank and sparse changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from recon.operators.functionals import L1, NuclearNorm, SplitSum
from recon.operators.operator import Shape
from recon.priors.handcrafted.low_rank_sparse_coupling import GOLDEN, LowRankSparseCoupling, check_transform
from recon.priors.handcrafted.second_order import checked_ratio
from recon.priors.prior import Prior, Term, VariationalPrior


class LowRankPlusSparse(VariationalPrior):
    """R(x) = λ min_s ‖L‖_* + r ‖T s‖₁ with L = x − s: a background L of low rank and sparse changes s (L + S).

    ‖L‖_* is the sum of the singular values of the matrix whose rows are the axes ``rows``, of Casorati for a series
    ``(time, *pixels)``; T is the Fourier transform along time, where motion that repeats is sparse, or the identity.
    Results have both parts: ``result.components["low_rank"]`` and ``["sparse"]``.

    Parameters
    ----------
    lam
        λ > 0, in units of 1/‖x‖.
    ratio
        r > 0. For T = I and a matrix n × m of unknown parts, r = max(n, m)^{−½} is the choice of Candès and others.
    transform
        ``"fourier"`` for complex images, or ``"none"``.
    axis
        The axis of time, along which T is taken.
    rows
        Axes of the image that are joined as rows of the matrix; the others are columns.

    Sources: Otazo, Candès and Sodickson, Magn. Reson. Med. 73 (2015) 1125, eq. 5; Candès, Li, Ma and Wright, J. ACM 58
    (2011) 11.
    """

    names = ("low_rank_plus_sparse", "l_plus_s")

    def __init__(
        self,
        lam: float = 1.0,
        ratio: float = 0.1,
        *,
        transform: Literal["fourier", "none"] = "fourier",
        axis: int = 0,
        rows: Sequence[int] = (0,),
    ) -> None:
        super().__init__(lam)
        check_transform(transform, self.name)
        self.ratio = checked_ratio(ratio, self.name)
        self.transform: Literal["fourier", "none"] = transform
        self.axis, self.rows = axis, tuple(rows)

    def auxiliary(self, shape: Shape) -> int:
        return 1

    def components(self, x: Tensor, auxiliary: Tensor, shape: Shape) -> Mapping[str, Tensor]:
        sparse = auxiliary.select(auxiliary.ndim - len(shape) - 1, 0)
        return {"low_rank": x - sparse, "sparse": sparse}

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        M = LowRankSparseCoupling(shape, self.transform, self.axis)
        rows = tuple(1 + a if a >= 0 else a for a in self.rows)
        low = NuclearNorm((1, *shape), rows)
        sparse = L1((1, *shape), torch.tensor(self.ratio, dtype=torch.float64))
        f = SplitSum(low, sparse)
        return (Term(f, M, embedding=GOLDEN / min(1.0, self.ratio), least=1 / GOLDEN),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, 0.4)
        yield cls(0.5, 0.4, transform="none")
        yield cls(0.5, 2.0, transform="none", rows=(-1,))
