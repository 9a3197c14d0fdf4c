"""Gaussian noise of any covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.covariance import Covariance, in_double
from recon.operators.covariance_power import Axes, CovariancePower, along, coupled
from recon.operators.functionals.functional import Functional
from recon.operators.functionals.metric_l2 import MetricL2
from recon.operators.linear import CapabilityError
from recon.operators.noise import NoiseModel, SizedNoise, white
from recon.operators.operator import Shape

LEAST = 1e-12
"""Least eigenvalue of a covariance that is positive definite, relative to the largest."""


class CorrelatedNoise(SizedNoise):
    """y = z + σ C^½ n with white n ~ N(0, I); −log p = (z − y)ᴴ C⁻¹ (z − y)/(2σ²) + const, which is :class:`MetricL2`.

    C is a matrix on flattened data (coils of a scanner, bins of a detector), or stationary and periodic, given by its
    eigenvalues in the Fourier basis (1/f noise, stripes). For complex z and real C the real and the imaginary part each
    receive noise of covariance σ²C, in general E n nᴴ = 2σ²C, as for :class:`GaussianNoise`. Noise that differs between
    measurements but is independent is ``GaussianNoise(sigma)`` with a tensor.

    Parameters
    ----------
    covariance
        C as a self-adjoint, positive definite (m, m) matrix.
    spectrum
        Eigenvalues of a stationary C instead, laid out as by ``torch.fft.fftn``: positive and even.
    axes
        Negative numbers of the dimensions of data that C couples, in its order, the others being independent: −3 for
        the coils of (coils, ky, kx). By default all of an item for ``covariance`` and the last ``spectrum.ndim`` ones
        for ``spectrum``.
    sigma
        σ > 0: a number, or one per item.

    Errors: ValueError, in one sentence, for a C that is not positive definite, or of another size than the data.
    """

    names = ("correlated",)

    def __init__(
        self,
        covariance: Tensor | None = None,
        *,
        spectrum: Tensor | None = None,
        axes: Sequence[int] | None = None,
        sigma: float | Tensor = 1.0,
    ) -> None:
        super().__init__(sigma)
        if (covariance is None) == (spectrum is None):
            raise ValueError("CorrelatedNoise expects one of covariance and spectrum.")
        if covariance is not None:
            matrix = in_double(covariance, "CorrelatedNoise", "covariance")
            if matrix.ndim != 2 or len(matrix) != matrix.shape[1] or not len(matrix):
                raise ValueError(f"CorrelatedNoise expects a covariance (m, m), got shape {tuple(matrix.shape)}.")
            self.covariance = Covariance.from_matrix(matrix, (len(matrix),), "CorrelatedNoise")
        else:
            values = in_double(spectrum, "CorrelatedNoise", "spectrum")
            if not values.ndim or not values.numel():
                raise ValueError("CorrelatedNoise expects a spectrum with at least one dimension.")
            self.covariance = Covariance.from_spectrum(values, tuple(values.shape), "CorrelatedNoise")
        least, most = (float(v) for v in self.covariance.eigenvalues.aminmax())
        if not least > LEAST * most:
            raise ValueError(
                f"CorrelatedNoise expects a positive definite covariance, got eigenvalues from {least:.4g} to "
                f"{most:.4g}; add the white noise that there is to its diagonal or spectrum."
            )
        self.axes = None if axes is None else self._checked(axes)

    def _checked(self, axes: Sequence[int]) -> Axes:
        found = tuple(axes)
        if not found or any(isinstance(a, bool) or not isinstance(a, int) or a >= 0 for a in found):
            raise ValueError(f"CorrelatedNoise expects axes to be negative whole numbers, got {axes!r}.")
        sizes = self.covariance.shape
        assert sizes is not None
        if len(set(found)) < len(found) or (self.covariance.basis == "fourier" and len(found) != len(sizes)):
            raise ValueError(f"CorrelatedNoise expects {len(sizes)} different axes, got {axes!r}.")
        return found

    # ---------------------------------------------------------------- what a data term does

    def sample(self, clean: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return clean + self.root(white(clean, generator))

    def fidelity(self, data: Tensor, shape: Sequence[int]) -> Functional:
        f = MetricL2(self.whitening(shape), data)
        weight = self.sigma**-2
        return f if not isinstance(weight, Tensor) and weight == 1 else weight * f

    def fit(self, batch: Shape, shape: Shape) -> CorrelatedNoise:
        fitted = super().fit(batch, shape)
        if isinstance(fitted.sigma, Tensor) and fitted.sigma.ndim > len(batch):
            raise CapabilityError("CorrelatedNoise takes one sigma per item, not one per measurement.")
        self._axes(shape, whole=True)
        return fitted

    def whitening(self, shape: Sequence[int]) -> CovariancePower:
        """C^−½ on items of ``shape``, which makes white noise of standard deviation σ of this noise."""
        return CovariancePower(self.covariance, shape, self._axes(tuple(shape), whole=True))

    # ---------------------------------------------------------------- the covariance Σ = σ²C on (*batch, *shape)

    def times(self, v: Tensor) -> Tensor:
        """Σ v."""
        return self._power(v, 1)

    def inverse(self, v: Tensor) -> Tensor:
        """Σ⁻¹ v."""
        return self._power(v, -1)

    def root(self, v: Tensor) -> Tensor:
        """Σ^½ v: noise of covariance Σ where v is white."""
        return self._power(v, 0.5)

    def whiten(self, v: Tensor) -> Tensor:
        """Σ^−½ v: white where v is noise of covariance Σ."""
        return self._power(v, -0.5)

    @property
    def variance(self) -> float | Tensor:
        """Mean of the diagonal of Σ, a number or one per item."""
        return self.sigma**2 * float(self.covariance.eigenvalues.mean())

    def _power(self, v: Tensor, power: float) -> Tensor:
        if v.numel() == 0:
            return v.clone()
        axes = self._axes(tuple(v.shape))
        if self.covariance.is_complex and not v.is_complex():
            raise TypeError("CorrelatedNoise with a complex covariance is noise of complex data, got real ones.")
        level = self._over(v)
        size = level ** (2 * power)
        if isinstance(size, Tensor):
            size = size.to(v.real.dtype if v.is_complex() else v.dtype)
        return size * along(self.covariance, v, axes, self.covariance.values(v) ** power)

    def _axes(self, shape: Shape, whole: bool = False) -> Axes:
        """The dimensions coupled in tensors of a shape, or of an item where it is the ``whole`` of one."""
        sizes = self.covariance.shape
        assert sizes is not None
        if self.axes is None:
            found = coupled(self.covariance, shape)
            dense = self.covariance.basis != "fourier"
            if found and not (whole and dense and prod(shape) != prod(sizes)):
                return found
        elif max(-a for a in self.axes) <= len(shape):
            lengths = tuple(shape[a] for a in self.axes)
            if lengths == sizes or (self.covariance.basis != "fourier" and prod(lengths) == prod(sizes)):
                return self.axes
        along_axes = "" if self.axes is None else f" along axes {self.axes}"
        raise ValueError(
            f"CorrelatedNoise has a covariance for data of shape {sizes}{along_axes}, got data of shape {shape}."
        )

    @classmethod
    def examples(cls) -> Iterator[NoiseModel]:
        yield cls(torch.tensor([[0.3, 0.1, 0.0], [0.1, 0.2, -0.1], [0.0, -0.1, 0.4]]))
        yield cls(spectrum=torch.tensor([2.0, 0.5, 0.5]), sigma=0.4)
