"""Observing some pixels, or weighting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import fixed


class Mask(Diagonal):
    """y = m ⊙ x: 1 keeps a pixel, 0 loses it; other real numbers weight it. ‖A‖ = max|m|.

    Lost pixels stay in the data, as zeros, so that data and image have one shape.

    Parameters
    ----------
    mask
        m, booleans or real numbers of the shape of one image.

    Errors: TypeError for a complex mask, ValueError for non-finite entries.
    """

    def __init__(self, mask: Tensor) -> None:
        mask = fixed(mask, "Mask", "mask")
        if mask.is_complex():
            raise TypeError("Mask expects a real or boolean mask; use Diagonal for complex factors.")
        super().__init__(mask if mask.is_floating_point() else mask.to(torch.get_default_dtype()))

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], **_: Any) -> Shape:
        """Shape of the images whose masked data have ``data_shape``: the same."""
        return tuple(data_shape)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(torch.tensor([[True, False, True], [False, True, True]]))
        yield cls(torch.tensor([0.5, 0.0, -2.0, 1.0]))
