"""Exact laws of samplers under Gaussian priors, to compare with the posterior they are for.

Most samplers' steps are affine in the state and in the noise where prior and noise are Gaussian and A is linear. So
what they draw is Gaussian too, and its mean and covariance follow from steps applied to the origin and to basis
vectors, with noise that is put in by hand: no error of Monte Carlo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

from recon.operators import (
    Blur,
    GaussianNoise,
    Identity,
    LinearOperator,
    Mask,
    ParallelBeam,
    RayTransform,
    Volume,
)
from recon.priors import GaussianPrior
from recon.solvers import Problem
from recon.solvers.iterate import select_state
from recon.solvers.sampling import sampler as sampler_module


@dataclass(frozen=True)
class Law:
    """A Gaussian law of one image, flattened; complex images as their real and imaginary parts, interleaved."""

    mean: Tensor
    cov: Tensor


@dataclass(frozen=True)
class Case:
    """A problem of one item and the exact posterior."""

    problem: Problem
    posterior: Law
    A: Tensor
    """The operator as a matrix on flattened images."""


@dataclass(frozen=True)
class Audit:
    """How far a law is from the posterior, in units of the root of the trace of the posterior's covariance.

    ``seen`` and ``unseen`` are the ratios of the root-mean-square spreads in the range of Aᴴ and in the kernel of A;
    NaN where there is no such space.
    """

    w2: float
    bias: float
    seen: float
    unseen: float


# -------------------------------------------------------------------------------------------------------- problems


def matrix_operator(matrix: Tensor, shape: tuple[int, ...] | None = None) -> LinearOperator:
    """x ↦ M x on flattened images."""
    rows, columns = matrix.shape
    size = (columns,) if shape is None else shape
    return LinearOperator.from_functions(
        lambda x: x.flatten(x.ndim - len(size)) @ matrix.mT,
        lambda y: (y @ matrix.conj()).reshape(*y.shape[:-1], *size),
        size,
        (rows,),
    )


def spectrum(n: int) -> Tensor:
    """A spectrum of natural images on n × n pixels."""
    k = torch.fft.fftfreq(n, dtype=torch.float64) * n
    return 2.0 / (1 + k[:, None].square() + k[None, :].square()) ** 1.2


def operators(n: int = 8) -> dict[str, LinearOperator]:
    """Operators on n × n pixels: nothing lost, pixels lost, frequencies dimmed, anything, few views."""
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(n, n, generator=generator) < 0.5).double()
    psf = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    matrix = torch.randn(n * n // 2, n * n, generator=generator, dtype=torch.float64) / n
    views = ParallelBeam(angles=torch.linspace(0, torch.pi, 4)[:-1], bins=n, pitch=1.0)
    return {
        "identity": Identity((n, n)),
        "mask": Mask(mask),
        "blur": Blur(psf[:, None] * psf[None, :] / 16, (n, n)),
        "random": matrix_operator(matrix, (n, n)),
        "ct": RayTransform(Volume(shape=(n, n), spacing=1.0), views),
    }


def case(operator: LinearOperator, sigma: float = 0.1, seed: int = 0, prior: GaussianPrior | None = None) -> Case:
    """A draw from a stationary Gaussian prior (or another one), measured."""
    generator = torch.Generator().manual_seed(seed)
    n = operator.domain_shape[0]
    if prior is None:
        prior = GaussianPrior(0.3, covariance=GaussianPrior(spectrum=spectrum(n)).covariance.dense(), shape=(n, n))
    noise = GaussianNoise(sigma)
    y = noise.sample(operator(prior.sample(1, generator)), generator)
    exact = prior.posterior(operator, y[0], sigma)
    d = prod(operator.domain_shape)
    columns = operator(torch.eye(d, dtype=exact.mean.dtype).reshape(d, *operator.domain_shape)).reshape(d, -1)
    return Case(Problem(operator, y, noise, prior), Law(exact.mean.flatten(), exact.covariance.dense()), columns.mT)


# ------------------------------------------------------------------------------------------------- propagation


@contextmanager
def noise_by_hand(give: Callable[[int, int, tuple[int, ...], torch.dtype, int], Tensor]) -> Iterator[None]:
    """Samplers' white noise comes from ``give(rows, step, shape, dtype, draw)``."""

    def keyed(
        seed: int, streams: Tensor, steps: Tensor, shape: tuple[int, ...], dtype: torch.dtype, draw: int = 0
    ) -> Tensor:
        return give(len(streams), int(steps[0]), tuple(shape), dtype, draw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler_module, "keyed", keyed)
        yield


