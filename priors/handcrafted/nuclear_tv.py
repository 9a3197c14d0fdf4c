"""Total variation with the nuclear norm of each pixel's Jacobian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from recon.priors.handcrafted.vectorial_tv import VectorialTV
from recon.priors.prior import Prior


class NuclearTV(VectorialTV):
    """R(x) = λ Σᵢ wᵢ ‖J_i‖_*: the singular values of the Jacobians (axes, channels) of a multi-channel image.

    :class:`VectorialTV` with ``norm="nuclear"``: edges of the channels shall lie in the same places and be parallel.

    Parameters
    ----------
    lam, channel_weights, weights, boundary, spacing, axis_weights
        As of :class:`VectorialTV`.

    Source: Holt, IEEE Trans. Image Process. 23 (2014) 3975.
    """

    names = ("nuclear_tv",)

    def __init__(
        self,
        lam: float = 1.0,
        *,
        channel_weights: Sequence[float] | None = None,
        weights: Tensor | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(
            lam,
            "nuclear",
            channel_weights=channel_weights,
            weights=weights,
            boundary=boundary,
            spacing=spacing,
            axis_weights=axis_weights,
        )

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(weights=torch.linspace(0.5, 2.0, 6))
