"""Quadratic regularisation."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.functionals import SquaredL2
from recon.operators.gradient import Gradient
from recon.operators.hartley import Hartley
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import fixed
from recon.operators.unitary import UnitaryOperator
from recon.priors.handcrafted.embedding import least_difference
from recon.priors.kernels import Constants
from recon.priors.prior import Prior, Term, VariationalPrior


class Tikhonov(VariationalPrior):
    """R(x) = (λ/2) ‖L x − c‖² with any linear L (the identity by default), or (λ/2) ‖L(x − x₀)‖².

    Duality gaps are finite where the least singular value of L is known and positive, and for a
    :class:`recon.operators.Gradient`, whose kernel is.

    Parameters
    ----------
    lam
        λ > 0.
    operator
        L, a linear operator on images.
    center
        c, of the shape of L x; zero by default.
    reference
        x₀, an image; c = L x₀ in place of ``center``.
    """

    def __init__(
        self,
        lam: float = 1.0,
        operator: LinearOperator | None = None,
        center: Tensor | None = None,
        reference: Tensor | None = None,
    ) -> None:
        super().__init__(lam)
        if center is not None and reference is not None:
            raise ValueError("Tikhonov expects a center or a reference, got both.")
        self.operator = operator
        self.center = None if center is None else fixed(center, "Tikhonov", "center")
        self.reference = None if reference is None else fixed(reference, "Tikhonov", "reference")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        L, images = self.operator, tuple(shape)
        if L is not None and L.domain_shape != images:
            raise ValueError(f"Tikhonov's operator {L.name} takes images of shape {L.domain_shape}, got {shape}.")
        if self.reference is not None and tuple(self.reference.shape) != images:
            raise ValueError(
                f"Tikhonov expects a reference of shape {images}, got shape {tuple(self.reference.shape)}."
            )
        data = images if L is None else L.range_shape
        if self.center is not None and tuple(self.center.shape) != data:
            raise ValueError(f"Tikhonov expects a center of shape {data}, got {tuple(self.center.shape)}.")
        center = self.center
        if self.reference is not None:
            center = self.reference if L is None else L(self.reference)
        f = SquaredL2(data, center)
        if L is None:
            return (Term(f),)
        if isinstance(L, Gradient):
            cut = [(L.domain_shape[a], h) for a, h in zip(L.axes, L.spacing, strict=True)]
            least = least_difference(*(tuple(values) for values in zip(*cut, strict=True)))
            return (Term(f, L, kernel=Constants(images, L.axes), least=least),)
        if isinstance(L, UnitaryOperator):
            return (Term(f, L, unitary=True),)
        smallest = float(L.svd().s.min()) if "svd" in L.capabilities else 0.0
        return (Term(f, L, least=smallest if smallest > 0 else None),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.7)
        yield cls(0.7, Gradient((5, 6)))
        yield cls(0.7, Gradient((5, 6), axes=(1,)), reference=torch.linspace(0, 1, 30).reshape(5, 6))
        yield cls(2.0, center=torch.linspace(0, 1, 30).reshape(5, 6))
        yield cls(0.5, Hartley((5, 6)))
        yield cls(0.5, Diagonal(torch.linspace(0.5, 2, 30).reshape(5, 6)))
