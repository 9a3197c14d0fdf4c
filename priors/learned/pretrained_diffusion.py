"""Diffusion priors whose weights come with recon, or from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from recon.priors.learned.diffusion_file import read_diffusion
from recon.priors.learned.edm_diffusion import EDMDiffusion
from recon.priors.learned.held_network import Precision
from recon.priors.prior import Prior

FOLDER = Path(__file__).parent / "pretrained"
SHIPPED = ("phantom_slices", "small_images")
"""The models that come with recon."""


class PretrainedDiffusion(EDMDiffusion):
    """A trained diffusion prior, read from a file that holds weights and what is to be known of them, but no code.

    Two come with recon, trained by ``data/train_diffusion.py`` on generated images and pictures in the public domain:

    ``"small_images"``
        Grey images of 32 × 32 pixels in [0, 1]: edges, shades and textures.
    ``"phantom_slices"``
        Slices of 64 × 64 pixels in [0, 1] of heads, chests and bodies made of ellipses, in CT and MRI. In CT 1 is
        0.05/mm: for images in 1/mm give ``value_range: [0, 0.05]``.

    What they were trained on, and how well they do, stands in ``priors/learned/pretrained/*.md``.

    Parameters
    ----------
    model
        One of these names, or a file written by :func:`save_diffusion`.
    shape
        Shape of one image; by default that of training. The network takes others whose sides are multiples of
        ``network.multiple``, but has not seen them: textures go well with that, whole objects do not.
    value_range
        (low, high) of the images here, that correspond to those of training; by default the same.
    complex_as
        Complex images: ``"refuse"`` them, treat real and imaginary ``"parts"`` as independent images, or take them as
        ``"real"`` ones, of which the imaginary part is known to be zero.
    precision
        As in :class:`EDMDiffusion`.
    sigma
        Default strength as a plug-and-play denoiser, in units of the images; by default a twentieth of their range.

    Errors: FileNotFoundError where there is no such model or file; ValueError where the file is another one or damaged.
    """

    names = ("pretrained_diffusion", "pretrained")

    def __init__(
        self,
        model: Literal["phantom_slices", "small_images"] | Path,
        *,
        shape: Sequence[int] | None = None,
        value_range: Sequence[float] | None = None,
        complex_as: Literal["refuse", "parts", "real"] = "refuse",
        precision: Precision = "weights",
        sigma: float | None = None,
    ) -> None:
        if complex_as not in ("refuse", "parts", "real"):
            raise ValueError(f"PretrainedDiffusion expects complex_as 'refuse', 'parts' or 'real', got {complex_as!r}.")
        saved = read_diffusion(_located(model))
        super().__init__(
            saved.network.requires_grad_(False),
            saved.shape if shape is None else shape,
            sigma_data=saved.sigma_data,
            sigma_min=saved.sigma_min,
            sigma_max=saved.sigma_max,
            channels=saved.network.channels,
            value_range=saved.value_range if value_range is None else value_range,
            network_range=saved.network_range,
            complex_as="refuse" if complex_as == "refuse" else "parts",
            precision=precision,
            sigma=1.0 if sigma is None else sigma,
        )
        low, high = self.range.images
        self.sigma = 0.05 * (high - low) if sigma is None else self.sigma
        self.complex_as, self.real = complex_as, complex_as == "real"
        pixels = self.shape[-2:] if self.shape else ()
        if len(pixels) < 2 or any(length % saved.network.multiple for length in pixels):
            raise ValueError(
                f"PretrainedDiffusion expects sides that are multiples of {saved.network.multiple} for the model "
                f"{str(model)!r}, got shape {self.shape}."
            )

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        if u.is_complex() and self.complex_as == "real":
            mean = super().expectation(u.real, sigma)
            return torch.complex(mean, torch.zeros_like(mean))
        return super().expectation(u, sigma)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls("small_images")
        yield cls("small_images", shape=(16, 8), value_range=(-1.0, 3.0), complex_as="real")


def _located(model: str | Path) -> Path:
    if Path(model).suffix == ".safetensors":
        return Path(model)
    if str(model) not in SHIPPED:
        known = " and ".join(map(repr, SHIPPED))
        raise FileNotFoundError(f"there is no model {Path(model).name!r}: recon has {known}, and reads *.safetensors.")
    return FOLDER / f"{model}.safetensors"
