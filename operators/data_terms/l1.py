"""Absolute residuals as a data term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import L1
from recon.operators.tensors import positive_weight


class L1Fidelity(DataTerm):
    """f(z) = w ‖z − y‖₁, for impulses and other sparse errors: see :class:`L1`.

    Parameters
    ----------
    weight
        w > 0.
    """

    names = ("l1",)

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = float(positive_weight(weight, "L1Fidelity expects weight > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return L1(shape, self.weight, data)

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(0.7)
