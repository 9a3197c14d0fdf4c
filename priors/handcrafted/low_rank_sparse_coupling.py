"""The operator of low-rank plus sparse decompositions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Literal, get_args

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator

Transform = Literal["fourier", "none"]
GOLDEN = (1 + sqrt(5)) / 2


class LowRankSparseCoupling(LinearOperator):
    """M(x, s) = (x − s, T s) on stacks (2, *shape), T the orthonormal Fourier transform along one axis or the identity.

    As T is unitary, M has the singular values of [[1, −1], [0, 1]], the golden ratio φ and 1/φ, and an inverse:
    Mᴴ(a, b) = e for a = e_x and b = T(e_x + e_s).

    Parameters
    ----------
    shape
        Shape of one series of images.
    transform
        T; the Fourier transform needs complex images.
    axis
        Along which it is taken.
    """

    capabilities = frozenset({"preimage"})

    def __init__(self, shape: Sequence[int], transform: Transform = "fourier", axis: int = 0) -> None:
        check_transform(transform, type(self).__name__)
        shape = tuple(shape)
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"{type(self).__name__} expects an axis of images of shape {shape}, got {axis}.")
        super().__init__((2, *shape), (2, *shape))
        self.transform, self.axis = transform, axis % len(shape) - len(shape)
        if transform == "fourier":
            self.domain_field = self.range_field = "complex"

    def _forward(self, s: Tensor) -> Tensor:
        spectra: Tensor = s if self.transform == "none" else torch.fft.fft(s, dim=self.axis, norm="ortho")
        return spectra

    def _backward(self, b: Tensor) -> Tensor:
        series: Tensor = b if self.transform == "none" else torch.fft.ifft(b, dim=self.axis, norm="ortho")
        return series

    def apply(self, x: Tensor) -> Tensor:
        place = x.ndim - len(self.domain_shape)
        image, sparse = x.unbind(place)
        return torch.stack([image - sparse, self._forward(sparse)], dim=place)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        place = y.ndim - len(self.range_shape)
        low, spectra = y.unbind(place)
        return torch.stack([low, self._backward(spectra) - low], dim=place)

    def preimage(self, e: Tensor) -> Tensor:
        place = e.ndim - len(self.domain_shape)
        image, sparse = e.unbind(place)
        return torch.stack([image, self._forward(image + sparse)], dim=place)

    def known_norm(self) -> float:
        return GOLDEN

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((3, 4))
        yield cls((2, 3, 5), "fourier", -1)
        yield cls((4, 3), "none")


def check_transform(transform: str, owner: str) -> None:
    """Refuse a transform of another name."""
    if transform not in get_args(Transform):
        raise ValueError(f"{owner} expects a transform among {', '.join(get_args(Transform))}, got {transform!r}.")
