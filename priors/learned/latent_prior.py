"""Diffusion in the latent space of an autoencoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Operator
from recon.operators.tensors import fixed
from recon.priors.learned.decoder import Decoder
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.held_network import HeldNetwork, Precision
from recon.priors.learned.latents import Latents
from recon.priors.learned.ranges import AffineRange
from recon.priors.prior import Prior


class LatentPrior(Prior):
    """Images x = G(z) with z from a diffusion prior and G the decoder of an autoencoder.

    A problem with this prior is solved for z, with the operator A∘G: ``problem.lifted`` is that problem, whose prior is
    :class:`Latents`, and results are decoded. With network values of the images n = a x + b (``network_range`` over
    ``value_range``),

        G(z) = (decoder(z/scale + shift) − b)/a,        z = scale (encoder(a x + b) − shift).

    A decoder that is a linear operator, with shift and b zero, keeps the problem linear; other problems take methods
    for nonlinear operators. The posterior is that of z: nothing outside the decoder's range is ever found.

    Parameters
    ----------
    prior
        Of z, for latents of the shape that it states.
    decoder
        A network or another callable on ``(N, *shape of z)`` that gives ``(N, *shape of x)``, or with one channel more;
        where images are complex, it may give their two parts as channels. Or an operator.
    encoder
        A network or another callable on images ``(N, C, *pixels)``; needed to start from an image, and by methods that
        go back to z from images.
    channels
        C of the images: 1 adds the dimension for the encoder; of complex images 2 gives it both parts, 1 the real one.
    latent_channels
        1 where the decoder wants a dimension for the channel that z does not have.
    scale, shift
        See above: numbers, or tensors that broadcast against z. Diffusers' ``scaling_factor`` and ``shift_factor``.
    value_range, network_range
        (low, high) of the images here, and of those of the autoencoder; as they are by default.
    precision
        In which encoder and decoder compute, see :class:`NetworkDiffusion`.

    Source: Rombach, Blattmann, Lorenz, Esser and Ommer, CVPR 2022, section 3.
    """

    names: ClassVar[tuple[str, ...]] = ("latent_prior", "latent")

    def __init__(
        self,
        prior: DiffusionPrior,
        decoder: nn.Module | Callable[[Tensor], Tensor],
        encoder: nn.Module | Callable[[Tensor], Tensor] | None = None,
        *,
        channels: int = 1,
        latent_channels: int | None = None,
        scale: float | Tensor = 1.0,
        shift: float | Tensor = 0.0,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (0.0, 1.0),
        precision: Precision = "weights",
    ) -> None:
        if not isinstance(prior, DiffusionPrior):
            raise TypeError(f"{self.name} expects a diffusion prior of the latents, got {type(prior).__name__}.")
        shape = decoder.domain_shape if isinstance(decoder, Operator) and prior.shape is None else prior.shape
        if shape is None:
            raise ValueError(f"{self.name} expects a prior that states the shape of the latents.")
        if not callable(decoder) or not (encoder is None or callable(encoder)):
            raise TypeError(f"{self.name} expects a network or another callable as decoder and as encoder.")
        if isinstance(decoder, Operator) and decoder.domain_shape != shape:
            raise ValueError(
                f"{self.name}: the decoder takes {decoder.domain_shape}, the prior is for latents of shape {shape}."
            )
        self.prior, self.latent_shape, self.channels = prior, shape, channels
        self.latent_channels = latent_channels
        self.decoder = decoder if isinstance(decoder, Operator) else HeldNetwork(decoder, self.name, precision)
        self.encoder = None if encoder is None else HeldNetwork(encoder, self.name, precision)
        self.scale, self.shift = self._affine(scale, "scale"), self._affine(shift, "shift")
        self.range = AffineRange(value_range, network_range, self.name)

    def decode(self, z: Tensor) -> Tensor:
        """G(z) for ``(*batch, *shape of z)``, as the decoder lays images out, one channel without its dimension."""
        batch = z.shape[: z.ndim - len(self.latent_shape)]
        inside = self._times(z, 1 / self.scale) + self._like(self.shift, z)
        if isinstance(self.decoder, Operator):
            return self.range.leave(self.decoder(inside))
        flat = inside.reshape(prod(batch), *self.latent_shape)
        if self.latent_channels == 1:
            flat = flat.unsqueeze(1)
        out = self.range.leave(self.decoder.run(flat))
        if out.ndim > 2 and out.shape[1] == 1:
            out = out.squeeze(1)
        return out.reshape(*batch, *out.shape[1:])

    def encode(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """z of images ``(*batch, *shape)``.

        Errors: CapabilityError without an encoder; ValueError where it gives latents of another shape.
        """
        if self.encoder is None:
            raise CapabilityError(f"{self.name} has no encoder, which going from images to latents needs.")
        batch = x.shape[: x.ndim - len(shape)]
        size = tuple(shape)
        if x.is_complex():
            x, size = (torch.stack([x.real, x.imag], len(batch)), (2, *size)) if self.channels == 2 else (x.real, size)
        flat = self.range.enter(x).reshape(prod(batch), *((1,) if self.channels == 1 else ()), *size)
        e = self.encoder.run(flat)
        if e.numel() != prod(batch) * prod(self.latent_shape):
            raise ValueError(
                f"{self.name}: the encoder returned {tuple(e.shape)} for images {tuple(flat.shape)}; expected latents "
                f"of shape {self.latent_shape}."
            )
        e = e.reshape(*batch, *self.latent_shape)
        return self._times(e - self._like(self.shift, e), self.scale)

    def pose(self, operator: Operator, complex_images: bool) -> tuple[Operator, Latents]:
        """A∘G and the prior of z, for images of A."""
        G = self._generator(operator, complex_images)
        return operator @ G, Latents(self, G, operator)

    def _generator(self, operator: Operator, complex_images: bool) -> Operator:
        plain = self.range.identity and not bool((torch.as_tensor(self.shift) != 0).any())
        decoder, scale = self.decoder, self.scale
        if isinstance(decoder, LinearOperator) and not isinstance(scale, Tensor) and plain:
            linear: LinearOperator = decoder if scale == 1 else (1 / scale) * decoder
            if (decoder.range_field == "complex") == complex_images:
                return linear
        return Decoder(self, operator.domain_shape, complex_images)

    def _affine(self, value: float | Tensor, name: str) -> float | Tensor:
        if not isinstance(value, Tensor):
            number = float(value)
            if name == "scale" and not 0 < number < float("inf"):
                raise ValueError(f"{self.name} expects a positive scale, got {value!r}.")
            return number
        tensor: Tensor = fixed(value, self.name, name)
        try:
            tensor.expand(self.latent_shape)
        except RuntimeError:
            raise ValueError(
                f"{self.name} got a {name} of shape {tuple(tensor.shape)} for latents of shape {self.latent_shape}."
            ) from None
        return tensor

    @staticmethod
    def _like(value: float | Tensor, z: Tensor) -> float | Tensor:
        return value.to(z) if isinstance(value, Tensor) else value

    def _times(self, z: Tensor, factor: float | Tensor) -> Tensor:
        return z if isinstance(factor, float) and factor == 1 else z * self._like(factor, z)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(GaussianPrior(0.1, std=0.7, shape=(3,)), _spread, _gather, shift=0.2, scale=0.5)


def _spread(z: Tensor) -> Tensor:
    """Three numbers as an image of 2 × 3 pixels."""
    return torch.stack([z.tanh(), 0.5 * z], 1)


def _gather(x: Tensor) -> Tensor:
    return 2 * x[:, 0, 1]
