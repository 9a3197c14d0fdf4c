"""Sparsity of a data-driven graph Laplacian."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.functionals import L1
from recon.operators.graph_laplacian import GraphLaplacian
from recon.operators.operator import Shape
from recon.operators.tensors import fixed
from recon.priors.kernels import Pieces
from recon.priors.prior import Prior, Term, VariationalPrior


class GraphLaplacianPrior(VariationalPrior):
    """R(x) = λ‖L_Ψ x‖₁, L_Ψ the :class:`recon.operators.GraphLaplacian` of a first reconstruction Ψ (graphLa+Ψ).

    Pixels are compared with those near them that look alike in Ψ, which keeps edges and textures that Ψ shows.

    Parameters
    ----------
    lam
        λ > 0.
    reference
        Ψ, of the shape of images: from filtered backprojection, Tikhonov, total variation, a network.
    sigma
        σ > 0, in squared units of Ψ; the squared hundredth of Ψ's range by default.
    radius
        r ≥ 1: windows of (2r + 1)^d pixels.

    Sources: Lou, Zhang, Osher and Bertozzi, J. Sci. Comput. 42 (2010) 185; Bianchi, Evangelista, Aleotti, Donatelli,
    Loli Piccolomini and Li, arXiv:2312.16936 (there L is divided by the Frobenius norm of W, and λ larger by it).
    """

    names = ("graph_laplacian", "graphla")

    def __init__(
        self, lam: float = 1.0, reference: Tensor | None = None, *, sigma: float | None = None, radius: int = 2
    ) -> None:
        super().__init__(lam)
        if reference is None:
            raise ValueError(
                f"{self.name} needs a reference, a first reconstruction (in a job: a file, from-file or first-guess)."
            )
        self.reference = fixed(reference, self.name, "reference")
        size = self.reference.abs() if self.reference.is_complex() else self.reference
        spread = float(size.max() - size.min()) or 1.0
        self.laplacian = GraphLaplacian(self.reference, (0.01 * spread) ** 2 if sigma is None else sigma, radius)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        L = self.laplacian
        if L.domain_shape != tuple(shape):
            raise ValueError(f"{self.name} expects images of its reference's shape {L.domain_shape}, got {shape}.")
        kernel = Pieces(L.components())
        least = L.least(kernel.domain_shape[0])
        return (Term(L1(shape), L, kernel=kernel, least=least or None),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        rows, columns = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 6), indexing="ij")
        reference = (rows + columns > 1).double() + 0.1 * rows
        yield cls(0.5, reference, sigma=0.5)
        yield cls(reference=reference * torch.exp(1j * columns), sigma=0.2, radius=1)
