"""Problems of every kind with optima of an interior-point solver, each at several norms of the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import pi, prod

import cvxpy as cp
import numpy as np
import torch
from torch import Tensor

from recon.operators import (
    BeerLambertNoise,
    BesselPotential,
    Blur,
    CartesianMRI,
    GaussianNoise,
    Gradient,
    GraphLaplacian,
    HuberFidelity,
    Identity,
    L1Fidelity,
    L2BallFidelity,
    LinearOperator,
    Mask,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    SobolevFidelity,
    SquaredL2,
    Stack,
    UndecimatedWavelet,
    Volume,
    Wavelet,
    sart_weights,
)
from recon.operators.data_term import DataTerm
from recon.operators.noise import NoiseModel
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
    NonNegative,
    Simplex,
    Sparsity,
    Support,
    Tikhonov,
    TotalVariation,
    TubalLowRank,
    VariationalPrior,
    VectorialTV,
    WaveletSparsity,
)
from recon.solvers import Problem

from ..priors.optima import difference, differences, lengths, matrix
from ..priors.test_ictv import penalty as ictv
from ..priors.test_tgv import penalty as tgv

Expression = cp.Expression
Cost = Callable[[cp.Variable], Expression]
Fit = Callable[[Expression, np.ndarray], Expression]
Constraint = Callable[[cp.Variable], list[cp.Constraint]]

SCALES = (0.1, 1.0, 10.0)
SHAPE = (8, 8)
FRAMES = (3, 5, 5)


@dataclass(frozen=True)
class Known:
    """A problem and its least objective, one per item."""

    problem: Problem
    optima: Tensor


@dataclass(frozen=True)
class Question:
    """What is asked with an operator of any scale: how data arise and are compared, the prior, and both in CVXPY.

    ``term`` and ``fit`` take the operator's scale: noise grows with the data, so that all scales are as hard.
    """

    operator: Callable[[float], LinearOperator]
    term: Callable[[float], NoiseModel | DataTerm]
    fit: Callable[[float], Fit]
    prior: VariationalPrior | None = None
    cost: Cost | None = None
    constraints: Constraint | None = None
    extra: int = 0
    complex_: bool = False
    images: Callable[[tuple[int, ...], bool], Tensor] | None = None

    def at(self, scale: float, rows: bool = False) -> Known:
        """The problem with ‖K‖ about ``scale``, solved.

        With ``rows`` its squares count by the inverse row sums of A, as they do for SIRT.
        """
        A, term = self.operator(scale), self.term(scale)
        clean = A((self.images or scene)(A.domain_shape, self.complex_))
        noise = term if isinstance(term, NoiseModel) else GaussianNoise(0.05 * scale)
        data = noise.sample(clean, torch.Generator().manual_seed(1))
        if isinstance(term, NoiseModel):
            problem = Problem(A, data, term, self.prior)
        else:
            problem = Problem(A, data, prior=self.prior, fidelity=term)
        items = data.reshape(-1, *A.range_shape)
        fit = self.fit(scale)
        if rows:
            weights = sart_weights(A, data).rows.expand(A.range_shape)
            problem = Problem(A, data, prior=self.prior, fidelity=SquaredL2(A.range_shape, data, weights))
            root = weights.sqrt().reshape(-1).numpy()
            fit = lambda z, y: cp.sum_squares(cp.multiply(root, z - y)) / 2  # noqa: E731
        optima = [self._solve(A, y.reshape(-1).numpy(), fit) for y in items]
        return Known(problem, torch.tensor(optima, dtype=torch.float64).reshape(problem.batch))

    def _solve(self, A: LinearOperator, y: np.ndarray, fit: Fit) -> float:
        size = prod(A.domain_shape)
        z = cp.Variable(size * (1 + self.extra), complex=self.complex_)
        K = matrix(A, torch.complex128 if self.complex_ else torch.float64)
        misfit = fit(K @ z[:size], y)
        bounds = [] if self.constraints is None else self.constraints(z)
        if isinstance(misfit, list):
            bounds, misfit = [*bounds, *misfit], 0
        return minimum(misfit + (0 if self.cost is None else self.cost(z)), bounds)


def minimum(cost: Expression, constraints: list[cp.Constraint]) -> float:
    """The least value, by Clarabel to 11 digits where rounding allows it."""
    question = cp.Problem(cp.Minimize(cost), constraints)
    for tol in (1e-11, 1e-10, 1e-9, 1e-8):
        question.solve(solver=cp.CLARABEL, tol_gap_abs=tol, tol_gap_rel=tol, tol_feas=tol)
        if question.status == cp.OPTIMAL:
            return float(question.value)
    raise AssertionError(f"the reference solver ended as {question.status}.")


def scene(shape: tuple[int, ...], complex_: bool = False) -> Tensor:
    """Two boxes on a slope, positive; the first axis of three counts frames of growing contrast."""
    n, m = shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(n) / n, torch.arange(m) / m, indexing="ij")
    rows, columns = rows.double(), columns.double()
    x = 0.15 + 0.2 * columns + ((rows > 0.2) & (rows < 0.7) & (columns > 0.3)).double()
    x = x + 0.5 * ((rows > 0.5) & (columns < 0.5)).double()
    if len(shape) == 3:
        x = torch.stack([(1 + 0.5 * k) * x + 0.1 * k * rows for k in range(shape[0])])
    return x * torch.exp(1.2j * columns) if complex_ else x


def gaussian(scale: float) -> GaussianNoise:
    return GaussianNoise(0.05 * scale)


def squares(scale: float) -> Fit:
    """‖z − y‖²/2σ²."""
    return lambda z, y: cp.sum_squares(z - y) / (2 * (0.05 * scale) ** 2)


PSF = torch.tensor([[1.0, 2, 0], [2, 14, 1], [1, 3, 1]], dtype=torch.float64) / 25


def blur(scale: float, shape: tuple[int, ...] = SHAPE) -> LinearOperator:
    """Not symmetric, with edges that reflect; its norm is about ``scale``, 2.8 times its least singular value."""
    return Blur(scale * PSF, shape, boundary="reflect")


def periodic(scale: float) -> LinearOperator:
    """The same around the edges, with normal equations in closed form."""
    return Blur(scale * PSF, SHAPE, boundary="circular")


def inpainting(scale: float) -> LinearOperator:
    return scale * Mask(torch.rand(SHAPE, generator=torch.Generator().manual_seed(5)) < 0.6)


def two_blurs(scale: float) -> LinearOperator:
    return Stack(blur(scale), 0.5 * blur(scale).H)


def rays(scale: float) -> LinearOperator:
    """Twelve views; line integrals are proportional to the size of pixels."""
    geometry = ParallelBeam(angles=torch.arange(12) * pi / 12, bins=21, pitch=0.07 * scale)
    return RayTransform(Volume(SHAPE, spacing=0.1 * scale), geometry, model="joseph")


def coils(scale: float) -> LinearOperator:
    """Two coils, and not quite two thirds of the lines."""
    n = SHAPE[0]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    maps = torch.stack([torch.exp(-((rows - c) ** 2) + 0.8j * columns * c) for c in (-0.7, 0.7)]).to(torch.complex128)
    lines = torch.zeros(n, n)
    lines[:, ::2] = 1
    lines[:, n // 2 - 1 : n // 2 + 2] = 1
    return scale * CartesianMRI(lines, maps)


def tv(lam: float, shape: tuple[int, ...] = SHAPE, weights: np.ndarray | None = None, isotropic: bool = True) -> Cost:
    """λ Σ wᵢ|Dx|ᵢ."""
    D = differences(shape)

    def cost(z: cp.Variable) -> Expression:
        x, complex_ = z[: prod(shape)], z.is_complex()
        parts = [d @ x for d in D]
        size = lengths(parts, complex_) if isotropic else sum(cp.abs(p) for p in parts)
        return lam * cp.sum(size if weights is None else cp.multiply(weights, size))

    return cost


def l1_behind(lam: float, L: LinearOperator, weights: np.ndarray | None = None) -> Cost:
    """λ Σ wⱼ|(Lx)ⱼ|."""
    W = matrix(L)
    return lambda z: lam * cp.sum(cp.abs(W @ z) if weights is None else cp.multiply(weights, cp.abs(W @ z)))


def plus(*costs: Cost) -> Cost:
    return lambda z: sum(cost(z) for cost in costs)


def nonnegative(z: cp.Variable) -> list[cp.Constraint]:
    return [z >= 0]


def undecimated(lam: float) -> Cost:
    frame = UndecimatedWavelet(SHAPE, "haar", 2)
    return l1_behind(lam, frame, frame.shift_weights.expand(frame.range_shape).reshape(-1).numpy())


def adaptive() -> np.ndarray:
    slopes = [torch.from_numpy(d) @ scene(SHAPE).reshape(-1) for d in differences(SHAPE)]
    size = torch.stack(slopes).square().sum(0).sqrt()
    return (0.2 / (0.04 + size.square()).sqrt()).numpy()


def directional(lam: float) -> Cost:
    """λ Σ|(I − ξξᵀ)Dx| with ξ = 0.9 (0.6, 0.8) everywhere."""
    xi = 0.9 * np.array([0.6, 0.8])
    P, D = np.eye(2) - np.outer(xi, xi), differences(SHAPE)
    parts = [P[i, 0] * D[0] + P[i, 1] * D[1] for i in range(2)]
    return lambda z: lam * cp.sum(lengths([part @ z for part in parts]))


def vectorial(lam: float, nuclear: bool = False) -> Cost:
    n, D = FRAMES[1] * FRAMES[2], differences(FRAMES[1:])

    def cost(z: cp.Variable) -> Expression:
        parts = [[d @ z[k * n : (k + 1) * n] for k in range(FRAMES[0])] for d in D]
        if not nuclear:
            return lam * cp.sum(lengths([p for row in parts for p in row]))
        return lam * sum(cp.normNuc(cp.vstack([cp.hstack([p[i] for p in row]) for row in parts])) for i in range(n))

    return cost


def casorati(lam: float) -> Cost:
    return lambda z: lam * cp.normNuc(cp.reshape(z, (FRAMES[0], prod(FRAMES[1:])), order="C"))


def local_rank(lam: float) -> Cost:
    """Nuclear norms of frames × pixels in blocks of 2 × 3 side by side, frames of 4 × 6."""
    index = np.arange(3 * 24).reshape(3, 4, 6)
    blocks = [index[:, i : i + 2, j : j + 3].reshape(3, 6) for i in (0, 2) for j in (0, 3)]
    return lambda z: lam * sum(cp.normNuc(cp.vstack([z[row] for row in block])) for block in blocks)


def tubal(lam: float) -> Cost:
    """Of (4, 4, 3): the transform along the tubes leaves a real slice and a conjugate pair."""
    index = np.arange(48).reshape(4, 4, 3)

    def cost(z: cp.Variable) -> Expression:
        X = [cp.vstack([z[row] for row in index[:, :, k]]) for k in range(3)]
        w = np.exp(-2j * pi / 3)
        first, second = X[0] + X[1] + X[2], X[0] + w * X[1] + w**2 * X[2]
        return lam / 3 * (cp.normNuc(first) + 2 * cp.normNuc(second))

    return cost


def fused(lam: float, sparsity: float) -> Cost:
    D = difference(SHAPE, 1)
    return lambda z: lam * (cp.norm1(D @ z) + sparsity * cp.norm1(z))


def lowered(shape: tuple[int, ...], _: bool) -> Tensor:
    """With values below zero, which x ≥ 0 forbids."""
    return scene(shape) - 0.5


def unequal(shape: tuple[int, ...], _: bool) -> Tensor:
    """Nearly flat, as usual, and 30 times as strong."""
    return torch.stack([0.02 * scene(shape), scene(shape), 30 * scene(shape)])


WEIGHTS = torch.linspace(0.5, 2.0, prod(SHAPE), dtype=torch.float64).reshape(SHAPE)
REFERENCE = scene(SHAPE)
INSIDE = torch.ones(SHAPE, dtype=torch.bool)
INSIDE[:2] = False
SHIFTED = (torch.ones(2, *SHAPE, dtype=torch.float64) * torch.tensor([0.6, 0.8]).reshape(2, 1, 1)) * 0.9


def _weighted(z: Expression, y: np.ndarray, scale: float) -> Expression:
    sigma = 0.05 * scale * WEIGHTS.numpy().ravel()
    return cp.sum_squares(cp.multiply(1 / sigma, z - y)) / 2


def kullback(scale: float) -> Fit:
    """Counts with a background of 0.3 ``scale``, in units of scale/40 of the image."""
    gain = scale / 40
    return lambda z, y: cp.sum(cp.kl_div(y, z + 0.3 * scale)) / gain


def beer(scale: float) -> Fit:
    """Behind a blank scan of 50 counts."""

    def fit(z: Expression, y: np.ndarray) -> Expression:
        least = np.where(y > 0, y - y * np.log(np.where(y > 0, y, 1) / 50), 0.0)
        return cp.sum(50 * cp.exp(-z) + cp.multiply(y, z)) - least.sum()

    return fit


def poisson(scale: float) -> PoissonNoise:
    return PoissonNoise(gain=scale / 40, background=0.3 * scale)


def ask(prior: VariationalPrior | None, cost: Cost | None, **given: object) -> Question:
    """Gaussian deblurring with a prior."""
    settings: dict[str, object] = {"operator": blur, "term": gaussian, "fit": squares, **given}
    return Question(prior=prior, cost=cost, **settings)  # type: ignore[arg-type]


def _quadratic(lam: float, L: np.ndarray | None = None) -> Cost:
    return lambda z: lam / 2 * cp.sum_squares(z if L is None else L @ z)


def _relative_entropy(lam: float) -> Cost:
    return lambda z: lam * cp.sum(cp.kl_div(z, 0.8 * np.ones(prod(SHAPE))))


QUESTIONS: dict[str, Callable[[], Question]] = {
    "least squares, two blurs": lambda: ask(None, None, operator=two_blurs),
    "least squares, CT": lambda: ask(None, None, operator=rays),
    "Tikhonov": lambda: ask(Tikhonov(3.0), _quadratic(3.0)),
    "Tikhonov of slopes": lambda: ask(Tikhonov(20.0, Gradient(SHAPE)), _quadratic(20.0, np.vstack(differences(SHAPE)))),
    "Tikhonov, periodic blur": lambda: ask(Tikhonov(3.0), _quadratic(3.0), operator=periodic),
    "x ≥ 0": lambda: ask(NonNegative(), None, constraints=nonnegative, images=lowered),
    "box": lambda: ask(Box(0.2, 1.0), None, constraints=lambda z: [z >= 0.2, z <= 1.0]),
    "simplex": lambda: ask(Simplex(30.0), None, constraints=lambda z: [z >= 0, cp.sum(z) == 30]),
    "support": lambda: ask(Support(INSIDE), None, constraints=lambda z: [z[: 2 * SHAPE[1]] == 0]),
    "entropy": lambda: ask(Entropy(5.0, 0.8), _relative_entropy(5.0)),
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
    "locally low rank": lambda: ask(
        LocallyLowRank(20.0, (2, 3)), local_rank(20.0), operator=lambda s: blur(s, (3, 4, 6))
    ),
    "tubal low rank": lambda: ask(TubalLowRank(20.0), tubal(20.0), operator=lambda s: blur(s, (4, 4, 3))),
    "ℓ1": lambda: ask(Sparsity(5.0), lambda z: 5.0 * cp.norm1(z)),
    "wavelets": lambda: ask(WaveletSparsity(5.0, "db2", 1), l1_behind(5.0, Wavelet(SHAPE, "db2", 1))),
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
        fit=lambda scale: lambda z, y: _weighted(z, y, scale),
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
        _quadratic(2.0, np.vstack(differences(SHAPE))),
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
    "MRI, Tikhonov": lambda: ask(Tikhonov(3.0), _quadratic(3.0), operator=coils, complex_=True),
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
