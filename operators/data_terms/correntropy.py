"""Correntropy as a robust data term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.correntropy import Correntropy
from recon.operators.functionals.functional import Functional
from recon.operators.tensors import positive_weight


class CorrentropyFidelity(DataTerm):
    """f(z) = w s² Σ (1 − exp(−|z − y|²/2s²)), under which gross errors have no pull at all: see :class:`Correntropy`.

    Not convex.

    Parameters
    ----------
    scale
        s > 0, in units of the data: about three standard deviations of the good ones.
    weight
        w > 0; 1/σ² for noise of standard deviation σ.
    """

    names = ("correntropy", "welsch")

    def __init__(self, scale: float, weight: float = 1.0) -> None:
        self.scale = float(positive_weight(scale, "CorrentropyFidelity expects scale > 0"))
        self.weight = float(positive_weight(weight, "CorrentropyFidelity expects weight > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return Correntropy(shape, self.scale, data, self.weight)

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(0.5, 2.0)
