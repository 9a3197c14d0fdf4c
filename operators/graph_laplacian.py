"""The Laplacian of a graph whose edges a reference image weighs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import pi, prod, sin

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.tensors import fixed, is_number

NONE = 1e-12
"""Weights up to which there is no edge."""

DENSE = 1024
"""Pixels up to which eigenvalues come from a matrix."""


class GraphLaplacian(LinearOperator):
    """(Lx)ᵢ = Σⱼ Wᵢⱼ(xᵢ − xⱼ), Wᵢⱼ = exp(−|Ψᵢ − Ψⱼ|²/σ) for pixels j ≠ i in a window about i, else 0.

    L = diag(W1) − W is self-adjoint and nonnegative, and L1 = 0. It is applied shift by shift, without a matrix.
    Weights below 1e-12, which rounding would lose, are set to zero.

    Parameters
    ----------
    reference
        Ψ, one image of any number of dimensions, real or complex.
    sigma
        σ > 0, in squared units of Ψ: pixels that differ by more than √σ hardly count as neighbours.
    radius
        r ≥ 1: the window has (2r + 1)^d pixels.
    """

    def __init__(self, reference: Tensor, sigma: float = 1e-2, radius: int = 2) -> None:
        psi = fixed(reference, "GraphLaplacian", "reference")
        if psi.ndim < 1:
            raise ValueError("GraphLaplacian expects a reference image, got a number.")
        if not (is_number(sigma) and 0 < sigma < float("inf")):
            raise ValueError(f"GraphLaplacian expects sigma > 0, got {sigma!r}.")
        if isinstance(radius, bool) or not isinstance(radius, int) or radius < 1:
            raise ValueError(f"GraphLaplacian expects a radius of at least 1, got {radius!r}.")
        super().__init__(psi.shape, psi.shape)
        self.sigma, self.radius = float(sigma), radius
        psi = psi.to(torch.complex128 if psi.is_complex() else torch.float64)
        zero = (0,) * psi.ndim
        around = product(*(range(-min(radius, n - 1), min(radius, n - 1) + 1) for n in psi.shape))
        self.shifts = tuple(shift for shift in around if shift > zero)  # each pair of pixels once
        self.weights = torch.zeros((len(self.shifts), *psi.shape), dtype=torch.float64)
        for w, shift in zip(self.weights, self.shifts, strict=True):
            here, there = _pair(psi, shift)
            links = torch.exp(-(there - here).abs().square() / self.sigma)
            _pair(w, shift)[0].copy_(torch.where(links > NONE, links, 0.0))

    def apply(self, x: Tensor) -> Tensor:
        weights, out = self.constant("weights", x), torch.zeros_like(x)
        for w, shift in zip(weights, self.shifts, strict=True):
            here, there = _pair(x, shift)
            flow = _pair(w, shift)[0] * (there - here)
            first, second = _pair(out, shift)
            first.sub_(flow)
            second.add_(flow)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    def degrees(self) -> Tensor:
        """Σⱼ Wᵢⱼ, of the shape of the image, in double precision."""
        out = torch.zeros(self.domain_shape, dtype=torch.float64)
        for w, shift in zip(self.weights, self.shifts, strict=True):
            for end in _pair(out, shift):
                end.add_(_pair(w, shift)[0])
        return out

    def norm_bound(self, like: Tensor | None = None) -> float:
        """The largest dᵢ + dⱼ over edges of positive weight, d the degrees (Anderson and Morley, 1985)."""
        degrees, largest = self.degrees(), 0.0
        for w, shift in zip(self.weights, self.shifts, strict=True):
            (here, there), weight = _pair(degrees, shift), _pair(w, shift)[0]
            sums = torch.where(weight > 0, here + there, 0.0)
            largest = max(largest, float(sums.max()) if sums.numel() else 0.0)
        return largest

    def components(self) -> Tensor:
        """Numbers from 0 of the connected components that the pixels belong to, of the shape of the image."""
        index = torch.arange(prod(self.domain_shape)).reshape(self.domain_shape)
        starts, ends = [], []
        for w, shift in zip(self.weights, self.shifts, strict=True):
            (here, there), linked = _pair(index, shift), _pair(w, shift)[0] > 0
            starts.append(here[linked])
            ends.append(there[linked])
        pairs = (torch.cat(starts).numpy(), torch.cat(ends).numpy())
        graph = coo_matrix((np.ones(len(pairs[0])), pairs), shape=(index.numel(), index.numel()))
        _, labels = connected_components(graph, directed=False)
        return torch.from_numpy(labels.astype("int64")).reshape(self.domain_shape)

    def least(self, components: int) -> float:
        """An s with ‖Lx‖ ≥ s‖x − Px‖, P the projection on images constant on each component; zero where none is known.

        For images of up to 1024 pixels the least eigenvalue after as many zeros as there are ``components``, reduced by
        what rounding may have added. For others by the weakest link wₙ between next neighbours, since
        ⟨x, Lx⟩ ≥ wₙ‖Dx‖² ≥ wₙ (2 sin(π/2n))² ‖x − mean(x)‖², n the longest side.
        """
        pixels = prod(self.domain_shape)
        if components == pixels:
            return 1.0
        if pixels <= DENSE:
            eye = torch.eye(pixels, dtype=torch.float64).reshape(-1, *self.domain_shape)
            values = torch.linalg.eigvalsh(self.apply(eye).reshape(pixels, pixels))
            rounding = pixels * torch.finfo(values.dtype).eps * float(values[-1])
            return max(float(values[components]) - rounding, 0.0)
        weakest = float("inf")
        for w, shift in zip(self.weights, self.shifts, strict=True):
            if sum(abs(s) for s in shift) == 1:
                weakest = min(weakest, float(_pair(w, shift)[0].min()))
        return weakest * (2 * sin(pi / (2 * max(self.domain_shape)))) ** 2

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        rows, columns = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 6), indexing="ij")
        yield cls((rows + columns > 1).double() + 0.1 * rows, 0.5)
        yield cls(columns * torch.exp(1j * rows), 0.1, 1)
        yield cls(torch.linspace(0, 1, 24).reshape(2, 3, 4), 0.3, 3)


def _pair(x: Tensor, shift: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Views of the pixels i for which i + shift is a pixel, too, and of those."""
    here, there, n = x, x, len(shift)
    for axis, step in enumerate(shift):
        along = axis - n
        size = x.shape[along] - abs(step)
        here = here.narrow(along, max(-step, 0), size)
        there = there.narrow(along, max(step, 0), size)
    return here, there
