"""Sparsity of wavelet coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from recon.operators.functionals import L1
from recon.operators.operator import Shape
from recon.operators.wavelet import Wavelet
from recon.operators.wavelet_filters import scaling_filter
from recon.priors.prior import Prior, Term, VariationalPrior


class WaveletSparsity(VariationalPrior):
    """R(x) = λ Σⱼ |(Wx)ⱼ|, W an orthogonal wavelet transform; real or complex images.

    The prox is a soft threshold of the coefficients between W and Wᴴ.

    Parameters
    ----------
    lam
        λ > 0.
    wavelet, level, axes
        As of :class:`recon.operators.Wavelet`.
    approximation
        Whether the approximation coefficients count as well as the details. Then ‖x‖₂ = ‖Wx‖₂ ≤ R(x)/λ, so that
        duality gaps are finite; without them nothing bounds the approximation, and they prove nothing.

    Source: M. A. T. Figueiredo and R. D. Nowak, IEEE Trans. Image Process. 12 (2003) 906.
    """

    names = ("wavelet_sparsity", "wavelet")

    def __init__(
        self,
        lam: float = 1.0,
        wavelet: str = "db4",
        level: int | None = None,
        approximation: bool = True,
        axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(lam)
        scaling_filter(wavelet)  # refuse an unknown name here, where it is given
        self.wavelet, self.level, self.approximation = wavelet, level, bool(approximation)
        self.axes = None if axes is None else tuple(axes)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        W = Wavelet(shape, self.wavelet, self.level, self.axes)
        if self.approximation:
            return (Term(L1(shape), W, unitary=True, embedding=1.0),)
        weights = (W.detail_level > 0).to(torch.get_default_dtype())
        return (Term(L1(shape, weights), W, unitary=True),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, "haar", 1, approximation=False)
        yield cls(0.5, "db2")
        yield cls(wavelet="sym3", axes=(-1,))
