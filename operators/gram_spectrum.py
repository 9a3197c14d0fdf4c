"""AᴴA beside a periodic convolution."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class GramSpectrum(NamedTuple):
    """Eigenvalues s ≥ 0 of a periodic convolution C = F⁻¹ diag(s) F that stands for AᴴA in preconditioners.

    Attributes
    ----------
    values
        s on the modes of F, in double precision, of one item's shape or with dimensions of size 1 where they do not
        vary; even in frequency for operators that take real images.
    above
        Whether C − AᴴA is positive semidefinite (zero if AᴴA is itself a convolution); otherwise C is only near it.
    """

    values: Tensor
    above: bool
