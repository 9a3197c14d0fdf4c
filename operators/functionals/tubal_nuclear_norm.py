"""The nuclear norm of third-order tensors in the algebra of tubes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.magnitudes import step_per_item
from recon.operators.functionals.singular_values import shrink_singular_values, singular_values


class TubalNuclearNorm(Functional):
    """f(x) = (1/n) Σₖ ‖X̂ₖ‖_*, X̂ the discrete Fourier transform of x along its tubes of length n, X̂ₖ its slices.

    The convex relaxation of the tubal rank, max rank X̂ₖ. With x = U ∗ S ∗ Vᵀ (t-SVD), f is the sum of the first
    frontal slice of S. The prox shrinks the singular values of each X̂ₖ by τ; f* is the indicator of all σ(X̂ₖ) ≤ 1.
    Real or complex.

    Parameters
    ----------
    domain_shape
        Three sizes.
    tube
        The axis of the tubes; the other two are rows and columns of the slices.

    Sources: Kilmer and Martin, Linear Algebra Appl. 435 (2011) 641; Lu et al., IEEE Trans. Pattern Anal. Mach. Intell.
    42 (2020) 925, definition 7 and theorem 4.2.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], tube: int = -1) -> None:
        super().__init__(domain_shape)
        if self.ndim != 3:
            raise ValueError(f"TubalNuclearNorm expects items of three dimensions, got shape {self.domain_shape}.")
        if isinstance(tube, bool) or not isinstance(tube, int) or not -3 <= tube < 3:
            raise ValueError(f"TubalNuclearNorm expects tube to be an axis from -3 to 2, got {tube!r}.")
        self.tube = tube % 3
        self.length = self.domain_shape[self.tube]
        self._longest = max(n for a, n in enumerate(self.domain_shape) if a != self.tube)

    def _slices(self, x: Tensor) -> Tensor:
        """X̂, slices first, for real x those of nonnegative frequency."""
        tubes = x.movedim(x.ndim - 3 + self.tube, -3)
        spectrum: Tensor = torch.fft.fft(tubes, dim=-3) if x.is_complex() else torch.fft.rfft(tubes, dim=-3)
        return spectrum

    def _counts(self, like: Tensor) -> Tensor:
        """How many slices each of :meth:`_slices` stands for."""
        k = torch.arange(self.length if like.is_complex() else self.length // 2 + 1, device=like.device)
        paired = (k > 0) & (2 * k < self.length)
        return torch.where(paired & (not like.is_complex()), 2, 1)

    def _shrunk(self, x: Tensor, threshold: float | Tensor) -> Tensor:
        if isinstance(threshold, Tensor) and threshold.ndim:
            threshold = threshold.reshape(*threshold.shape[: threshold.ndim - 3], 1)
        slices = shrink_singular_values(self._slices(x), threshold)
        real = not x.is_complex()
        tubes = torch.fft.irfft(slices, self.length, dim=-3) if real else torch.fft.ifft(slices, dim=-3)
        shrunk: Tensor = tubes.movedim(-3, x.ndim - 3 + self.tube)
        return shrunk

    def _values(self, x: Tensor) -> Tensor:
        return singular_values(self._slices(x))

    def apply(self, x: Tensor) -> Tensor:
        return (self._counts(x) * self._values(x).sum(-1)).sum(-1) / self.length

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return self._shrunk(x, step_per_item(tau, x, 3, self.name))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        step_per_item(sigma, y, 3, self.name)
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return y - self._shrunk(y, 1.0)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return 1 / self._values(y).amax((-2, -1)).clamp(min=1)

    def conjugate(self, y: Tensor) -> Tensor:
        largest = self._values(y).amax((-2, -1))
        slack = 16 * torch.finfo(largest.dtype).eps * sqrt(self._longest * self.length)
        return torch.where(largest <= 1 + slack, 0.0, torch.inf).to(largest.dtype)  # NaN is outside

    def dual_scale(self) -> float:
        return 1 / sqrt(self._longest * self.length)

    def level_radius(self, level: Tensor) -> Tensor:
        return sqrt(self.length) * level

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 2, 4))
        yield cls((3, 2, 3), tube=0)
