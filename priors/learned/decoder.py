"""The decoder of an autoencoder as an operator from latents to images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from recon.operators.operator import Operator, Shape

if TYPE_CHECKING:
    from recon.priors.learned.latent_prior import LatentPrior


class Decoder(Operator):
    """G: z ↦ x, the images of a :class:`LatentPrior` for latents z, as the operator of a problem wants them.

    Parameters
    ----------
    prior
        The prior that has the decoder.
    shape
        Shape of one image.
    complex_images
        Whether images are complex: of a decoder that gives real ones, with 2 channels they are the two parts, else the
        imaginary part is zero.
    """

    domain_field = "real"

    def __init__(self, prior: LatentPrior, shape: Shape, complex_images: bool = False) -> None:
        super().__init__(prior.latent_shape, shape)
        self.prior = prior
        self.range_field = "complex" if complex_images else "real"

    def apply(self, z: Tensor) -> Tensor:
        batch = self.batch_shape(z)
        if z.numel() == 0:
            dtype = z.dtype.to_complex() if self.range_field == "complex" else z.dtype
            return z.new_zeros((*batch, *self.range_shape), dtype=dtype)
        if z.dtype in (torch.float16, torch.bfloat16):
            return self.apply(z.float()).to(z.dtype)
        x = self.prior.decode(z)
        if _long(x.shape[len(batch) :]) == _long(self.range_shape):
            x = x.reshape(*batch, *self.range_shape)
        if self.range_field == "complex" and not x.is_complex():
            x = self._complex(x, len(batch))
        if tuple(x.shape) != (*batch, *self.range_shape) or x.is_complex() != (self.range_field == "complex"):
            kind = "complex" if x.is_complex() else "real"
            raise ValueError(
                f"{self.prior.name}: the decoder gives {kind} images of shape {tuple(x.shape[len(batch) :])}; the "
                f"operator takes {self.range_field} ones of shape {self.range_shape}."
            )
        return x

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):  # other kernels of attention have no forward derivative
            return super().jvp(z, v)

    def _complex(self, x: Tensor, leads: int) -> Tensor:
        if tuple(x.shape[leads:]) == (2, *self.range_shape):
            return torch.complex(x.select(leads, 0), x.select(leads, 1))
        return torch.complex(x, torch.zeros_like(x))

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        from recon.priors.learned.latent_prior import LatentPrior

        for prior in LatentPrior.examples():
            assert isinstance(prior, LatentPrior)
            yield cls(prior, (2, 3))
            yield cls(prior, (3,), complex_images=True)


def _long(shape: Shape) -> tuple[int, ...]:
    """The sizes that are not 1."""
    return tuple(n for n in shape if n != 1)
