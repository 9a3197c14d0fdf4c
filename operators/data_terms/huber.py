"""Huber's function of residuals as a data term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.huber import Huber
from recon.operators.tensors import positive_weight


class HuberFidelity(DataTerm):
    """f(z) = w Σ h(|z − y|), h(t) = t²/2 for t ≤ δ and δ(t − δ/2) beyond: see :class:`Huber`.

    Parameters
    ----------
    delta
        δ > 0, in units of the data: residuals beyond it are outliers, whose pull no longer grows. 1.345σ keeps 95 % of
        the efficiency of least squares under Gaussian noise.
    weight
        w > 0; 1/σ² for noise of standard deviation σ, so that λ means what it means beside :class:`GaussianNoise`.
    """

    names = ("huber",)

    def __init__(self, delta: float, weight: float = 1.0) -> None:
        self.delta = float(positive_weight(delta, "HuberFidelity expects delta > 0"))
        self.weight = float(positive_weight(weight, "HuberFidelity expects weight > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        return Huber(shape, self.delta, data, self.weight)

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(0.3, 2.0)
