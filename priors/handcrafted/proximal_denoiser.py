"""The proximal map of a prior, as a denoiser."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from recon.priors.learned.denoiser import Denoiser
from recon.priors.prior import Prior, VariationalPrior


class ProximalDenoiser(Denoiser):
    """D(x, σ) = argmin_z ‖z − x‖²/2σ² + R(z), the MAP estimate for a prior R with an explicit cost.

    With it plug-and-play solvers are the splitting methods they are named after: PnPADMM is ADMM, and for a convex R
    its images minimise f(Ax) + R(x). They also take an R that is not convex, as other solvers of that form do not.

    Parameters
    ----------
    prior
        R.
    sigma
        Default σ > 0, in units of the images.
    dims
        Number of image axes, the last ones.
    tol, max_iter
        Accuracy, as a duality gap relative to ‖x‖²/2σ², and iteration limit where R has no prox in closed form.
    """

    def __init__(
        self,
        prior: VariationalPrior,
        sigma: float = 0.05,
        *,
        dims: int = 2,
        tol: float = 1e-6,
        max_iter: int = 1000,
    ) -> None:
        super().__init__(sigma)
        if not isinstance(prior, VariationalPrior):
            raise TypeError(f"ProximalDenoiser expects a prior with an explicit cost, got {type(prior).__name__}.")
        if isinstance(dims, bool) or not isinstance(dims, int) or dims < 1:
            raise ValueError(f"ProximalDenoiser expects dims >= 1, got {dims!r}.")
        if not 0 < tol < float("inf") or max_iter < 1:
            raise ValueError(f"ProximalDenoiser expects tol > 0 and max_iter >= 1, got {tol!r}, {max_iter!r}.")
        self.prior, self.dims, self.tol, self.max_iter = prior, dims, float(tol), max_iter

    def denoise(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        if x.ndim < self.dims:
            raise ValueError(f"ProximalDenoiser expects images of {self.dims} axes, got shape {tuple(x.shape)}.")
        shape, batch = tuple(x.shape[x.ndim - self.dims :]), tuple(x.shape[: x.ndim - self.dims])
        strength = self.sigma if sigma is None else sigma
        tau = strength**2
        if isinstance(tau, Tensor) and tau.ndim:
            if tuple(tau.shape) != batch[: tau.ndim]:
                raise ValueError(
                    f"ProximalDenoiser expects sigma to be a number or one value per item of {tuple(x.shape)}, got "
                    f"shape {tuple(tau.shape)}."
                )
            tau = tau.to(x.real if x.is_complex() else x).reshape(*tau.shape, *(1,) * (len(batch) - tau.ndim))
            tau = tau.expand(batch)
        if not prod(batch):
            return torch.zeros_like(x)
        return self.prior.prox(x, tau, shape=shape, tol=self.tol, max_iter=self.max_iter).x

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        from recon.priors.handcrafted.sparsity import Sparsity
        from recon.priors.handcrafted.total_variation import TotalVariation

        yield cls(Sparsity(0.5, transform="wavelet", wavelet="haar", level=1), 0.3)
        yield cls(TotalVariation(0.5), 0.3, dims=1, tol=1e-15)
