"""Finite differences along any axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import cos, pi, sqrt
from typing import Literal

import torch
from torch import Tensor

from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import LinearOperator
from recon.operators.tensors import matching_dtype, per_item


class Gradient(LinearOperator):
    """Forward differences (Dx)_{a,i} = (x_{i+e_a} − x_i)/h_a along each axis a.

    ``(*batch, *shape)`` to ``(*batch, axes, *shape)``. At the far edge the difference is zero
    (``"neumann"``, the usual choice for total variation) or wraps around (``"circular"``).
    ‖D‖² = Σ_a s_a with s_a the largest eigenvalue of one axis, known in closed form.

    Parameters
    ----------
    shape
        Shape of one image, any number of dimensions.
    axes
        Axes to differentiate, counted within ``shape``; all by default.
    boundary
        ``"neumann"`` or ``"circular"``.
    spacing
        h_a, one number for all axes or one per axis: differences become derivatives per unit length.
    """

    def __init__(
        self,
        shape: Sequence[int],
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
    ) -> None:
        n = len(shape)
        chosen = tuple(range(n)) if axes is None else tuple(int(a) for a in axes)
        if any(not -n <= a < n for a in chosen) or len({a % n for a in chosen}) != len(chosen) or not chosen:
            raise ValueError(f"Gradient expects distinct axes of a {n}-dimensional image, got {chosen}.")
        if boundary not in ("neumann", "circular"):
            raise ValueError(f"Gradient expects boundary 'neumann' or 'circular', got {boundary!r}.")
        super().__init__(shape, (len(chosen), *shape))
        self.axes = tuple(a % n for a in chosen)
        self.boundary = boundary
        steps = (float(spacing),) * len(chosen) if isinstance(spacing, (int, float)) else tuple(map(float, spacing))
        if len(steps) != len(chosen) or any(not h > 0 for h in steps):
            raise ValueError(f"Gradient expects a positive spacing for each of {len(chosen)} axes, got {spacing!r}.")
        self.spacing = steps

    def apply(self, x: Tensor) -> Tensor:
        n, first = len(self.domain_shape), x.ndim - len(self.domain_shape)
        out = x.new_zeros((*x.shape[:first], *self.range_shape))
        for component, (axis, h) in enumerate(zip(self.axes, self.spacing, strict=True)):
            d = out.select(first, component)
            size = self.domain_shape[axis]
            along = axis - n  # counted from the end, the same in x and in d
            torch.sub(x.narrow(along, 1, size - 1), x.narrow(along, 0, size - 1), out=d.narrow(along, 0, size - 1))
            if self.boundary == "circular":
                torch.sub(x.narrow(along, 0, 1), x.narrow(along, size - 1, 1), out=d.narrow(along, size - 1, 1))
            if h != 1:
                d /= h
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        n, first = len(self.domain_shape), y.ndim - len(self.range_shape)
        out = y.new_zeros((*y.shape[:first], *self.domain_shape))
        for component, (axis, h) in enumerate(zip(self.axes, self.spacing, strict=True)):
            w = y.select(first, component)
            if h != 1:
                w = w / h
            size = self.domain_shape[axis]
            along = axis - n
            inner = w.narrow(along, 0, size - 1)
            out.narrow(along, 1, size - 1).add_(inner)
            out.narrow(along, 0, size - 1).sub_(inner)
            if self.boundary == "circular":
                last = w.narrow(along, size - 1, 1)
                out.narrow(along, 0, 1).add_(last)
                out.narrow(along, size - 1, 1).sub_(last)
        return out

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"normal_pinv", "pinv", "solve_normal"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return self._diagonalised(b, lambda s: 1 / (s + per_item(rho, b, len(self.domain_shape))))

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self._diagonalised(b, lambda s: torch.where(s > 0, 1 / torch.where(s > 0, s, 1), 0))

    def pinv(self, y: Tensor) -> Tensor:
        return self.normal_pinv(self.apply_adjoint(y))

    def _diagonalised(self, b: Tensor, response: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function of DᴴD, whose eigenvectors are Fourier modes, of the mirrored image if the edge is free."""
        sizes = [self.domain_shape[a] for a in self.axes]
        along = [a - len(self.domain_shape) for a in self.axes]
        x = b
        if self.boundary == "neumann":
            for axis in along:
                x = torch.cat([x, x.flip(axis)], dim=axis)
            sizes = [2 * n for n in sizes]
        real = not b.is_complex()
        spectrum = torch.zeros((), dtype=matching_dtype(torch.zeros(()), b), device=b.device)
        for position, (axis, n, h) in enumerate(zip(along, sizes, self.spacing, strict=True)):
            kept = n // 2 + 1 if real and position == len(along) - 1 else n  # the half that a real FFT stores
            k = torch.arange(kept, dtype=spectrum.dtype, device=b.device)
            eigenvalues = (2 * torch.sin(torch.pi * k / n) / h).square()
            spectrum = spectrum + eigenvalues.reshape(kept, *(1,) * (-axis - 1))
        if real:
            x = torch.fft.irfftn(torch.fft.rfftn(x, dim=along) * response(spectrum), s=sizes, dim=along)
        else:
            x = torch.fft.ifftn(torch.fft.fftn(x, dim=along) * response(spectrum), dim=along)
        for axis, a in zip(along, self.axes, strict=True):
            x = torch.narrow(x, axis, 0, self.domain_shape[a])
        return x

    def gram_spectrum(self) -> GramSpectrum:
        """Σ_a (2 sin(πk_a/n_a)/h_a)², of periodic differences: those across the edges are added to free edges."""
        n = len(self.domain_shape)
        total = torch.zeros((1,) * n, dtype=torch.float64)
        for axis, h in zip(self.axes, self.spacing, strict=True):
            size = self.domain_shape[axis]
            k = torch.arange(size, dtype=torch.float64).reshape(-1, *(1,) * (n - 1 - axis))
            total = total + (2 * torch.sin(torch.pi * k / size) / h).square()
        return GramSpectrum(total, True)

    def known_norm(self) -> float:
        square = 0.0
        for axis, h in zip(self.axes, self.spacing, strict=True):
            size = self.domain_shape[axis]
            if self.boundary == "neumann":  # eigenvalues 4 sin²(πk/2n), k < n
                top = 2 - 2 * cos(pi * (size - 1) / size)
            else:  # 4 sin²(πk/n), largest at the k nearest n/2
                top = 2 - 2 * cos(2 * pi * (size // 2) / size)
            square += top / h**2
        return sqrt(square)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((5,))
        yield cls((4, 1, 3), spacing=(0.5, 1.0, 2.0))
        yield cls((4, 5), boundary="circular")
        yield cls((2, 3, 4), axes=(-1, 1))
