"""Minimax concave penalty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.folded_concave import FoldedConcave
from recon.operators.functionals.functional import Functional
from recon.operators.tensors import is_number


class MCP(FoldedConcave):
    """f(x) = Σᵢ wᵢ φ(|xᵢ|) with φ(t) = t − t²/2s up to the ``saturation`` s and s/2 beyond.

    What is written MCP with parameters λ and γ is λ·MCP(saturation=γλ). Large entries cost a constant and are not
    biased towards zero; f is not convex. See :class:`FoldedConcave`, with a knee of 0, for the prox and the split; for
    steps τw < s the prox is the firm threshold of Gao and Bruce.

    Parameters
    ----------
    domain_shape
        Shape of one item; ``(components, *shape)`` with ``groups``.
    saturation
        s > 0, in units of x.
    weights
        w ≥ 0, broadcast against ``domain_shape``, or against ``shape`` with ``groups``.
    groups
        Whether magnitudes are Euclidean norms over the first item dimension.

    Source: Zhang, Ann. Stat. 38 (2010) 894, eq. 2.1.
    """

    names = ("mcp",)

    def __init__(
        self,
        domain_shape: Sequence[int],
        saturation: float = 3.0,
        weights: Tensor | float = 1.0,
        groups: bool = False,
    ) -> None:
        if not (is_number(saturation) and 0 < saturation < float("inf")):
            raise ValueError(f"MCP expects a saturation > 0, got {saturation!r}.")
        super().__init__(domain_shape, 0.0, saturation, weights, groups)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), 0.9)
        yield cls((4,), 1.5, torch.tensor([0.5, 0.0, 2.0, 1.0]))
        yield cls((2, 3), 1.2, groups=True)
