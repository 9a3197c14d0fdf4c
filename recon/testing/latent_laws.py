"""Laws of priors of latents with a decoder."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.operator import Operator, Shape
from recon.priors.learned.latent_prior import LatentPrior
from recon.testing.denoiser_laws import DENOISER_LAWS, DenoiserCase
from recon.testing.operators import check_operator
from recon.testing.report import Law, NotApplicable, run_laws
from recon.testing.samples import normal, same


@dataclass(frozen=True)
class LatentCase:
    """A latent prior under test, on images of one shape: the decoder's by default."""

    prior: LatentPrior
    given: Shape | None
    device: torch.device

    @property
    def shape(self) -> Shape:
        """Shape of one image."""
        return self.given if self.given is not None else tuple(self.prior.decode(self.latents((1,))).shape[1:])

    def latents(self, batch: Shape) -> Tensor:
        """Random latents."""
        field = self.prior.prior.field
        return normal((*batch, *self.prior.latent_shape), torch.complex128 if field == "complex" else torch.float64, 0)

    def decoder(self) -> Operator:
        """The decoder as an operator."""
        return self.prior.pose(Identity(self.shape), complex_images=False)[1].decoder


def latents(case: LatentCase) -> str:
    """The prior of the latents obeys the laws of diffusion priors."""
    inner = DenoiserCase(case.prior.pose(Identity(case.shape), False)[1], case.prior.latent_shape, case.device)
    return f"{len(run_laws('latents', DENOISER_LAWS, inner).results)} laws"


def decoder(case: LatentCase) -> str:
    """The decoder obeys the laws of operators."""
    return f"{len(check_operator(case.decoder(), device=case.device).results)} laws"


def encoder(case: LatentCase) -> str:
    """encode(x) gives latents of the prior's shape for batches (), (1,), (2, 3), and leaves x alone."""
    if case.prior.encoder is None:
        raise NotApplicable("there is none")
    for batch in ((), (1,), (2, 3)):
        x = normal((*batch, *case.shape), torch.float64, 1)
        before = x.clone()
        z = case.prior.encode(x, case.shape)
        assert tuple(z.shape) == (*batch, *case.prior.latent_shape), f"images {tuple(x.shape)} became {tuple(z.shape)}."
        assert same(x, before), "the encoder changed its input in place."
    return "shapes"


def pickling(case: LatentCase) -> str:
    """A pickled prior decodes to the same images, bit for bit."""
    z = case.latents((2,))
    copied: LatentPrior = pickle.loads(pickle.dumps(case.prior))
    assert same(case.prior.decode(z), copied.decode(z)), "images differ after pickling."
    return "bit for bit"


LATENT_LAWS: tuple[Law, ...] = (latents, decoder, encoder, pickling)
