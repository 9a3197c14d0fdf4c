"""Products of third-order tensors in the algebra of tubes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.operator import Operator


def tubal_product(a: Tensor, b: Tensor) -> Tensor:
    """a ∗ b, the t-product of ``(..., m, k, n)`` and ``(..., k, l, n)``, of shape ``(..., m, l, n)``.

    Slices at the same frequency are multiplied as matrices after a Fourier transform along the tubes, the last axis;
    so (a ∗ b)_{ij} = Σ_k a_{ik} ⊛ b_{kj} with circular convolutions of tubes.

    Source: Kilmer and Martin, Linear Algebra Appl. 435 (2011) 641, definition 3.1.
    """
    n = a.shape[-1]
    if a.ndim < 3 or b.ndim < 3 or b.shape[-1] != n or a.shape[-2] != b.shape[-3]:
        raise ValueError(
            f"tubal_product expects tensors (..., m, k, n) and (..., k, l, n), got {tuple(a.shape)}, {tuple(b.shape)}."
        )
    if a.is_complex() or b.is_complex():
        spectra = torch.einsum("...ikn,...kjn->...ijn", torch.fft.fft(a), torch.fft.fft(b))
        product: Tensor = torch.fft.ifft(spectra)
        return product
    spectra = torch.einsum("...ikn,...kjn->...ijn", torch.fft.rfft(a), torch.fft.rfft(b))
    real: Tensor = torch.fft.irfft(spectra, n)
    return real


def tubal_transpose(a: Tensor) -> Tensor:
    """aᴴ for ``(..., m, k, n)``: slices transposed and conjugated, tubes reversed but for their first entry."""
    return a.transpose(-3, -2).conj().flip(-1).roll(1, -1)


class TubalGram(Operator):
    """U ↦ U ∗ Uᴴ, from factors ``(m, r, n)`` to tensors ``(m, m, n)`` of tubal rank r at most.

    Composed with a linear operator A it states a low-rank problem by its factor: ½‖A(U ∗ Uᴴ) − y‖², without a penalty
    or convexity. Gradient methods that begin at a small U find tensors of low tubal rank even where r is large.

    Parameters
    ----------
    size
        m.
    rank
        r.
    length
        n, of the tubes.

    Source: Karnik, Veselovska, Iwen and Krahmer, Implicit regularization for tubal tensor factorizations via gradient
    descent, ICML 2025.
    """

    def __init__(self, size: int, rank: int, length: int) -> None:
        super().__init__((size, rank, length), (size, size, length))

    def apply(self, x: Tensor) -> Tensor:
        return tubal_product(x, tubal_transpose(x))

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(v, self.domain_shape, self.domain_field)
        half = tubal_product(v, tubal_transpose(x))
        return half + tubal_transpose(half)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(w, self.range_shape, self.range_field)
        return tubal_product(w + tubal_transpose(w), x)

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        yield cls(3, 2, 4)
        yield cls(2, 1, 3)