def propagate(solver: Any, problem: Problem, output: Callable[[Any], Tensor] | None = None) -> Law:
    """The law of the image that ``solver`` draws for a problem of one item, where all its steps are affine.

    ``output`` says what of the last state is wanted, the image by default.
    """
    solver.require(problem)
    start = Affine(lambda state: solver.init(problem.select(torch.zeros(len(state), dtype=torch.long))), None)
    state, mean, cov = start.law(torch.zeros(0, dtype=torch.float64), torch.zeros(0, 0, dtype=torch.float64))
    for _ in range(solver.steps):
        template = state

        def step(points: Tensor, template: Any = template) -> Any:
            many = problem.select(torch.zeros(len(points), dtype=torch.long))
            with torch.no_grad():
                return solver.step(many, pack(template, points))

        state, mean, cov = Affine(step, template).law(mean, cov)
    image = solver.image if output is None else output

    def last(points: Tensor) -> Tensor:
        return reals(image(pack(state, points)))

    d = len(mean)
    points = torch.cat([torch.zeros(1, d, dtype=torch.float64), torch.eye(d, dtype=torch.float64)])
    values = last(points)
    T = (values[1:] - values[0]).mT
    return Law(values[0] + T @ mean, T @ cov @ T.mT)


class Affine:
    """A step as an affine map of what a state holds and of the noise that is drawn on the way."""

    def __init__(self, step: Callable[[Tensor], Any], template: Any) -> None:
        self.step, self.template = step, template

    def law(self, mean: Tensor, cov: Tensor) -> tuple[Any, Tensor, Tensor]:
        """The next state (of one item), and mean and covariance of what it holds."""
        d = len(mean)
        drawn: dict[tuple[int, int], int] = {}

        def listen(rows: int, step: int, shape: tuple[int, ...], dtype: torch.dtype, draw: int) -> Tensor:
            drawn[step, draw] = prod(shape) * (2 if dtype.is_complex else 1)
            return torch.zeros(rows, *shape, dtype=dtype)

        with noise_by_hand(listen):
            self.step(torch.zeros(1, d, dtype=torch.float64))
        offsets, total = {}, 0
        for key, size in drawn.items():
            offsets[key], total = total, total + size
        rows = 1 + d + total
        inputs = torch.cat([torch.zeros(1, d + total), torch.eye(d + total)]).double()

        def give(count: int, step: int, shape: tuple[int, ...], dtype: torch.dtype, draw: int) -> Tensor:
            begin = d + offsets[step, draw]
            numbers = inputs[:, begin : begin + drawn[step, draw]]
            if dtype.is_complex:
                return torch.view_as_complex(numbers.reshape(rows, *shape, 2).contiguous()).to(dtype)
            return numbers.reshape(rows, *shape).to(dtype)

        with noise_by_hand(give):
            after = self.step(inputs[:, :d])
        values = contents(after)
        T = (values[1:] - values[0]).mT
        source = torch.block_diag(cov, torch.eye(total, dtype=torch.float64))
        centre = torch.cat([mean, torch.zeros(total, dtype=torch.float64)])
        return select_state(after, torch.tensor([0])), values[0] + T @ centre, T @ source @ T.mT


