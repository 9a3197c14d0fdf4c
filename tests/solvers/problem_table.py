"""Problems of every kind with optima of an interior-point solver, each at several norms of the operator."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cvxpy as cp
import numpy as np

from recon.operators import (
    BeerLambertNoise,
    BesselPotential,
    GaussianNoise,
    Gradient,
    GraphLaplacian,
    HuberFidelity,
    Identity,
    L1Fidelity,
    L2BallFidelity,
    SobolevFidelity,
    Wavelet,
)
from recon.priors import (
    ICTV,
    TGV,
    AdaptiveTV,
    Box,
    DirectionalTV,
    Entropy,
    FusedLasso,
    GraphLaplacianPrior,
    HuberTV,
    LineTV,
    LocallyLowRank,
    LowRank,
    LowRankPlusSparse,
    NonNegative,
    Simplex,
    Sparsity,
    Support,
    Tikhonov,
    TotalVariation,
    TubalLowRank,
    VectorialTV,
    WaveletSparsity,
    WaveletTree,
)

from ..priors.optima import differences, lengths, matrix
from ..priors.test_ictv import penalty as ictv
from ..priors.test_low_rank_plus_sparse import penalty as low_rank_sparse
from ..priors.test_tgv import penalty as tgv
from .convex_costs import (
    adaptive,
    beer,
    branches,
    casorati,
    directional,
    fused,
    kullback,
    l1_behind,
    local_rank,
    nonnegative,
    plus,
    quadratic,
    relative_entropy,
    tubal,
    tv,
    undecimated,
    vectorial,
    weighted,
)
from .problem_parts import (
    FRAMES,
    INSIDE,
    REFERENCE,
    SHAPE,
    SHIFTED,
    WEIGHTS,
    blur,
    coils,
    inpainting,
    lowered,
    periodic,
    rays,
    two_blurs,
    unequal,
)
from .questions import Known, Question, ask, poisson

SCALES = (0.1, 1.0, 10.0)

QUESTIONS: dict[str, Callable[[], Question]] = {
    "least squares, two blurs": lambda: ask(None, None, operator=two_blurs),
    "least squares, CT": lambda: ask(None, None, operator=rays),
    "Tikhonov": lambda: ask(Tikhonov(3.0), quadratic(3.0)),
    "Tikhonov of slopes": lambda: ask(Tikhonov(20.0, Gradient(SHAPE)), quadratic(20.0, np.vstack(differences(SHAPE)))),
    "Tikhonov, periodic blur": lambda: ask(Tikhonov(3.0), quadratic(3.0), operator=periodic),
    "x ≥ 0": lambda: ask(NonNegative(), None, constraints=nonnegative, images=lowered),
    "box": lambda: ask(Box(0.2, 1.0), None, constraints=lambda z: [z >= 0.2, z <= 1.0]),
    "simplex": lambda: ask(Simplex(30.0), None, constraints=lambda z: [z >= 0, cp.sum(z) == 30]),
    "support": lambda: ask(Support(INSIDE), None, constraints=lambda z: [z[: 2 * SHAPE[1]] == 0]),
    "entropy": lambda: ask(Entropy(5.0, 0.8), relative_entropy(5.0)),
    "TV": lambda: ask(TotalVariation(8.0), tv(8.0)),
    "anisotropic TV": lambda: ask(TotalVariation(8.0, isotropic=False), tv(8.0, isotropic=False)),
    "weighted TV": lambda: ask(TotalVariation(8.0, weights=WEIGHTS), tv(8.0, weights=WEIGHTS.numpy().ravel())),
    "adaptive TV": lambda: ask(AdaptiveTV(8.0, REFERENCE, eta=0.2), tv(8.0, weights=adaptive())),
    "directional TV": lambda: ask(DirectionalTV(8.0, direction=SHIFTED), directional(8.0)),
    "line TV": lambda: ask(LineTV(8.0, (0, 1)), tv(8.0, isotropic=False)),
    "fused lasso": lambda: ask(FusedLasso(8.0, 0.2), fused(8.0, 0.2)),
    "Huber TV": lambda: ask(
        HuberTV(8.0, 0.1), lambda z: 40 * cp.sum(cp.huber(lengths([d @ z for d in differences(SHAPE)]), 0.1))
    ),
    "TGV": lambda: ask(TGV(6.0), tgv(SHAPE, 6.0, 2.0), extra=2),
    "infimal convolution": lambda: ask(ICTV(6.0), ictv(SHAPE, 6.0, 2.0), extra=1),
    "vectorial TV": lambda: ask(VectorialTV(5.0), vectorial(5.0), operator=lambda s: blur(s, FRAMES)),
    "nuclear TV": lambda: ask(VectorialTV(5.0, "nuclear"), vectorial(5.0, True), operator=lambda s: blur(s, FRAMES)),
    "low rank": lambda: ask(LowRank(20.0), casorati(20.0), operator=lambda s: blur(s, FRAMES)),
    "low rank + sparse": lambda: ask(
        LowRankPlusSparse(20.0, 0.3, transform="none"),
        low_rank_sparse(FRAMES, 20.0, 0.3),
        extra=1,
        operator=lambda s: blur(s, FRAMES),
    ),
    "locally low rank": lambda: ask(
        LocallyLowRank(20.0, (2, 3)), local_rank(20.0), operator=lambda s: blur(s, (3, 4, 6))
    ),
    "tubal low rank": lambda: ask(TubalLowRank(20.0), tubal(20.0), operator=lambda s: blur(s, (4, 4, 3))),
    "ℓ1": lambda: ask(Sparsity(5.0), lambda z: 5.0 * cp.norm1(z)),
    "wavelets": lambda: ask(WaveletSparsity(5.0, "db2", 1), l1_behind(5.0, Wavelet(SHAPE, "db2", 1))),
    "wavelet tree": lambda: ask(WaveletTree(5.0, "haar", 2), branches(5.0)),
    "undecimated wavelets": lambda: ask(
        Sparsity(5.0, transform="undecimated_wavelet", wavelet="haar", level=2), undecimated(5.0)
    ),
    "graph Laplacian": lambda: ask(
        GraphLaplacianPrior(2.0, REFERENCE, sigma=0.3, radius=1), l1_behind(2.0, GraphLaplacian(REFERENCE, 0.3, 1))
    ),
    "TV, x ≥ 0": lambda: ask(
        TotalVariation(8.0) + NonNegative(),
        tv(8.0),
        constraints=nonnegative,
        images=lowered,
    ),
    "TV + wavelets": lambda: ask(
        TotalVariation(4.0) + WaveletSparsity(2.0, "db2", 1), plus(tv(4.0), l1_behind(2.0, Wavelet(SHAPE, "db2", 1)))
    ),
    "TV denoising": lambda: ask(TotalVariation(8.0), tv(8.0), operator=lambda s: s * Identity(SHAPE)),
    "TV, periodic blur": lambda: ask(TotalVariation(8.0), tv(8.0), operator=periodic),
    "wavelet inpainting": lambda: ask(
        WaveletSparsity(5.0, "db2", 1), l1_behind(5.0, Wavelet(SHAPE, "db2", 1)), operator=inpainting
    ),
    "TV, two blurs": lambda: ask(TotalVariation(8.0), tv(8.0), operator=two_blurs),
    "TV, CT": lambda: ask(TotalVariation(8.0), tv(8.0), operator=rays),
    "TV, σ per datum": lambda: ask(
        TotalVariation(8.0),
        tv(8.0),
        term=lambda scale: GaussianNoise(0.05 * scale * WEIGHTS),
        fit=lambda scale: lambda z, y: weighted(z, y, scale),
    ),
    "TV, ℓ1 data": lambda: ask(
        TotalVariation(0.3),
        tv(0.3),
        term=lambda scale: L1Fidelity(0.8 / scale),
        fit=lambda scale: lambda z, y: 0.8 / scale * cp.norm1(z - y),
    ),
    "TV, Huber data": lambda: ask(
        TotalVariation(0.3),
        tv(0.3),
        term=lambda scale: HuberFidelity(0.05 * scale, 10 / scale**2),
        fit=lambda scale: lambda z, y: 5 / scale**2 * cp.sum(cp.huber(z - y, 0.05 * scale)),
    ),
    "TV in a ball": lambda: ask(
        TotalVariation(1.0),
        tv(1.0),
        term=lambda scale: L2BallFidelity(0.4 * scale),
        fit=lambda scale: lambda z, y: [cp.norm2(z - y) <= 0.4 * scale],
    ),
    "TV, Sobolev data": lambda: ask(
        TotalVariation(0.3),
        tv(0.3),
        term=lambda scale: SobolevFidelity(-0.7, 0.8, weight=20 / scale**2),
        fit=lambda scale: (
            lambda z, y: 10 / scale**2 * cp.sum_squares(matrix(BesselPotential(SHAPE, -0.7, 0.8)) @ (z - y))
        ),
    ),
    "Poisson, x ≥ 0": lambda: ask(NonNegative(), None, term=poisson, fit=kullback, constraints=nonnegative),
    "Poisson, CT, x ≥ 0": lambda: ask(
        NonNegative(), None, term=poisson, fit=kullback, constraints=nonnegative, operator=rays
    ),
    "Poisson, TV, x ≥ 0": lambda: ask(
        TotalVariation(2.0) + NonNegative(), tv(2.0), term=poisson, fit=kullback, constraints=nonnegative
    ),
    "Poisson, slopes, x ≥ 0": lambda: ask(
        Tikhonov(2.0, Gradient(SHAPE)) + NonNegative(),
        quadratic(2.0, np.vstack(differences(SHAPE))),
        term=poisson,
        fit=kullback,
        constraints=nonnegative,
    ),
    "transmission, x ≥ 0": lambda: ask(
        NonNegative(), None, term=lambda _: BeerLambertNoise(50.0), fit=beer, constraints=nonnegative, operator=rays
    ),
    "transmission, TV": lambda: ask(
        TotalVariation(1.0), tv(1.0), term=lambda _: BeerLambertNoise(50.0), fit=beer, operator=rays
    ),
    "MRI, Tikhonov": lambda: ask(Tikhonov(3.0), quadratic(3.0), operator=coils, complex_=True),
    "MRI, TV": lambda: ask(TotalVariation(6.0), tv(6.0), operator=coils, complex_=True),
    "MRI, TGV": lambda: ask(TGV(6.0), tgv(SHAPE, 6.0, 2.0, complex_=True), operator=coils, complex_=True, extra=2),
    "MRI, wavelets": lambda: ask(
        WaveletSparsity(4.0, "db2", 1), l1_behind(4.0, Wavelet(SHAPE, "db2", 1)), operator=coils, complex_=True
    ),
    "TV, unequal items": lambda: ask(TotalVariation(8.0), tv(8.0), images=unequal),
}


@cache
def known(name: str, scale: float, rows: bool = False) -> Known:
    """The problem of that name and its optimum, see :meth:`Question.at`."""
    return QUESTIONS[name]().at(scale, rows)
