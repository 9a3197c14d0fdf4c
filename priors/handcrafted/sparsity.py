"""Sparsity of an image or of its coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from recon.operators.functionals import L0, L1, MCP, SCAD, Functional, GroupL1, KSparse
from recon.operators.hartley import Hartley
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.undecimated_wavelet import UndecimatedWavelet
from recon.operators.unitary import UnitaryOperator
from recon.operators.wavelet import Wavelet
from recon.operators.wavelet_filters import scaling_filter
from recon.priors.prior import Prior, Term, VariationalPrior

Penalty = Literal["l1", "l0", "scad", "mcp", "k_sparse"]
Transform = Literal["none", "wavelet", "undecimated_wavelet"]


class Sparsity(VariationalPrior):
    """R(x) = λ Σⱼ wⱼ φ(|(Lx)ⱼ|) with φ one of several penalties and L the identity or a transform.

    ========== ===================================================== =========
    penalty    φ(t)                                                  convex
    ========== ===================================================== =========
    l1         t                                                     yes
    l0         1 for t ≠ 0                                           no
    scad       :class:`recon.operators.SCAD` of ``knee`` and ``a``   no
    mcp        :class:`recon.operators.MCP` of ``saturation``        no
    k_sparse   no cost for at most ``k`` nonzeros in all, else ∞     no
    ========== ===================================================== =========

    The prox is exact where L is unitary, for every penalty; magnitudes are moduli where Lx is complex. With
    ``"undecimated_wavelet"`` and ``"l1"``, w are the weights for which R is the mean over all shifts of ℓ1 norms of
    orthogonal wavelet coefficients (:attr:`recon.operators.UndecimatedWavelet.shift_weights`): wavelet sparsity that
    does not know where the pixel grid begins.

    Parameters
    ----------
    lam
        λ > 0.
    penalty
        φ.
    transform
        L: nothing, :class:`recon.operators.Wavelet` or :class:`recon.operators.UndecimatedWavelet`.
    operator
        Any other linear L, in place of a ``transform``.
    wavelet, level, axes
        As of the transforms; by default all axes, with ``groups`` all but the first.
    approximation
        Whether the approximation coefficients of the transforms count as well as the details.
    knee, a, saturation
        Where scad and mcp level off, in the units of Lx: ``knee`` and ``saturation`` are magnitudes.
    k
        Number of nonzeros for ``"k_sparse"``.
    groups
        Whether magnitudes are Euclidean norms over the first image dimension (joint sparsity of channels, coils or
        frames).
    """

    names = ("sparsity",)

    def __init__(
        self,
        lam: float = 1.0,
        penalty: Literal["l1", "l0", "scad", "mcp", "k_sparse"] = "l1",
        transform: Literal["none", "wavelet", "undecimated_wavelet"] = "none",
        *,
        operator: LinearOperator | None = None,
        wavelet: str = "db4",
        level: int | None = None,
        axes: Sequence[int] | None = None,
        approximation: bool = True,
        knee: float = 1.0,
        a: float = 3.7,
        saturation: float = 3.0,
        k: int | None = None,
        groups: bool = False,
    ) -> None:
        super().__init__(lam)
        if penalty not in get_args(Penalty):
            raise ValueError(f"Sparsity expects a penalty among {', '.join(get_args(Penalty))}, got {penalty!r}.")
        if transform not in get_args(Transform):
            raise ValueError(f"Sparsity expects a transform among {', '.join(get_args(Transform))}, got {transform!r}.")
        if operator is not None and transform != "none":
            raise ValueError(f"Sparsity expects a transform or an operator, got {transform!r} and {operator.name}.")
        if (k is None) == (penalty == "k_sparse"):
            raise ValueError(f"Sparsity expects k with the penalty 'k_sparse' and only then, got {penalty!r}, k={k!r}.")
        if not approximation and (transform == "none" or penalty == "k_sparse"):
            raise ValueError("Sparsity can leave approximations out of wavelet transforms and weighted penalties only.")
        if transform == "undecimated_wavelet" and (penalty != "l1" or groups):
            raise ValueError("Sparsity of undecimated wavelets has the penalty 'l1', without groups.")
        scaling_filter(wavelet)  # refuse bad values here, where they are given
        SCAD((1,), knee, a)
        MCP((1,), saturation)
        self.penalty, self.transform, self.operator = penalty, transform, operator
        self.wavelet, self.level, self.axes = wavelet, level, None if axes is None else tuple(axes)
        self.approximation, self.groups = bool(approximation), bool(groups)
        self.knee, self.a, self.saturation, self.k = knee, a, saturation, k

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        L, weights = self._transform(tuple(shape))
        f = self._functional(tuple(shape) if L is None else L.range_shape, weights)
        unitary = isinstance(L, UnitaryOperator)
        tight = unitary or isinstance(L, UndecimatedWavelet)
        bounded = f.convex and tight and self.approximation
        embedding = 1 / float(weights.min()) if bounded else None
        return (Term(f, L, unitary, embedding=embedding, least=1.0 if bounded else None),)

    def _transform(self, shape: Shape) -> tuple[LinearOperator | None, Tensor]:
        """L, and the weights of its coefficients."""
        ones = torch.ones((), dtype=torch.float64)
        if self.transform == "wavelet":
            axes = tuple(range(1, len(shape))) if self.groups and self.axes is None else self.axes
            W = Wavelet(shape, self.wavelet, self.level, axes)
            if self.groups and 0 in W.axes:
                raise ValueError("Sparsity in groups over the first axis expects a transform along other axes only.")
            if self.approximation:
                return W, ones
            details = (W.detail_level > 0).to(torch.float64)
            return W, details[0] if self.groups else details
        if self.transform == "undecimated_wavelet":
            frame = UndecimatedWavelet(shape, self.wavelet, self.level, self.axes)
            weights = frame.shift_weights
            if not self.approximation:
                weights = weights * (frame.band_level > 0).reshape(weights.shape)
            return frame, weights
        if self.operator is not None and self.operator.domain_shape != shape:
            raise ValueError(
                f"Sparsity's operator {self.operator.name} takes images of shape {self.operator.domain_shape}, "
                f"got {shape}."
            )
        return self.operator, ones

    def _functional(self, shape: Shape, weights: Tensor) -> Functional:
        match self.penalty:
            case "l1":
                return GroupL1(shape, weights) if self.groups else L1(shape, weights)
            case "l0":
                return L0(shape, weights, self.groups)
            case "scad":
                return SCAD(shape, self.knee, self.a, weights, self.groups)
            case "mcp":
                return MCP(shape, self.saturation, weights, self.groups)
        assert self.k is not None
        return KSparse(shape, self.k, self.groups)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, transform="undecimated_wavelet", wavelet="haar", level=2)
        yield cls(0.5, transform="undecimated_wavelet", wavelet="db2", approximation=False)
        yield cls(0.5, "l0", "wavelet", wavelet="haar", level=1, approximation=False)
        yield cls(0.5, "mcp", saturation=0.8)
        yield cls(0.5, "scad", "wavelet", wavelet="db2", axes=(-1,), knee=0.4, groups=True)
        yield cls(penalty="k_sparse", k=4)
        yield cls(0.5, operator=Hartley((5, 6)))
        yield cls(0.5, transform="wavelet", wavelet="haar", axes=(-1,), groups=True, approximation=False)