def leaves(state: Any) -> list[Tensor]:
    """The tensors of a state that carry images: not counters, streams and measurements."""
    if isinstance(state, Tensor):
        return [state] if state.ndim > 1 and (state.is_floating_point() or state.is_complex()) else []
    return [leaf for part in state for leaf in leaves(part)]


def reals(x: Tensor) -> Tensor:
    """Items as rows of real numbers."""
    flat = x.reshape(len(x), -1)
    return torch.view_as_real(flat).flatten(1).double() if x.is_complex() else flat.double()


def contents(state: Any) -> Tensor:
    """All that a state carries, one row per item."""
    return torch.cat([reals(leaf) for leaf in leaves(state)], dim=1)


def pack(template: Any, points: Tensor) -> Any:
    """A state as the template (of one item) with the rows of ``points`` as what it carries."""
    used = [0]

    def fill(part: Any) -> Any:
        if isinstance(part, Tensor):
            if not leaves(part):
                return part.expand(len(points), *part.shape[1:]).clone()
            size = part[0].numel() * (2 if part.is_complex() else 1)
            numbers = points[:, used[0] : used[0] + size]
            used[0] += size
            if part.is_complex():
                return torch.view_as_complex(numbers.reshape(-1, *part.shape[1:], 2).contiguous()).to(part.dtype)
            return numbers.reshape(-1, *part.shape[1:]).to(part.dtype)
        filled = [fill(each) for each in part]
        return type(part)(*filled) if hasattr(part, "_fields") else tuple(filled)

    return fill(template)


# ---------------------------------------------------------------------------------------------------- distances


def root(S: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((S + S.mH) / 2)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()).to(S.dtype) @ vectors.mH


def w2(law: Law, other: Law) -> float:
    """The Wasserstein-2 distance of two Gaussians."""
    r = root(other.cov)
    square = (law.mean - other.mean).abs().square().sum() + torch.trace(law.cov + other.cov - 2 * root(r @ law.cov @ r))
    return float(square.real.clamp(min=0).sqrt())


def audit(law: Law, exact: Case) -> Audit:
    """A law against the posterior of a problem on real images."""
    size = float(torch.trace(exact.posterior.cov).sqrt())
    _, s, Vh = torch.linalg.svd(exact.A, full_matrices=True)
    rank = int((s > 1e-9 * s[0]).sum())
    seen, unseen = Vh[:rank], Vh[rank:]

    def ratio(basis: Tensor) -> float:
        if not len(basis):
            return float("nan")
        return float(
            (torch.trace(basis @ law.cov @ basis.mT) / torch.trace(basis @ exact.posterior.cov @ basis.mT)).sqrt()
        )

    bias = float((law.mean - exact.posterior.mean).norm())
    return Audit(w2(law, exact.posterior) / size, bias / size, ratio(seen), ratio(unseen))


# ------------------------------------------------------------------------------------------- stationary fields


@dataclass(frozen=True)
class Field:
    """A stationary periodic Gaussian field: its mean, and the eigenvalues of its covariance as laid out by ``fft2``."""

    mean: Tensor
    spectrum: Tensor


def field_case(psf: Tensor | None, n: int = 32, sigma: float = 0.1, seed: int = 0) -> tuple[Problem, Field]:
    """A field of natural images behind a periodic blur, or behind nothing, and the exact posterior."""
    generator = torch.Generator().manual_seed(seed)
    prior = GaussianPrior(0.3, spectrum=spectrum(n))
    A: LinearOperator = Identity((n, n)) if psf is None else Blur(psf, (n, n), boundary="circular")
    noise = GaussianNoise(sigma)
    y = noise.sample(A(prior.sample(1, generator)), generator)
    impulse = torch.zeros(n, n, dtype=torch.float64)
    impulse[0, 0] = 1
    H, S = torch.fft.fft2(A(impulse)), spectrum(n)
    precision = 1 / S + H.abs().square() / sigma**2
    m = torch.full((n, n), 0.3, dtype=torch.float64)
    pulled = torch.fft.fft2(m) / S + H.conj() * torch.fft.fft2(y[0]) / sigma**2
    return Problem(A, y, noise, prior), Field(torch.fft.ifft2(pulled / precision).real, 1 / precision)


