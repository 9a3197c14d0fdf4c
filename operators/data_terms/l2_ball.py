"""A bound on the misfit as a data term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt
from typing import Literal

from torch import Tensor

from recon.operators.data_term import DataTerm
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l2_ball import L2Ball
from recon.operators.tensors import positive_weight


class L2BallFidelity(DataTerm):
    """The constraint ‖z − y‖₂ ≤ ε per item: of all images that explain the data so well, the one that the prior likes.

    The prior's weight does not matter then. On the way there A x lies outside the ball, where the objective is
    infinite; stop by changes or residuals rather than by the duality gap.

    Parameters
    ----------
    epsilon
        ε > 0, or ``auto`` for the size that noise has, √m σ for m real numbers in an item of data.
    sigma
        Standard deviation σ > 0 of the noise on each real component, which ``auto`` needs.
    """

    names = ("l2_ball",)

    def __init__(self, epsilon: float | Literal["auto"] = "auto", sigma: float | None = None) -> None:
        self.epsilon: float | Literal["auto"] = "auto"
        self.sigma: float | None = None
        if epsilon != "auto":
            if sigma is not None:
                raise ValueError("L2BallFidelity expects epsilon or sigma, not both.")
            self.epsilon = float(positive_weight(epsilon, "L2BallFidelity expects epsilon > 0 or 'auto'"))
        else:
            if sigma is None:
                raise ValueError("L2BallFidelity needs sigma, the noise's standard deviation, where epsilon is 'auto'.")
            self.sigma = float(positive_weight(sigma, "L2BallFidelity expects sigma > 0"))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        if self.epsilon != "auto":
            return L2Ball(shape, data, self.epsilon)
        assert self.sigma is not None
        count = prod(shape) * (2 if data.is_complex() else 1)
        return L2Ball(shape, data, sqrt(count) * self.sigma)

    @classmethod
    def examples(cls) -> Iterator[DataTerm]:
        yield cls(0.7)
        yield cls(sigma=0.3)
