"""Coarser sampling after a low-pass filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from recon.operators.extension import Margins, extend, fold
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import per_item

Filter = Literal["gaussian", "bicubic", "box"]


class Downsample(LinearOperator):
    """y[i] = Σ_j h[j] x̃[f i + j − o]: filter, then keep one sample in f along each axis.

    Pixels are aligned by their areas: coarse pixel i covers fine pixels f i, ..., f i + f − 1, and h is symmetric about
    the centre f i + (f − 1)/2 of that block, for even and odd f. A size n gives ⌈n/f⌉ coarse pixels. x̃ is the
    half-sample symmetric extension (d c b a | a b c d | d c b a) and Σh = 1, so that constants are reproduced. The
    operator acts axis by axis, A = A₁ ⊗ A₂ ⊗ ..., which gives the norm Π‖A_a‖ and the capabilities in closed form from
    the eigenvectors of the small matrices A_a A_aᵀ.

    =============== =====================================================================================
    ``filter``      h at distance r (in fine pixels) from the centre, before scaling to unit sum
    =============== =====================================================================================
    ``"gaussian"``  exp(−r²/(2σ²)), σ = f/2, out to 4σ: gain 0.29 at the new Nyquist frequency, 0.007 at
                    the new sampling frequency
    ``"bicubic"``   Keys' cubic kernel (a = −½) of r/f, support |r| < 2f: cubic interpolation, antialiased
    ``"box"``       1 for |r| < f/2: the mean of each block
    =============== =====================================================================================

    Parameters
    ----------
    shape
        Shape of one image.
    factor
        f ≥ 1: one integer for all axes, or one each for the last ``len(factor)`` axes.
    filter
        See the table.

    Source: R. G. Keys, IEEE Trans. Acoust. Speech Signal Process. 29 (1981) 1153.
    """

    def __init__(
        self,
        shape: Sequence[int],
        factor: int | Sequence[int] = 2,
        filter: Literal["gaussian", "bicubic", "box"] = "gaussian",
    ) -> None:
        if filter not in ("gaussian", "bicubic", "box"):
            raise ValueError(f"Downsample expects filter 'gaussian', 'bicubic' or 'box', got {filter!r}.")
        shape = tuple(shape)
        self.factors = _factors(factor, len(shape))
        super().__init__(shape, tuple(-(-n // f) for n, f in zip(shape, self.factors, strict=True)))
        self.filter = filter
        self._axes = [_Axis(axis - len(shape), f, *_taps(f, filter)) for axis, f in enumerate(self.factors) if f > 1]

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], *, factor: int | Sequence[int] = 2, **_: Any) -> Shape:
        """Shape of the images whose coarse versions have ``data_shape``: m f along each axis."""
        return tuple(m * f for m, f in zip(data_shape, _factors(factor, len(data_shape)), strict=True))

    def apply(self, x: Tensor) -> Tensor:
        for axis in self._axes:
            x = axis.forward(x, self.range_shape[axis.axis])
        return x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        for axis in reversed(self._axes):
            y = axis.backward(y, self.domain_shape[axis.axis])
        return y

    # ---------------------------------------------------------------- closed forms

    @cached_property
    def _eigen(self) -> list[tuple[Tensor, Tensor]]:
        """Eigenvalues and eigenvectors of A_a A_aᵀ for each axis."""
        pairs = []
        for axis in self._axes:
            n, m = self.domain_shape[axis.axis], self.range_shape[axis.axis]
            step = axis._replace(axis=-1)
            matrix = step.forward(torch.eye(n, dtype=torch.float64), m).mT
            values, vectors = torch.linalg.eigh(matrix @ matrix.mT)
            pairs.append((values.clamp(min=0), vectors))
        return pairs

    def known_norm(self) -> float:
        return prod(float(values[-1]) for values, _ in self._eigen) ** 0.5

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        weight = per_item(rho, b, len(self.domain_shape))
        if isinstance(weight, Tensor):
            weight = weight.to(device=b.device, dtype=b.real.dtype if b.is_complex() else b.dtype)
        # (AᴴA + ρI)⁻¹ = (I − Aᴴ (AAᴴ + ρI)⁻¹ A)/ρ
        solution: Tensor = (b - self.adjoint(self._spectral(self(b), lambda s: 1 / (s + weight)))) / weight
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        """A⁺y; singular values up to 10ε‖A‖ (ε of the precision of y) or 3·10⁻⁷‖A‖ count as zeros."""
        self.check(y, self.range_shape, self.range_field)
        return self.adjoint(self._spectral(y, lambda s: self._inverse(s)))

    def normal_pinv(self, b: Tensor) -> Tensor:
        """(AᴴA)⁺b, with the same singular values counted as zeros as in :meth:`pinv`."""
        self.check(b, self.domain_shape, self.domain_field)
        return self.adjoint(self._spectral(self(b), lambda s: self._inverse(s).square()))

    def _inverse(self, s: Tensor) -> Tensor:
        cutoff = max(1e-13, (10 * torch.finfo(s.dtype).eps) ** 2) * self.known_norm() ** 2
        return torch.where(s > cutoff, 1 / torch.where(s > cutoff, s, 1), 0)

    def _spectral(self, y: Tensor, response: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function of AAᴴ, given on its eigenvalues."""
        spectrum = torch.ones((), dtype=y.real.dtype if y.is_complex() else y.dtype, device=y.device)
        vectors = []
        for axis, (values, columns) in zip(self._axes, self._eigen, strict=True):
            spectrum = spectrum * values.to(spectrum).reshape(-1, *(1,) * (-axis.axis - 1))
            vectors.append(columns.to(device=y.device, dtype=y.dtype))
        for axis, columns in zip(self._axes, vectors, strict=True):
            y = (y.movedim(axis.axis, -1) @ columns).movedim(-1, axis.axis)
        y = y * response(spectrum)
        for axis, columns in zip(self._axes, vectors, strict=True):
            y = (y.movedim(axis.axis, -1) @ columns.mT).movedim(-1, axis.axis)
        return y

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((6, 5), 2)
        yield cls((4, 7), (2, 3), "bicubic")
        yield cls((3, 9), (4,), "box")
        yield cls((3, 1, 6), (1, 2, 3))


