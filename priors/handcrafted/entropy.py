"""Maximum entropy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators import functionals
from recon.operators.operator import Shape
from recon.operators.tensors import fixed
from recon.priors.prior import Prior, Term, VariationalPrior


class Entropy(VariationalPrior):
    """R(x) = λ Σ [x log(x/m) − x + m] on x ≥ 0: images as close to m as the data allow; real images.

    Parameters
    ----------
    lam
        λ > 0.
    reference
        m > 0, the image without data: a number, or a tensor that broadcasts against one image.

    Source: S. F. Gull and G. J. Daniell, Nature 272 (1978) 686.
    """

    names = ("entropy", "maximum_entropy")

    def __init__(self, lam: float = 1.0, reference: float | Tensor = 1.0) -> None:
        super().__init__(lam)
        self.reference = fixed(reference, "Entropy", "reference") if isinstance(reference, Tensor) else reference
        functionals.Entropy(tuple(torch.as_tensor(reference).shape), reference)  # refuse bad values here

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(functionals.Entropy(shape, self.reference)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(2.0, torch.linspace(0.5, 1.5, 6))
