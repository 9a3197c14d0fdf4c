"""The small residual denoiser of provably convergent plug-and-play methods."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from recon.priors.learned.weights import read_tensors, with_weights

NORMALISATION = ("weight_orig", "weight_u", "weight_v")
"""What spectral normalisation keeps beside the weights that it has normalised."""


class SimpleCNN(nn.Module):
    """D(x) = x − N(x), N of four 3 × 3 convolutions without biases and ReLUs between them, which predicts the noise.

    Zero padding. Trained with real spectral normalisation, N is nonexpansive, and ADMM with D converges where the data
    term is strongly convex.

    The network takes no noise level, and as D(cx) = c D(x) for c > 0, scaling reaches no other either. A constant that
    is added to images does change what it does: see ``value_range`` of :class:`recon.priors.DenoiserPrior`.

    Weights are named ``dncnn.0.weight``, ``dncnn.2.weight``, ... as in the files of the paper; what spectral
    normalisation has left there (``weight_orig``, ``weight_u``) is not used.

    Parameters
    ----------
    weights
        File of trained weights; None for the random ones to train from.
    features
        Channels of the hidden layers.

    Source: Ryu, Liu, Wang, Chen, Wang and Yin, ICML 2019.
    """

    names: ClassVar[tuple[str, ...]] = ("simple_cnn",)

    def __init__(self, weights: str | Path | None = None, features: int = 64) -> None:
        super().__init__()
        if features < 1:
            raise ValueError(f"SimpleCNN expects features >= 1, got {features}.")
        self.channels = 1
        widths = (1, features, features, features, 1)
        chain: list[nn.Module] = []
        for i in range(4):
            chain += [nn.Conv2d(widths[i], widths[i + 1], 3, padding=1, bias=False), nn.ReLU()]
        self.dncnn = nn.Sequential(*chain[:-1])
        if weights is not None:
            kept = {key for key in read_tensors(weights) if not key.endswith(NORMALISATION)}
            self.load_state_dict(with_weights(self, weights, only=kept).state_dict())
            self.eval().requires_grad_(False)

    def forward(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """D(x) for ``(N, 1, H, W)``, whatever σ is."""
        noise: Tensor = self.dncnn(x)
        return x - noise
