"""A region outside which images are zero."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.functionals import SupportIndicator
from recon.operators.operator import Shape
from recon.priors.prior import Prior, Term, VariationalPrior


class Support(VariationalPrior):
    """R(x) = 0 where x vanishes outside a mask (and, if asked, x ≥ 0 inside it), else ∞.

    Parameters
    ----------
    mask
        True, or not 0, where the image may differ from zero; broadcasts against one image.
    nonnegative
        Whether x ≥ 0 as well; real images only then.
    """

    def __init__(self, mask: Tensor, nonnegative: bool = False) -> None:
        super().__init__()
        self.mask = torch.as_tensor(mask) != 0
        self.nonnegative = bool(nonnegative)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        if self.mask.ndim > len(shape):
            raise ValueError(
                f"Support expects a mask that broadcasts against one image of shape {tuple(shape)}, got shape "
                f"{tuple(self.mask.shape)}."
            )
        return (Term(SupportIndicator(shape, self.mask, self.nonnegative)),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        mask = torch.arange(30).reshape(5, 6) % 3 > 0
        yield cls(mask)
        yield cls(mask[0], nonnegative=True)
