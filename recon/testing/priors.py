"""The law suite of priors."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from recon.operators.operator import Shape
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.latent_prior import LatentPrior
from recon.priors.prior import Prior, VariationalPrior
from recon.solvers.problem import _Lifted
from recon.testing.denoiser_laws import DENOISER_LAWS, DenoiserCase
from recon.testing.latent_laws import LATENT_LAWS, LatentCase
from recon.testing.prior_laws import PRIOR_LAWS, PriorCase
from recon.testing.report import Report, run_laws

SHAPES: tuple[Shape, ...] = ((5, 6), (8, 8), (16, 16), (3, 8, 8), (12,))
"""Images that a prior is tried on, the first that it takes."""


def check_prior(
    prior: Prior,
    *,
    shape: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    collect: bool = False,
) -> Report:
    """Check every law that a prior obeys, on small images drawn from fixed generators.

    Priors with an explicit cost (for those with auxiliary images, the cost of image and auxiliary ones together): terms
    that fit the images; the cost per item; multiples and sums; declared unitary operators; the embedding
    inequality ‖x − Px‖ ≤ c·f(Lx) on random and extreme images and along ascents of the ratio;
    the laws of every term's functional and operator. Denoisers: shapes, σ per item, independence of neighbours, no
    randomness, pickling, and for diffusion priors the adjoint derivative. Latent priors: the laws of the prior of the
    latents and of the decoder as an operator; the encoder.

    Parameters
    ----------
    prior
        The prior.
    shape
        Shape of one image; the prior's own, or the first of (5, 6), (8, 8), (16, 16), (3, 8, 8), (12,) that it takes.
    device, only, skip, collect
        As in :func:`recon.testing.check_operator`.

    Errors: AssertionError with one sentence per broken law, unless ``collect``; TypeError for a prior of neither kind.
    """
    name, where = type(prior).__name__, torch.device(device)
    if isinstance(prior, VariationalPrior):
        chosen = _shape(prior, shape)
        count = prior.auxiliary(chosen)
        case = (
            PriorCase(_Lifted(prior, chosen), (1 + count, *chosen), where) if count else PriorCase(prior, chosen, where)
        )
        return run_laws(f"{name} on {chosen}", PRIOR_LAWS, case, only=only, skip=skip, collect=collect)
    if isinstance(prior, Denoiser):
        own = getattr(prior, "shape", None)
        chosen = tuple(shape) if shape is not None else own if own is not None else (8, 8)
        denoiser = DenoiserCase(prior, chosen, where)
        return run_laws(f"{name} on {chosen}", DENOISER_LAWS, denoiser, only=only, skip=skip, collect=collect)
    if isinstance(prior, LatentPrior):
        latent = LatentCase(prior, tuple(shape) if shape is not None else None, where)
        return run_laws(f"{name} on {prior.latent_shape}", LATENT_LAWS, latent, only=only, skip=skip, collect=collect)
    raise TypeError(f"check_prior expects a VariationalPrior, a Denoiser or a LatentPrior, got {name}.")


def _shape(prior: VariationalPrior, shape: Sequence[int] | None) -> Shape:
    if shape is not None:
        return tuple(int(n) for n in shape)
    for candidate in SHAPES:
        try:
            prior.terms(candidate)
        except ValueError:
            continue
        return candidate
    raise ValueError(f"{type(prior).__name__} takes none of the shapes {SHAPES}; pass shape=.")