class _Axis(NamedTuple):
    """The operator along one axis, counted from the end."""

    axis: int
    factor: int
    taps: tuple[float, ...]
    before: int

    def _margins(self, n: int, m: int) -> Margins:
        total = (m - 1) * self.factor + len(self.taps)
        return Margins(self.before, max(0, total - self.before - n), max(total, self.before + n))

    def _window(self, x: Tensor, start: int, m: int) -> Tensor:
        index = [slice(None)] * x.ndim
        index[self.axis] = slice(start, start + (m - 1) * self.factor + 1, self.factor)
        return x[tuple(index)]

    def _pads(self, ndim: int, shape: Sequence[int], n: int, m: int) -> list[Margins]:
        rest = shape[len(shape) + self.axis + 1 :]
        return [self._margins(n, m), *(Margins(0, 0, size) for size in rest)]

    def forward(self, x: Tensor, m: int) -> Tensor:
        n = x.shape[self.axis]
        extended = extend(x, self._pads(x.ndim, x.shape, n, m), "reflect")
        out = self._window(extended, 0, m) * self.taps[0]
        for start, tap in enumerate(self.taps[1:], 1):
            out.add_(self._window(extended, start, m), alpha=tap)
        return out

    def backward(self, y: Tensor, n: int) -> Tensor:
        m = y.shape[self.axis]
        pads = self._pads(y.ndim, y.shape, n, m)
        shape = list(y.shape)
        shape[self.axis] = pads[0].total
        extended = y.new_zeros(shape)
        for start, tap in enumerate(self.taps):
            self._window(extended, start, m).add_(y, alpha=tap)
        return fold(extended, [n, *y.shape[y.ndim + self.axis + 1 :]], pads, "reflect")


def _factors(factor: int | Sequence[int], ndim: int) -> tuple[int, ...]:
    given = (factor,) * ndim if isinstance(factor, int) else tuple(factor)
    if any(isinstance(f, bool) or not isinstance(f, int) or f < 1 for f in given) or not 1 <= len(given) <= ndim:
        raise ValueError(f"Downsample expects an integer factor >= 1 for up to {ndim} axes, got {factor!r}.")
    return (1,) * (ndim - len(given)) + given


def _taps(factor: int, filter: Filter) -> tuple[tuple[float, ...], int]:
    """h on whole pixels, and how many of them lie before the block's first pixel."""
    reach = {"gaussian": 2 * factor, "bicubic": 2 * factor, "box": factor / 2}[filter]
    before = int(reach - factor / 2)
    r = torch.arange(-before, factor + before, dtype=torch.float64) - (factor - 1) / 2
    if filter == "gaussian":
        taps = torch.exp(-2 * (r / factor).square())
    elif filter == "box":
        taps = torch.ones_like(r)
    else:
        t = (r / factor).abs()
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        taps = torch.where(t < 1, near, torch.where(t < 2, far, 0.0))
    return tuple((taps / taps.sum()).tolist()), before
