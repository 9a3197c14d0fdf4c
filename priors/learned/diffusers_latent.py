"""Latent pipelines of diffusers as priors of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from recon.priors.learned.diffusers_diffusion import DiffusersDiffusion, given_pipeline, load_pipeline
from recon.priors.learned.held_network import Precision
from recon.priors.learned.latent_prior import LatentPrior
from recon.priors.prior import Prior


class DiffusersLatent(LatentPrior):
    """Images from a pipeline of diffusers that has an autoencoder, such as Stable Diffusion's.

    The network and its scheduler are read as by :class:`DiffusersDiffusion`. The autoencoder states how its latents are
    brought to those of the network: ``scaling_factor`` and ``shift_factor``, or ``latents_mean`` and ``latents_std``.
    Images are encoded to the mode of q(z | x).

    Parameters
    ----------
    model
        A pipeline; or the folder or hub name of one, which needs diffusers.
    shape
        Shape of the latents; by default what the network's configuration says.
    folder
        The local folder of a pipeline, instead of ``model``: in jobs relative to their file.
    scheduler
        A scheduler of diffusers instead of the pipeline's.
    conditions
        Further arguments of the network by name, see :class:`DiffusersDiffusion`.
    value_range
        (low, high) of the images here; the autoencoder's are in [−1, 1].
    precision
        In which network and autoencoder compute, see :class:`NetworkDiffusion`.
    """

    names = ("diffusers_latent",)

    def __init__(
        self,
        model: Callable[..., Any] | str | None = None,
        shape: Sequence[int] | None = None,
        *,
        folder: str | Path | None = None,
        scheduler: Callable[..., Any] | None = None,
        conditions: Mapping[str, Any] | None = None,
        value_range: Sequence[float] = (0.0, 1.0),
        precision: Precision = "weights",
    ) -> None:
        pipeline = given_pipeline(model, folder, self.name)
        autoencoder = autoencoder_of(pipeline)
        if autoencoder is None:
            raise TypeError(
                f"DiffusersLatent expects a pipeline with an autoencoder, got {type(pipeline).__name__}; use "
                "DiffusersDiffusion."
            )
        inside = (-1.0, 1.0)
        prior = DiffusersDiffusion(
            pipeline,
            shape,
            scheduler=scheduler,
            conditions=conditions,
            value_range=inside,
            network_range=inside,
            precision=precision,
        )
        assert prior.shape is not None
        dims = prior.network.dims
        scale, shift = _normalisation(autoencoder.config, dims)
        super().__init__(
            prior,
            _Decoding(autoencoder),
            _Encoding(autoencoder),
            channels=int(getattr(autoencoder.config, "in_channels", 3)),
            latent_channels=1 if len(prior.shape) == dims else None,
            scale=scale,
            shift=shift,
            value_range=value_range,
            network_range=inside,
            precision=precision,
        )

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        inner = next(iter(DiffusersDiffusion.examples()))
        assert isinstance(inner, DiffusersDiffusion)
        network = inner.network.network.network  # type: ignore[attr-defined]
        pipeline: Any = SimpleNamespace(unet=network, scheduler=inner.convention.scheduler, vae=_Mirrored())
        yield cls(pipeline)


def diffusion_from_diffusers(model: Any, **options: Any) -> DiffusersDiffusion | DiffusersLatent:
    """A pipeline of diffusers, its folder or its name, as a prior of images.

    With an autoencoder :class:`DiffusersLatent`, else :class:`DiffusersDiffusion`; ``options`` are theirs. A network
    needs its ``scheduler``.
    """
    pipeline = load_pipeline(model) if isinstance(model, (str, Path)) else model
    if isinstance(pipeline, nn.Module) or autoencoder_of(pipeline) is None:
        return DiffusersDiffusion(pipeline, **options)
    return DiffusersLatent(pipeline, **options)


def autoencoder_of(pipeline: Any) -> Any:
    """The autoencoder of a pipeline; None where it has none."""
    found = (getattr(pipeline, key, None) for key in ("vae", "vqvae", "movq"))
    return next((part for part in found if part is not None), None)


def _normalisation(config: Any, dims: int) -> tuple[float | Tensor, float | Tensor]:
    """scale and shift of z = scale (e − shift)."""
    scale, shift = getattr(config, "scaling_factor", None), getattr(config, "shift_factor", None)
    scale, shift = 1.0 if scale is None else float(scale), 0.0 if shift is None else float(shift)
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or std is None:
        return scale, shift
    wide = (-1, *(1,) * dims)
    return scale / torch.as_tensor(std).reshape(wide), torch.as_tensor(mean).reshape(wide)


class _Decoding(nn.Module):
    """z to images by an autoencoder of diffusers."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.autoencoder.decode(z, return_dict=False)[0]
        return x


class _Encoding(nn.Module):
    """Images to z, to the mode where the autoencoder gives a distribution."""

    def __init__(self, autoencoder: Any) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, x: Tensor) -> Tensor:
        found = self.autoencoder.encode(x, return_dict=False)[0]
        z: Tensor = found.mode() if hasattr(found, "mode") and not isinstance(found, Tensor) else found
        return z


class _Mirrored(nn.Module):
    """An autoencoder whose latents are mirrored images."""

    config = SimpleNamespace(in_channels=1, scaling_factor=0.5, shift_factor=0.1)

    def decode(self, z: Tensor, return_dict: bool = False) -> tuple[Tensor]:
        return (z.flip(-1).tanh(),)

    def encode(self, x: Tensor, return_dict: bool = False) -> tuple[Tensor]:
        return (x.flip(-1),)
