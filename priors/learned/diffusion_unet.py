"""A small U-Net that knows the noise level, for diffusion priors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional


class DiffusionUNet(nn.Module):
    """F(x, c) on ``(N, channels, rows, columns)``, one noise level c = ln(s)/4 an image, as for :class:`EDMDiffusion`.

    Images are cut into patches of ``patch`` × ``patch`` pixels, which become channels; then come residual blocks of two
    3 × 3 convolutions at each resolution on the way down and up again, with as many ``widths`` as resolutions, halved
    from one to the next, and two at the lowest one, between which pixels attend to each other. Of each block the second
    normalisation is scaled and shifted by an embedding of c and of the image's mean.

    The mean is given apart since at high noise it is nearly all that is left of an image, while convolutions of
    normalised features see it badly: with n = x √(s² + d²) the noisy image, d = ``sigma_data`` and P pixels, the
    embedding gets tanh(μ) and ln(1 + |μ|) sign μ of μ = mean(n)/√(d² + s²/P).

    Rows and columns are multiples of ``patch · 2^(len(widths) − 1)``, any such: but weights hold for the size on which
    they were trained.

    Parameters
    ----------
    channels
        1 for grey, 3 for colour images.
    widths
        Channels at each resolution, the highest first; multiples of ``groups``.
    blocks
        Residual blocks at each resolution and way.
    patch
        Side of the patches.
    embedding
        Length of the embedding.
    groups
        Groups of channels that are normalised together.
    sigma_data
        d, as in :class:`EDMDiffusion`.

    Source: Ho, Jain and Abbeel, NeurIPS 2020, appendix B, for the blocks; Dhariwal and Nichol, NeurIPS 2021, equation 1
    for the way in which the level enters.
    """

    names: ClassVar[tuple[str, ...]] = ("diffusion_unet",)
    frequencies: Tensor

    def __init__(
        self,
        channels: int = 1,
        widths: Sequence[int] = (32, 64, 96),
        blocks: int = 1,
        patch: int = 1,
        embedding: int = 128,
        groups: int = 8,
        sigma_data: float = 0.5,
    ) -> None:
        super().__init__()
        widths = tuple(int(width) for width in widths)
        if not widths or min(channels, blocks, patch, groups, *widths) < 1 or embedding < 2 or embedding % 2:
            raise ValueError(
                "DiffusionUNet expects positive channels, widths, blocks, patch and groups and an even embedding, got "
                f"{channels}, {widths}, {blocks}, {patch}, {groups} and {embedding}."
            )
        if any(width % groups for width in widths) or not sigma_data > 0:
            raise ValueError(
                f"DiffusionUNet expects widths that are multiples of groups={groups} and sigma_data > 0, got {widths} "
                f"and {sigma_data}."
            )
        self.settings: dict[str, Any] = {
            "channels": channels,
            "widths": list(widths),
            "blocks": blocks,
            "patch": patch,
            "embedding": embedding,
            "groups": groups,
            "sigma_data": float(sigma_data),
        }
        self.channels, self.patch, self.sigma_data = channels, patch, float(sigma_data)
        self.multiple = patch * 2 ** (len(widths) - 1)
        frequencies = torch.exp(torch.linspace(0, log(64), embedding // 2))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.embed = nn.Sequential(nn.Linear(embedding + 2, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.enter = nn.Conv2d(channels * patch**2, widths[0], 3, padding=1)
        lengths = {"embedding": embedding, "groups": groups}
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.coarser, self.finer = nn.ModuleList(), nn.ModuleList()
        for width, below in pairwise(widths):
            self.down.append(nn.ModuleList(_Block(width, width, **lengths) for _ in range(blocks)))
            self.coarser.append(nn.Conv2d(width, below, 2, stride=2))
            self.finer.append(nn.ConvTranspose2d(below, width, 2, stride=2))
            self.up.append(nn.ModuleList(_Block(width * (2 - (i > 0)), width, **lengths) for i in range(blocks)))
        self.lowest = nn.ModuleList(_Block(widths[-1], widths[-1], **lengths) for _ in range(2))
        self.attention = _Attention(widths[-1], groups)
        self.last = nn.GroupNorm(groups, widths[0])
        self.leave = _zeroed(nn.Conv2d(widths[0], channels * patch**2, 3, padding=1))

    def forward(self, x: Tensor, level: float | Tensor) -> Tensor:
        """F(x, c); the level is a number or one per image."""
        if x.ndim != 4 or x.shape[1] != self.channels or any(length % self.multiple for length in x.shape[2:]):
            raise ValueError(
                f"DiffusionUNet expects images (N, {self.channels}, rows, columns) with rows and columns that are "
                f"multiples of {self.multiple}, got {tuple(x.shape)}."
            )
        c = torch.as_tensor(level, dtype=x.dtype, device=x.device).expand(len(x))
        e = functional.silu(self.embed(self._features(x, c)))
        h = self.enter(functional.pixel_unshuffle(x, self.patch))
        kept = []
        for blocks, coarser in zip(self.down, self.coarser, strict=True):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, e)
            kept.append(h)
            h = coarser(h)
        h = self.lowest[1](self.attention(self.lowest[0](h, e)), e)
        for blocks, finer in zip(reversed(self.up), reversed(self.finer), strict=True):
            h = torch.cat([finer(h), kept.pop()], 1)
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, e)
        h = self.leave(functional.silu(self.last(h)))
        return functional.pixel_shuffle(h, self.patch)

    def _features(self, x: Tensor, c: Tensor) -> Tensor:
        """Waves of c and two functions of the image's mean."""
        phases = c[:, None] * self.frequencies
        s = (4 * c).exp()
        mean = x.mean((1, 2, 3)) * (s**2 + self.sigma_data**2).sqrt()
        mean = mean / (self.sigma_data**2 + s**2 / x[0].numel()).sqrt()
        squeezed = torch.stack([mean.tanh(), mean.sign() * mean.abs().log1p()], 1)
        return torch.cat([phases.cos(), phases.sin(), squeezed], 1)


