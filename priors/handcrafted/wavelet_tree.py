"""Wavelet coefficients that are large along branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from recon.operators.functionals import TreeNorm
from recon.operators.operator import Shape
from recon.operators.wavelet import Wavelet
from recon.operators.wavelet_filters import scaling_filter
from recon.priors.prior import Prior, Term, VariationalPrior


class WaveletTree(VariationalPrior):
    """R(x) = λ Σ_j ‖(Wx)_{T_j}‖₂, T_j an orthogonal wavelet coefficient with all finer ones of its place and direction.

    Of two images with as many large coefficients that is preferred whose large ones lie below one another, as at
    edges; isolated fine coefficients, as of noise, cost as much as with :class:`WaveletSparsity` and go first. The
    prox is exact.

    Parameters
    ----------
    lam
        λ > 0.
    wavelet, level, axes
        As of :class:`recon.operators.Wavelet`.
    approximation
        Whether the approximation coefficients count as well, each by its magnitude. Then ‖x‖₂ ≤ R(x)/λ, so that
        duality gaps are finite.

    Source: R. Jenatton, J. Mairal, G. Obozinski and F. Bach, J. Mach. Learn. Res. 12 (2011) 2297, section 6.
    """

    names = ("wavelet_tree",)

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
        counted = torch.ones(shape, dtype=torch.float64) if self.approximation else (W.detail_level > 0).double()
        return (
            Term(TreeNorm(shape, coarser(W), counted), W, unitary=True, embedding=1.0 if self.approximation else None),
        )

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, "haar", 1, approximation=False)
        yield cls(0.5, "haar", 2)
        yield cls(wavelet="db2", level=2, axes=(-1,))


def coarser(W: Wavelet) -> Tensor:
    """For each wavelet coefficient the index of that of the next coarser level at its place and of its direction.

    −1 for approximation coefficients and for the coarsest details. Where a level meets an odd size the last
    coefficients share the parent of those before.
    """
    shape = W.domain_shape
    index = torch.arange(W.detail_level.numel()).reshape(shape)
    parents = torch.full(shape, -1)
    for level in range(W.level - 1):
        for kinds in product((False, True), repeat=len(W.axes)):
            fine, coarse = _band(W, level, kinds), _band(W, level + 1, kinds)
            if not any(kinds) or fine is None or coarse is None:
                continue
            above = index[coarse]
            for axis in W.axes:
                size = fine[axis].stop - fine[axis].start
                places = torch.arange(size).div(2, rounding_mode="floor").clamp(max=above.shape[axis] - 1)
                above = above.index_select(axis, places)
            parents[fine] = above
    return parents


def _band(W: Wavelet, level: int, kinds: Sequence[bool]) -> tuple[slice, ...] | None:
    """Where the coefficients of a level lie that are high along some transformed axes; None if there are none."""
    where = [slice(0, n) for n in W.domain_shape]
    for axis, high in zip(W.axes, kinds, strict=True):
        size = max(1, W.domain_shape[axis] >> level)
        half = size // 2
        if high and not half:
            return None
        where[axis] = slice(half, 2 * half) if high else slice(0, max(1, half))
    return tuple(where)
