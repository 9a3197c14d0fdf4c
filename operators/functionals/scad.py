"""Smoothly clipped absolute deviation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.folded_concave import FoldedConcave
from recon.operators.functionals.functional import Functional
from recon.operators.tensors import is_number


class SCAD(FoldedConcave):
    """f(x) = Σᵢ wᵢ φ(|xᵢ|), φ of slope 1 up to ``knee``, 0 from a·``knee`` on, linear between (SCAD).

    What is written SCAD with parameters λ and a is λ·SCAD(knee=λ, a=a). Large entries cost a constant and are not
    biased towards zero; between two of them f is not convex. See :class:`FoldedConcave` for the prox and the split.

    Parameters
    ----------
    domain_shape
        Shape of one item; ``(components, *shape)`` with ``groups``.
    knee
        Magnitude > 0, in units of x, up to which f is the ℓ1 norm.
    a
        > 1.
    weights
        w ≥ 0, broadcast against ``domain_shape``, or against ``shape`` with ``groups``.
    groups
        Whether magnitudes are Euclidean norms over the first item dimension.

    Source: Fan and Li, J. Am. Stat. Assoc. 96 (2001) 1348, eq. 2.7; a = 3.7 is their choice.
    """

    names = ("scad",)

    def __init__(
        self,
        domain_shape: Sequence[int],
        knee: float = 1.0,
        a: float = 3.7,
        weights: Tensor | float = 1.0,
        groups: bool = False,
    ) -> None:
        if not (is_number(knee) and 0 < knee < float("inf") and is_number(a) and 1 < a < float("inf")):
            raise ValueError(f"SCAD expects a knee > 0 and a > 1, got {knee!r} and {a!r}.")
        super().__init__(domain_shape, knee, a * knee, weights, groups)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), knee=0.4)
        yield cls((4,), 0.3, 2.5, torch.tensor([0.5, 0.0, 2.0, 1.0]))
        yield cls((2, 3), 0.5, groups=True)
