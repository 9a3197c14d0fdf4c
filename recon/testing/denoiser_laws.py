"""Laws of priors that are known through a denoiser."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.diffusion import DiffusionPrior
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import distance, dot, norm, normal, same

ROUNDING = 1e-4
"""Networks compute in single precision, and batched convolutions sum in another order."""


@dataclass(frozen=True)
class DenoiserCase:
    """A denoiser under test, on images of one shape."""

    prior: Denoiser
    shape: Shape
    device: torch.device

    def dtypes(self) -> tuple[torch.dtype, ...]:
        """Double-precision dtypes that the denoiser takes."""
        taken = []
        for dtype in (torch.float64, torch.complex128):
            try:
                self.prior.denoise(self.images((), dtype))
            except TypeError:
                continue
            taken.append(dtype)
        assert taken, "the denoiser takes neither real nor complex images."
        return tuple(taken)

    def images(self, batch: Shape, dtype: torch.dtype, seed: int = 0) -> Tensor:
        """Noisy images."""
        return 0.5 + 0.3 * normal((*batch, *self.shape), dtype, seed, self.device)

    def levels(self) -> tuple[float, float, float]:
        """Noise levels within the prior's range, around its default."""
        low, high = self.prior.sigma_range if isinstance(self.prior, DiffusionPrior) else (0.0, float("inf"))
        first, second, third = (min(max(c * self.prior.sigma, low), high) for c in (0.5, 1.0, 3.0))
        return first, second, third


def shapes(case: DenoiserCase) -> str:
    """D(x, σ) has the shape, kind of number and device of x, for batches (), (0,), (1,), (2, 3), and leaves x alone."""
    for dtype in case.dtypes():
        for batch in ((), (0,), (1,), (2, 3)):
            x = case.images(batch, dtype)
            before = x.clone()
            out = case.prior.denoise(x)
            assert out.shape == x.shape, f"images {tuple(x.shape)} became {tuple(out.shape)}."
            assert out.dtype == x.dtype, f"images of {x.dtype} became {out.dtype}."
            assert out.device == x.device, f"images on {x.device} moved to {out.device}."
            assert same(x, before), "the denoiser changed its input in place."
            assert bool(torch.isfinite(torch.view_as_real(out) if out.is_complex() else out).all()), "D is not finite."
    return "as the images"


def levels(case: DenoiserCase) -> str:
    """σ may be a number or one per item; by default it is the prior's own."""
    worst = 0.0
    for dtype in case.dtypes():
        x = case.images((3,), dtype)
        sigmas = torch.tensor(case.levels(), dtype=torch.float64, device=case.device)
        together = case.prior.denoise(x, sigmas)
        for i, sigma in enumerate(case.levels()):
            alone = case.prior.denoise(x[i], sigma)
            worst = largest(worst, distance(together[i], alone) / max(norm(alone), 1e-300))
        default, given = case.prior.denoise(x), case.prior.denoise(x, case.prior.sigma)
        at_most(distance(default, given), 0.0, "difference between the default σ and the same σ given")
    return at_most(worst, ROUNDING, "relative difference between σ per item and item by item")


def items_independent(case: DenoiserCase) -> str:
    """NaN in one image leaves its neighbours in the batch as they are."""
    worst = 0.0
    for dtype in case.dtypes():
        x = case.images((3,), dtype)
        clean = case.prior.denoise(x)
        x[1] = torch.nan
        spoiled = case.prior.denoise(x)
        worst = largest(worst, *(distance(spoiled[i], clean[i]) / max(norm(clean[i]), 1e-300) for i in (0, 2)))
        assert not bool(torch.isfinite(spoiled[1].abs()).all()), "an image full of NaN became finite numbers."
    return at_most(worst, ROUNDING, "relative change of an image next to one full of NaN")


def repeatable(case: DenoiserCase) -> str:
    """The same image gives the same answer, bit for bit, also after pickling; no random numbers are drawn."""
    state = torch.random.get_rng_state()
    copied = pickle.loads(pickle.dumps(case.prior))
    for dtype in case.dtypes():
        x = case.images((2,), dtype)
        first = case.prior.denoise(x)
        case.prior.denoise(case.images((3,), dtype, 5), case.levels()[2])
        assert same(first, case.prior.denoise(x)), "the denoiser gave two answers to one question."
        assert same(first, copied.denoise(x)), "the denoiser differs after pickling."
    assert torch.equal(state, torch.random.get_rng_state()), "the denoiser drew from torch's global generator."
    return "bit for bit"


def pullback(case: DenoiserCase) -> str:
    """linearise(u, σ) gives D(u, σ) and w ↦ Jᵀw with Re⟨Jᵀw, v⟩ = Re⟨w, (D(u + hv) − D(u − hv))/2h⟩ for h → 0."""
    if not isinstance(case.prior, DiffusionPrior):
        raise NotApplicable("no diffusion prior")
    worst = 0.0
    for dtype in case.dtypes():
        for sigma in case.levels():
            u = case.images((2,), dtype)
            v, w = normal(tuple(u.shape), dtype, 7, case.device), normal(tuple(u.shape), dtype, 8, case.device)
            mean, back = case.prior.linearise(u, sigma)
            at_most(distance(mean, case.prior(u, sigma)), ROUNDING * norm(mean), "‖linearise(u, σ).mean − D(u, σ)‖")
            h = 1e-2
            slope = (case.prior(u + h * v, sigma) - case.prior(u - h * v, sigma)) / (2 * h)
            error = abs(dot(back(w), v).real - dot(w, slope).real)
            worst = largest(worst, error / max(norm(w) * norm(slope), 1e-300))
    return at_most(worst, 1e-2, "|Re⟨Jᵀw, v⟩ − Re⟨w, Jv⟩| / ‖w‖‖Jv‖ by differences")


DENOISER_LAWS: tuple[Law, ...] = (shapes, levels, items_independent, repeatable, pullback)
