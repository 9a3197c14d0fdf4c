"""What every diffusion and flow prior is brought to: the posterior mean under white noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.operator import Field, Shape
from recon.operators.tensors import shared_number
from recon.priors.learned.denoiser import Denoiser, leading

Pullback = Callable[[Tensor], Tensor]


class Linearised(NamedTuple):
    """D at a point: its value, and w ↦ Jᵀw with J = ∂D/∂u, which may be called any number of times."""

    mean: Tensor
    pullback: Pullback


class DiffusionPrior(Denoiser):
    """A prior p(x₀) given by D(u, σ) = E[x₀ | x₀ + σ z = u] at every noise level, z ~ N(0, I).

    ``prior(u, sigma)`` takes ``(*batch, *shape)`` and σ as a number or one value per item. All parametrisations are
    adapted to this one: variance-preserving states are x_t = √ᾱ (scale·u + shift) with ᾱ = 1/(1 + (scale·σ)²).

    Attributes
    ----------
    shape
        Shape of one image, None where any will do.
    field
        ``"real"`` or ``"complex"`` where only such images make sense, else ``"any"``. For complex images z has unit
        variance in each of the two parts.
    sigma_range
        (σ_min, σ_max) in units of the images. σ below σ_min and above σ_max are refused.
    value_range
        (low, high) of the images, None where unbounded.
    levels
        The noise levels of training, ascending, in units of the images; None where the prior holds at any, or where
        :meth:`stops` says more.
    scale, shift
        The affine map from images to the values in which the variance-preserving process runs.
    real
        Whether complex images are taken for real ones, of which the imaginary part is zero.

    Parameters
    ----------
    shape
        See above.
    sigma
        Default strength where a plug-and-play solver uses the prior as a denoiser.
    """

    field: Field = "any"
    sigma_range: tuple[float, float] = (0.0, inf)
    value_range: tuple[float, float] | None = None
    levels: Tensor | None = None
    scale: float = 1.0
    shift: float = 0.0
    real: bool = False

    def __init__(self, shape: Shape | None, sigma: float = 0.05) -> None:
        super().__init__(sigma)
        if shape is not None and any(n < 1 for n in shape):
            raise ValueError(f"{self.name} expects positive sizes in shape, got {tuple(shape)}.")
        self.shape: Shape | None = None if shape is None else tuple(int(n) for n in shape)

    def stops(self, steps: int) -> Tensor | None:
        """The ``steps`` noise levels, descending, at which a sampler of so many steps stops by default.

        None, as here, for evenly spaced ones of :attr:`levels`.
        """
        return None

    @abstractmethod
    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        """D(u, σ) for checked arguments; a tensor σ has the dimensions of u and broadcasts against it."""

    def __call__(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        """E[x₀ | x₀ + σ z = u]."""
        level = self.checked(u, sigma)
        return u.clone() if u.numel() == 0 else self.expectation(u, level)

    def denoise(self, x: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        return self(x, self.sigma if sigma is None else sigma)

    def linearise(self, u: Tensor, sigma: float | Tensor, once: bool = False) -> Linearised:
        """D(u, σ) with its adjoint derivative, by automatic differentiation.

        In a ``torch.no_grad`` block the result is detached; elsewhere it stays differentiable, the pullback too. With
        ``once`` the pullback may be called a single time, which frees the memory it needs on the way.

        Errors: CapabilityError where the denoiser cuts the graph.
        """
        outer = torch.is_grad_enabled()
        with torch.enable_grad():
            leaf = u if outer and u.requires_grad else u.detach().requires_grad_()
            mean = self(leaf, sigma)
        self.check_graph(mean)

        def pullback(w: Tensor) -> Tensor:
            (out,) = torch.autograd.grad(mean, leaf, w, retain_graph=outer or not once, create_graph=outer)
            return out

        return Linearised(mean if outer else mean.detach(), pullback)

    def checked(self, u: Tensor, sigma: float | Tensor) -> float | Tensor:
        """σ as :meth:`expectation` takes it, once it and u have been checked."""
        self.check(u)
        if isinstance(sigma, Tensor) and sigma.shape == u.shape[:1] and not sigma.requires_grad:
            number = shared_number(sigma)
            sigma = sigma if number is None else number  # which goes to no device
        level = leading(sigma, u, self.name)
        if self.shape is not None and isinstance(sigma, Tensor) and sigma.ndim > u.ndim - len(self.shape):
            raise ValueError(f"{self.name} expects one sigma per image, got shape {tuple(sigma.shape)}.")
        self.check_sigma(sigma)
        return level

    def check_graph(self, out: Tensor) -> None:
        """Refuse what a denoiser gave where gradients cannot go back through it."""
        if not out.requires_grad:
            raise CapabilityError(f"{self.name} is not differentiable: its denoiser gives no gradient.")

    def check(self, u: Tensor) -> None:
        """Raise one sentence unless u has the prior's shape and field."""
        if self.shape is not None and tuple(u.shape[max(u.ndim - len(self.shape), 0) :]) != self.shape:
            wanted = ", ".join(["...", *map(str, self.shape)])
            raise ValueError(f"{self.name} expects images of shape ({wanted}), got {tuple(u.shape)}.")
        if (self.field == "real" and u.is_complex()) or (self.field == "complex" and not u.is_complex()):
            raise TypeError(
                f"{self.name} is a prior for {self.field} images, got {str(u.dtype).removeprefix('torch.')}."
            )

    def check_sigma(self, sigma: float | Tensor) -> None:
        """Raise one sentence unless every σ lies in the prior's range (to within 1e-4 of its ends)."""
        if isinstance(sigma, Tensor) and sigma.numel() == 0:
            return
        low, high = (float(v) for v in sigma.aminmax()) if isinstance(sigma, Tensor) else (float(sigma),) * 2
        least, most = self.sigma_range
        if not (low >= least * (1 - 1e-4) and high <= most * (1 + 1e-4)) or low < 0:
            bad = high if low >= least * (1 - 1e-4) else low
            raise ValueError(f"{self.name} holds for sigma from {least:.4g} to {most:.4g}, got {bad:.4g}.")
