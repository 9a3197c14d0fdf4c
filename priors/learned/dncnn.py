"""The DnCNN denoiser, in the form without batch normalisation."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from recon.priors.learned.weights import with_weights


class DnCNN(nn.Module):
    """D(x) = x − N(x), with N a chain of 3 × 3 convolutions and ReLUs that predicts the noise.

    Zero padding; ``layers`` convolutions, ``features`` channels between them. Weights are named ``model.0.weight``,
    ``model.0.bias``, ``model.2.weight``, ... in the order of the chain, the names under which trained ones circulate.

    The network takes no noise level: it removes that of its training. Where ``trained_sigma`` says which one that was,
    other levels are reached by scaling, D(x, σ) = c⁻¹ D(c x) with c = trained_sigma/σ; otherwise σ is without effect.

    Parameters
    ----------
    weights
        File of trained weights; None for the random ones to train from.
    channels
        1 for grey, 3 for colour images.
    layers
        Number of convolutions, at least 2.
    features
        Channels of the hidden layers.
    trained_sigma
        Standard deviation of the noise in training, in the network's value range (25/255 for "σ = 25").

    Source: Zhang, Zuo, Chen, Meng and Zhang, IEEE Trans. Image Process. 26 (2017) 3142; scaling: Xu, Liu, Sun, Wohlberg
    and Kamilov, arXiv:2005.09546.
    """

    names: ClassVar[tuple[str, ...]] = ("dncnn",)

    def __init__(
        self,
        weights: str | Path | None = None,
        channels: int = 1,
        layers: int = 17,
        features: int = 64,
        trained_sigma: float | None = None,
    ) -> None:
        super().__init__()
        if layers < 2 or channels < 1 or features < 1:
            raise ValueError(
                f"DnCNN expects layers >= 2, channels >= 1 and features >= 1, got {layers}, {channels} and {features}."
            )
        if trained_sigma is not None and not trained_sigma > 0:
            raise ValueError(f"DnCNN expects a positive trained_sigma, got {trained_sigma}.")
        self.channels, self.trained_sigma = channels, trained_sigma
        widths = [channels, *[features] * (layers - 1), channels]
        chain: list[nn.Module] = []
        for i in range(layers):
            chain += [nn.Conv2d(widths[i], widths[i + 1], 3, padding=1), nn.ReLU()]
        self.model = nn.Sequential(*chain[:-1])
        if weights is not None:
            self.load_state_dict(with_weights(self, weights).state_dict())
            self.eval().requires_grad_(False)

    def forward(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """D(x, σ) for ``(N, channels, H, W)``; σ is a number or one per image."""
        c = torch.ones((), dtype=x.dtype, device=x.device)
        if sigma is not None and self.trained_sigma is not None:
            c = self.trained_sigma / torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
            c = c.reshape(-1, 1, 1, 1) if c.ndim else c
        noise: Tensor = self.model(c * x) / c
        return x - noise