def propagate_field(solver: Any, problem: Problem) -> Field:
    """As :func:`propagate`, where prior and operator are diagonal in Fourier space: one impulse tells a whole map."""
    n = problem.shape[0]
    with noise_by_hand(lambda rows, step, shape, dtype, draw: torch.zeros(rows, *shape, dtype=dtype)):
        centre = solver.init(problem)
    held = len(leaves(centre))
    size = n * n
    transfer, noise = _responses(lambda points: solver.init(repeated(problem, len(points))), 0, n)
    cov = noise @ noise.mH
    for _ in range(solver.steps):
        template = centre

        def step(points: Tensor, template: Any = template) -> Any:
            with torch.no_grad():
                return solver.step(repeated(problem, len(points)), pack(template, points))

        transfer, noise = _responses(step, held * size, n)
        cov = transfer @ cov @ transfer.mH + noise @ noise.mH
        with noise_by_hand(lambda rows, step, shape, dtype, draw: torch.zeros(rows, *shape, dtype=dtype)):
            centre = step(contents(centre))
    origin = torch.zeros(1, held * size, dtype=torch.float64)
    impulses = torch.cat([origin, *(_impulse(j, held, size) for j in range(held))])
    values = reals(solver.image(pack(centre, impulses))).reshape(-1, n, n)
    last = torch.fft.fft2(values[1:] - values[0]).permute(1, 2, 0)[:, :, None, :]
    return Field(solver.image(centre)[0].double(), (last @ cov @ last.mH)[..., 0, 0].real)


def repeated(problem: Problem, rows: int) -> Problem:
    """A problem of one item, so many times."""
    return problem.select(torch.zeros(rows, dtype=torch.long))


def _impulse(slot: int, held: int, size: int) -> Tensor:
    row = torch.zeros(1, held * size, dtype=torch.float64)
    row[0, slot * size] = 1
    return row


def _responses(step: Callable[[Tensor], Any], d: int, n: int) -> tuple[Tensor, Tensor]:
    """Transfer functions ``(n, n, out, in)`` of what a state holds, and of the noise drawn."""
    size, held = n * n, d // (n * n)
    draws: list[tuple[int, int]] = []

    def listen(rows: int, number: int, shape: tuple[int, ...], dtype: torch.dtype, draw: int) -> Tensor:
        if (number, draw) not in draws:
            draws.append((number, draw))
        return torch.zeros(rows, *shape, dtype=dtype)

    with noise_by_hand(listen):
        step(torch.zeros(1, d, dtype=torch.float64))
    rows = 1 + held + len(draws)
    points = torch.zeros(rows, d, dtype=torch.float64)
    for j in range(held):
        points[1 + j, j * size] = 1

    def give(count: int, number: int, shape: tuple[int, ...], dtype: torch.dtype, draw: int) -> Tensor:
        z = torch.zeros(rows, n, n, dtype=dtype)
        z[1 + held + draws.index((number, draw)), 0, 0] = 1
        return z

    with noise_by_hand(give):
        values = contents(step(points)).reshape(rows, -1, n, n)
    response = torch.fft.fft2(values[1:] - values[0]).permute(2, 3, 1, 0)
    return response[..., :held], response[..., held:]


def w2_field(found: Field, exact: Field) -> float:
    """The Wasserstein-2 distance over the root of the trace of the exact covariance."""
    square = (found.mean - exact.mean).square().sum()
    square = square + (found.spectrum.clamp(min=0).sqrt() - exact.spectrum.sqrt()).square().sum()
    return float((square / exact.spectrum.sum()).sqrt())
