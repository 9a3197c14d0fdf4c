"""deepinv's denoisers and diffusion networks as diffusion priors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from recon.priors.learned.alphas import alphas_of
from recon.priors.learned.edm_diffusion import EDMDiffusion
from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning
from recon.priors.learned.vp_diffusion import VPDiffusion
from recon.priors.learned.weights import with_weights
from recon.priors.prior import Prior


class DeepinvDiffusion(NetworkDiffusion):
    """D(u, σ) from a model of ``deepinv.models``, whose values are those of images in [0, 1].

    ====================  ============================================================================================
    NCSNpp, ADMUNet       the network F inside, with the preconditioning of :class:`EDMDiffusion` (d = ``pixel_std``),
                          on [−1, 1] or [0, 1] as the model says; σ from 0.002 to 80 there
    EDMPrecond            the same around its own network, on [0, 1]
    DiffUNet              the ε inside, on [−1, 1], as :class:`VPDiffusion` has it: its own D takes the nearest level
                          of training, is off by as much, and is clipped to [0, 1]
    other denoisers       D(x, σ) as it is, on [0, 1], between the levels ``sigma_range``
    ====================  ============================================================================================

    deepinv itself is not needed. A model whose D gives no gradient (BM3D, median filters) is refused by the samplers
    that need one.

    Parameters
    ----------
    model
        A model called as ``model(x, sigma)`` on ``(N, C, *pixels)`` and ``(N,)``.
    sigma_range
        (σ_min, σ_max) at which the model is of use, for images in [0, 1]; needed of other denoisers.
    network_range
        (low, high) of the images for which other denoisers were made.
    """

    names = ("deepinv_diffusion",)

    def __init__(
        self,
        model: nn.Module | Callable[[Tensor, Any], Tensor],
        shape: Sequence[int],
        *,
        sigma_range: Sequence[float] | None = None,
        channels: int = 1,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] = (0.0, 1.0),
        complex_as: Literal["refuse", "parts"] = "refuse",
        precision: Precision = "weights",
        weights: str | Path | None = None,
        sigma: float = 0.05,
    ) -> None:
        if weights is not None and isinstance(model, nn.Module):
            model, weights = with_weights(model, weights), None
        trained = _trained(model)
        if trained is None and sigma_range is None:
            raise ValueError(
                f"DeepinvDiffusion cannot tell the noise levels of {type(model).__name__}; give "
                "sigma_range=(σ_min, σ_max)."
            )
        network, inside = (model, (0.0, 1.0)) if trained is None else trained
        settings: dict[str, Any] = {
            "channels": channels,
            "value_range": value_range,
            "network_range": network_range if trained is None else inside,
            "complex_as": complex_as,
            "precision": precision,
            "weights": weights,
            "sigma": sigma,
        }
        super().__init__(network, shape, **settings)
        self.model = model
        if isinstance(network, _Epsilon):
            self.inner: NetworkDiffusion = VPDiffusion(network, shape, alphas_cumprod=network.alphas(), **settings)
        else:
            plain = not isinstance(network, _Inner)
            d = 0.5 if plain else float(model.pixel_std)  # type: ignore[union-attr, arg-type]
            width = self.range.network[1] - self.range.network[0]
            lowest, highest = (0.002, 80.0) if sigma_range is None else (width * float(end) for end in sigma_range)
            settings |= {"sigma_min": lowest, "sigma_max": highest}
            self.inner = EDMDiffusion(network, shape, sigma_data=d, preconditioned=plain, **settings)
        self.levels, self.sigma_range = self.inner.levels, self.inner.sigma_range

    def stops(self, steps: int) -> Tensor | None:
        return self.inner.stops(steps)

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        return self.inner.preconditioning(s)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(_shrink, (3, 4), sigma_range=(0.01, 10.0))


class _Inner(nn.Module):
    """F(x, c_noise) of a network of deepinv that has the preconditioning of EDM around it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        inside = getattr(self.model, "forward_unet", None)
        out: Tensor = self.model.model(x, c, class_labels=None) if inside is None else inside(x, c)
        return out


class _Epsilon(nn.Module):
    """ε(x_t, t) of deepinv's DiffUNet, images padded as it does."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        out: Tensor = self.model(x, t, type_t="timestep")
        return out

    def alphas(self) -> Tensor:
        """ᾱ in double precision: of DDPM where the model's buffers are these in single precision, else theirs."""
        stored = self.model.sqrt_alphas_cumprod.detach().double().square().cpu()
        exact = alphas_of("linear", (1e-4, 0.02), 1000)
        same = stored.shape == exact.shape and torch.allclose(stored, exact, rtol=1e-4, atol=1e-7)
        return exact if same else stored


def _trained(model: Any) -> tuple[nn.Module, tuple[float, float]] | None:
    """The network inside a model that states its convention, and its value range; None for other models."""
    if hasattr(model, "forward_diffusion") and hasattr(model, "sqrt_alphas_cumprod"):
        if getattr(model, "num_classes", None) is not None:
            raise ValueError("DeepinvDiffusion expects an unconditional DiffUNet, got one that needs class labels.")
        return _Epsilon(model), (-1.0, 1.0)
    if not hasattr(model, "pixel_std"):
        return None
    if getattr(model, "precondition_type", "edm") != "edm":
        raise ValueError(
            f"DeepinvDiffusion expects precondition_type 'edm', got {model.precondition_type!r}; wrap forward_unet as "
            "VEDiffusion."
        )
    both = getattr(model, "_was_trained_on_minus_one_one", False)
    return _Inner(model), (-1.0, 1.0) if both else (0.0, 1.0)


def _shrink(x: Tensor, s: Tensor) -> Tensor:
    """The denoiser of N(0, I)."""
    shrunk: Tensor = x / (1 + s.square()).reshape(-1, *(1,) * (x.ndim - 1))
    return shrunk