class _Block(nn.Module):
    """h ↦ skip(h) + conv(silu(a(e)·norm(conv(silu(norm(h)))) + b(e)))."""

    def __init__(self, entering: int, leaving: int, embedding: int, groups: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(groups, entering)
        self.first = nn.Conv2d(entering, leaving, 3, padding=1)
        self.modulate = nn.Linear(embedding, 2 * leaving)
        self.second_norm = nn.GroupNorm(groups, leaving)
        self.second = _zeroed(nn.Conv2d(leaving, leaving, 3, padding=1))
        self.skip = nn.Conv2d(entering, leaving, 1) if entering != leaving else nn.Identity()

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        a, b = self.modulate(e)[:, :, None, None].chunk(2, 1)
        inner = self.first(functional.silu(self.first_norm(h)))
        inner = self.second(functional.silu(self.second_norm(inner) * (1 + a) + b))
        total: Tensor = self.skip(h) + inner
        return total


class _Attention(nn.Module):
    """h ↦ h + the values at all pixels, weighted by how well keys fit queries."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width)
        self.attend = nn.Conv2d(width, 3 * width, 1)
        self.leave = _zeroed(nn.Conv2d(width, width, 1))

    def forward(self, h: Tensor) -> Tensor:
        queries, keys, values = self.attend(self.norm(h)).flatten(2).transpose(1, 2).chunk(3, 2)
        found = functional.scaled_dot_product_attention(queries, keys, values).transpose(1, 2)
        total: Tensor = h + self.leave(found.reshape(h.shape))
        return total


def _zeroed(convolution: nn.Conv2d) -> nn.Conv2d:
    """A convolution that starts as zero, so that residual blocks start as the identity."""
    nn.init.zeros_(convolution.weight)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.bias)
    return convolution
