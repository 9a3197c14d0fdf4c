"""Hypergradients against closed forms and central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recon.operators import Blur, CapabilityError, Diagonal, GaussianNoise, Gradient, gaussian_psf
from recon.priors import NonNegative, Tikhonov, TotalVariation, WaveletSparsity
from recon.solvers import FISTA, PDHG, Gap, MaxIter, Problem, Reason, hypergradient, unroll
from recon.solvers.differentiation.hypergradient import Method
from tests.solvers.differentiation.soft_edges import SoftEdges

DTYPE = torch.float64
SIZE = (6, 6)
A = Blur(gaussian_psf(0.6), SIZE)
TRUTH = torch.zeros(2, *SIZE, dtype=DTYPE)
TRUTH[0, 2:5, 1:4], TRUTH[1, 3:, 4:] = 1.0, 0.5
DATA = GaussianNoise(0.05).sample(A(TRUTH), torch.Generator().manual_seed(1))
PER_ITEM = torch.tensor([0.3, -0.4], dtype=DTYPE)
IMPLICIT: tuple[Method, ...] = ("implicit-cg", "implicit-neumann")
EVERY: tuple[Method, ...] = ("unroll", *IMPLICIT)


def loss(x: Tensor) -> Tensor:
    return (x - TRUTH).square().sum() / 2


def differences(value: Callable[[Tensor], Tensor], at: Tensor, h: float = 1e-5) -> Tensor:
    slopes = []
    for i in range(at.numel()):
        e = torch.zeros(at.numel(), dtype=at.dtype)
        e[i] = h
        e = e.reshape(at.shape)
        slopes.append((value(at + e) - value(at - e)) / (2 * h))
    return torch.stack(slopes).reshape(at.shape)


def problem(noise: Any, prior: Any) -> Problem:
    return Problem(A, DATA, noise, prior)


def ridge(t: Tensor) -> Problem:
    return problem(GaussianNoise(0.2), Tikhonov().with_lam(t.exp() * 10))


def smooth_ridge(t: Tensor) -> Problem:
    return problem(GaussianNoise(0.2 * t[0].exp()), Tikhonov(operator=Gradient(SIZE)).with_lam((t[1] + 2).exp()))


def soft_edges(t: Tensor) -> Problem:
    return problem(GaussianNoise(0.2), SoftEdges(0.3).with_lam((t + 1).exp()) + 0.1 * Tikhonov())


def wavelets(t: Tensor) -> Problem:
    return problem(GaussianNoise(0.1), WaveletSparsity(wavelet="haar", level=2).with_lam((1 + t).exp()))


def nonnegative(t: Tensor) -> Problem:
    return problem(GaussianNoise(0.2), Tikhonov(operator=Gradient(SIZE)).with_lam((1 + t).exp()) + NonNegative())


LONG = [pytest.param(problem_of, marks=pytest.mark.slow) for problem_of in (soft_edges, wavelets)]


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("problem_of", [ridge, smooth_ridge, nonnegative, *LONG])
def test_against_central_differences(problem_of: Callable[[Tensor], Problem], method: Method) -> None:
    solver = FISTA(stop=MaxIter(250), check_every=250)
    with torch.no_grad():
        wanted = differences(lambda t: loss(solver.solve(problem_of(t)).image), PER_ITEM)
    found = hypergradient(loss, solver, problem_of, PER_ITEM, method, tol=1e-10, max_iter=20000)
    assert float((found.gradient - wanted).norm() / wanted.norm()) < 1e-6
    torch.testing.assert_close(found.loss, loss(solver.solve(problem_of(PER_ITEM)).image), rtol=1e-10, atol=0)


@pytest.mark.parametrize("method", IMPLICIT)
def test_the_quadratic_closed_form(method: Method) -> None:
    s = torch.linspace(0.3, 1.2, 6, dtype=DTYPE)
    y = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 0.2], dtype=DTYPE)
    truth = torch.tensor([3.0, -2.0, 1.0, 2.0, -1.5, 0.0], dtype=DTYPE)
    w = torch.tensor(4.0, dtype=DTYPE)  # 1/sigma²
    lam = torch.tensor(0.7, dtype=DTYPE)

    def problem_of(theta: dict[str, Tensor]) -> Problem:
        return Problem(Diagonal(s), y, GaussianNoise(theta["w"].rsqrt()), Tikhonov().with_lam(theta["lam"]))

    found = hypergradient(
        lambda x: (x - truth).square().sum() / 2,
        FISTA(stop=MaxIter(300)),
        problem_of,
        {"lam": lam, "w": w},
        method,
        tol=1e-13,
        max_iter=2000,
    )
    x = w * s * y / (w * s**2 + lam)
    by_lam = -((x - truth) * x / (w * s**2 + lam)).sum()
    by_w = ((x - truth) * (s * y - s**2 * x) / (w * s**2 + lam)).sum()
    assert abs(float(found.gradient["lam"] - by_lam)) < 1e-8 * abs(float(by_lam))
    assert abs(float(found.gradient["w"] - by_w)) < 1e-8 * abs(float(by_w))
    assert float(found.residual) <= 1e-13


def test_total_variation_by_unrolled_pdhg() -> None:
    random = torch.Generator().manual_seed(3)  # no kink of the map lies within a difference's step
    weights = 1 + torch.rand(SIZE, dtype=DTYPE, generator=random)
    along = torch.randn(SIZE, dtype=DTYPE, generator=random)

    def problem_of(t: Tensor) -> Problem:
        prior = TotalVariation(weights=weights + t[0] * along).with_lam((2 + t[1]).exp())
        return problem(GaussianNoise(0.05), prior)

    theta, solver = torch.tensor([0.1, 0.2], dtype=DTYPE), PDHG(stop=MaxIter(150))
    with torch.no_grad():
        wanted = differences(lambda t: loss(unroll(solver, problem_of(t), 150)), theta)
    found = hypergradient(loss, solver, problem_of, theta, "unroll")
    assert float(((found.gradient - wanted) / wanted).abs().max()) < 1e-6
    assert found.result.reason == Reason.MAX_ITER
    assert found.result.iterations.tolist() == [150, 150]
    assert torch.isfinite(found.result.last("objective")).all()


def test_complex_images() -> None:
    truth = TRUTH * torch.exp(torch.tensor(0.7j, dtype=torch.complex128))
    data = GaussianNoise(0.05).sample(A(truth), torch.Generator().manual_seed(2))
    solver = FISTA(stop=MaxIter(300), check_every=300)

    def problem_of(t: Tensor) -> Problem:
        return Problem(A, data, GaussianNoise(0.1), WaveletSparsity(wavelet="haar", level=1).with_lam((1 + t).exp()))

    def complex_loss(x: Tensor) -> Tensor:
        return (x - truth).abs().square().sum()

    with torch.no_grad():
        wanted = differences(lambda t: complex_loss(solver.solve(problem_of(t)).image), PER_ITEM)
    for method in EVERY:
        found = hypergradient(complex_loss, solver, problem_of, PER_ITEM, method, tol=1e-10, max_iter=20000)
        assert float((found.gradient - wanted).norm() / wanted.norm()) < 1e-6, method


def test_a_module_and_its_penalty() -> None:
    class Weight(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.log = nn.Parameter(torch.tensor(1.0, dtype=DTYPE))
            self.unused = nn.Parameter(torch.zeros(2, dtype=DTYPE), requires_grad=False)

    module, solver = Weight(), FISTA(stop=MaxIter(100))

    def problem_of(m: Weight) -> Problem:
        return problem(GaussianNoise(0.2), Tikhonov().with_lam(m.log.exp()))

    def value(t: Tensor) -> Tensor:
        prior = Tikhonov().with_lam(t.exp())
        return loss(solver.solve(problem(GaussianNoise(0.2), prior)).image) + 3 * t.square()

    with torch.no_grad():
        wanted = differences(value, module.log.detach())
    for method in EVERY:
        found = hypergradient(
            lambda x: loss(x) + 3 * module.log.square(), solver, problem_of, module, method, tol=1e-10
        )
        assert list(found.gradient) == ["log"]
        assert abs(float(found.gradient["log"] - wanted)) < 1e-6 * abs(float(wanted)), method
    assert module.log.grad is None


def test_items_do_not_influence_each_other() -> None:
    solver = FISTA(stop=MaxIter(200))
    both = hypergradient(loss, solver, wavelets, PER_ITEM, tol=1e-8)

    def alone(t: Tensor) -> Problem:
        return Problem(A, DATA[1], GaussianNoise(0.1), WaveletSparsity(wavelet="haar", level=2).with_lam((1 + t).exp()))

    one = hypergradient(lambda x: (x - TRUTH[1]).square().sum() / 2, solver, alone, PER_ITEM[1], tol=1e-8)
    torch.testing.assert_close(both.gradient[1], one.gradient, rtol=1e-9, atol=0)


def test_wrong_use_says_what_to_do() -> None:
    solver = PDHG(stop=MaxIter(5))

    def total_variation(t: Tensor) -> Problem:
        return problem(GaussianNoise(0.05), TotalVariation().with_lam(t.exp()))

    with pytest.raises(
        CapabilityError, match="closed-form prox, and GroupL1 behind an operator is neither; use method='unroll'"
    ):
        hypergradient(loss, solver, total_variation, PER_ITEM)
    with pytest.raises(ValueError, match="a method among unroll, implicit-cg, implicit-neumann, got 'cg'"):
        hypergradient(loss, solver, ridge, PER_ITEM, "cg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes as many steps as MaxIter says, and Gap"):
        hypergradient(loss, PDHG(stop=Gap(1e-3)), ridge, PER_ITEM, "unroll")
    with pytest.raises(ValueError, match="does not depend on theta"):
        hypergradient(loss, FISTA(), lambda t: ridge(PER_ITEM), PER_ITEM)
    with pytest.raises(ValueError, match="one real number"):
        hypergradient(lambda x: x, FISTA(), ridge, PER_ITEM)
    with pytest.raises(TypeError, match="theta is expected to be a floating-point tensor"):
        hypergradient(loss, FISTA(), ridge, 0.3)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="problem_of is expected to give a Problem"):
        hypergradient(loss, FISTA(), lambda t: t, PER_ITEM)  # type: ignore[arg-type,return-value]
