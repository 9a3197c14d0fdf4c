"""Total variation with weights from a first reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Self

import torch
from torch import Tensor

from recon.operators.functionals import L1, GroupL1
from recon.operators.operator import Shape
from recon.operators.tensors import fixed, is_number
from recon.priors.handcrafted.differences import Differences, difference_term
from recon.priors.prior import Prior, Term, VariationalPrior


class AdaptiveTV(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ |(Dx)ᵢ| with wᵢ = (η/(η² + |(DΨ)ᵢ|²)^½)^{1−p}, Ψ a first reconstruction.

    Edges that Ψ has cost less; where it is flat, w = 1. For p = 1 this is total variation, for p = 0 the weights are
    those of one step of iteratively reweighted ℓ1.

    Parameters
    ----------
    lam
        λ > 0.
    reference
        Ψ, of the shape of images, real or complex; with ``per_item``, one for each item of a problem's batch, in
        dimensions in front.
    eta
        η > 0, the slope of Ψ from which on an edge is spared; the mean of |DΨ| by default.
    p
        0 ≤ p ≤ 1.
    per_item
        Whether each item has a reference of its own.
    isotropic, axes, boundary, spacing, axis_weights
        As of :class:`TotalVariation`.

    Sources: Morotti, Evangelista, Sebastiani and Loli Piccolomini, arXiv:2501.09845; Candès, Wakin and Boyd, J. Fourier
    Anal. Appl. 14 (2008) 877, for p = 0.
    """

    names = ("adaptive_tv", "weighted_tv")

    def __init__(
        self,
        lam: float = 1.0,
        reference: Tensor | None = None,
        *,
        eta: float | None = None,
        p: float = 0.0,
        per_item: bool = False,
        isotropic: bool = True,
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lam)
        if reference is None:
            raise ValueError(
                f"{self.name} needs a reference, a first reconstruction (in a job: a file, from-file or first-guess)."
            )
        if eta is not None and not (is_number(eta) and 0 < eta < float("inf")):
            raise ValueError(f"{self.name} expects eta > 0, got {eta!r}.")
        if not (is_number(p) and 0 <= p <= 1):
            raise ValueError(f"{self.name} expects 0 <= p <= 1, got {p!r}.")
        self.reference = fixed(reference, self.name, "reference")
        self.eta, self.p, self.per_item, self.isotropic = eta, float(p), per_item, isotropic
        self.differences = Differences(self.name, axes, boundary, spacing, axis_weights)

    def weights(self, shape: Shape) -> Tensor:
        """w for images of ``shape``, with the dimensions of the items in front where references are theirs."""
        expected = self.reference.ndim - len(shape)
        if tuple(self.reference.shape[max(expected, 0) :]) != tuple(shape) or (expected != 0 and not self.per_item):
            raise ValueError(
                f"{self.name} expects a reference of the images' shape {shape}, got {tuple(self.reference.shape)}"
                f"{'' if self.per_item else '; say per_item=True for one per item'}."
            )
        D = self.differences.gradient(shape)
        first = self.reference.to(torch.complex128 if self.reference.is_complex() else torch.float64)
        slope = torch.linalg.vector_norm(D(first), dim=expected)
        mean = slope.flatten(expected).mean(-1)
        eta = torch.where(mean > 0, mean, 1.0) if self.eta is None else torch.full_like(mean, self.eta)
        eta = eta.reshape(*eta.shape, *(1,) * len(shape))
        weights: Tensor = (eta / torch.hypot(eta, slope)) ** (1 - self.p)
        return weights

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D, weights = self.differences.gradient(shape), self.weights(shape)
        each = weights if self.isotropic else weights.unsqueeze(weights.ndim - len(shape))
        functional = (GroupL1 if self.isotropic else L1)(D.range_shape, each)
        return (difference_term(functional, D, float(weights.min()), self.isotropic),)

    def select(self, items: Tensor) -> Self:
        return super().select(items)._with_reference(lambda first: first[items.to(first.device)])

    def flatten(self, batch: Shape) -> Self:
        rest = self.reference.shape[len(batch) :]
        return super().flatten(batch)._with_reference(lambda first: first.expand(*batch, *rest).reshape(-1, *rest))

    def _with_reference(self, change: Callable[[Tensor], Tensor]) -> Self:
        if not self.per_item:
            return self
        clone = self.with_lam(self.lam)
        clone.reference = change(self.reference)
        return clone

    def check_batch(self, batch: Shape) -> None:
        super().check_batch(batch)
        found = tuple(self.reference.shape[: len(batch)])
        if self.per_item and found != tuple(batch):
            raise ValueError(
                f"{self.name} has references for items {found}, but the batch has the shape {tuple(batch)}."
            )

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        rows, columns = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 6), indexing="ij")
        reference = (rows + columns > 1).double() + 0.1 * rows
        yield cls(0.5, reference)
        yield cls(reference=reference, eta=0.05, p=0.5, isotropic=False, boundary="circular")
        yield cls(reference=reference * torch.exp(1j * columns), p=1.0)
