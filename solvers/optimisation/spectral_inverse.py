"""Inverses of sums of Gram operators that are, or nearly are, periodic convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import LinearOperator
from recon.operators.locality import SPECTRAL

LEAST = 1e-6
"""Smallest eigenvalue of a preconditioner over its largest one."""


class Part(NamedTuple):
    """One summand w KᴴWK: K, w ≥ 0 per item, and whether W = I."""

    operator: LinearOperator
    weight: Tensor
    plain: bool = True


@dataclass(frozen=True)
class SpectralInverse:
    """P = C⁻¹ for a positive definite periodic convolution C per item.

    Attributes
    ----------
    response
        1/C on the modes of the transform, ``(items, *shape)`` with dimensions of size 1 where it does not vary; those
        that a real transform keeps, for real images.
    dims
        The dimensions of an item to transform, counted from the end.
    above
        Whether C − Σ w KᴴK is positive semidefinite.
    """

    response: Tensor
    dims: tuple[int, ...]
    above: bool

    def __call__(self, b: Tensor) -> Tensor:
        if not self.dims:
            return self.response * b
        out = torch.empty_like(b)
        count = len(b) if b.device.type != "cpu" else max(1, SPECTRAL * len(b) // b.numel())
        for start in range(0, len(b), count):
            items = slice(start, start + count)
            out[items] = self._filter(b[items], self.response[items])
        return out

    def _filter(self, b: Tensor, response: Tensor) -> Tensor:
        if b.is_complex():
            spectrum = torch.fft.fftn(b, dim=self.dims)
            return torch.fft.ifftn(spectrum.mul_(response), dim=self.dims)  # type: ignore[no-any-return]
        spectrum = torch.fft.rfftn(b, dim=self.dims)
        sizes = [b.shape[d] for d in self.dims]
        return torch.fft.irfftn(spectrum.mul_(response), s=sizes, dim=self.dims)  # type: ignore[no-any-return]


def spectral_inverse(parts: Sequence[Part], like: Tensor, ndim: int) -> SpectralInverse | None:
    """The inverse of Σ w KᴴK for images such as ``like``, or of something near it; None where a K declares nothing.

    Every K gives its :meth:`gram_spectrum`; what lies ``above`` the sum is so in the sense of semidefinite matrices.
    """
    total: Tensor | float = 0.0
    above = True
    for operator, weight, plain in parts:
        found = _spectrum(operator, like)
        if found is None:
            return None
        total = total + weight.reshape(-1, *(1,) * ndim) * found.values
        above = above and plain and found.above
    assert isinstance(total, Tensor)
    dims = tuple(d for d in range(-ndim, 0) if total.shape[d] > 1)
    if dims and not like.is_complex():
        total = total.narrow(dims[-1], 0, total.shape[dims[-1]] // 2 + 1)
    top = total.flatten(1).amax(1).reshape(-1, *(1,) * ndim)
    return SpectralInverse(1 / total.clamp(min=LEAST * top), dims, above)


def _spectrum(operator: LinearOperator, like: Tensor) -> GramSpectrum | None:
    """The operator's, in the precision and on the device of ``like``; kept with it for the next call."""
    kept = operator.__dict__.setdefault("_constants", {})
    entry = ("gram_spectrum", like.dtype, like.device)
    if entry not in kept:
        found = operator.gram_spectrum()
        kept[entry] = None if found is None else found._replace(values=found.values.to(like.real))
    spectrum: GramSpectrum | None = kept[entry]
    return spectrum
