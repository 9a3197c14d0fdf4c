import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, LinearOperator
from recon.priors import GaussianMixturePrior, GaussianPrior
from recon.solvers import MMPS, KarrasSchedule, Problem
from recon.solvers.sampling.guidance.moment_matching import matched_mean
from recon.solvers.sampling.random import normal
from recon.solvers.sampling.sampler import SamplerState

D, M, SIGMA = 8, 4, 0.1


def matrix_operator(matrix: Tensor, **fields: str) -> LinearOperator:
    rows, columns = matrix.shape

    def adjoint(y: Tensor) -> Tensor:
        x = y @ matrix.conj()
        return x.real if fields.get("domain_field") == "real" else x

    return LinearOperator.from_functions(
        lambda x: x.to(matrix.dtype) @ matrix.mT, adjoint, (columns,), (rows,), **fields
    )


def gaussian_problem(kind: str) -> tuple[Problem, Tensor, Tensor]:
    """A problem, and the mean and covariance of its posterior."""
    generator = torch.Generator().manual_seed(0)
    dtype = torch.complex128 if kind == "complex" else torch.float64
    Q, _ = torch.linalg.qr(torch.randn(D, D, generator=generator, dtype=dtype))
    spectrum = torch.tensor([2.0, 1.0, 0.6, 0.3, 0.15, 0.08, 0.04, 0.02], dtype=torch.float64)
    C = Q @ torch.diag(spectrum).to(dtype) @ Q.mH
    mean = 0.5 * torch.randn(D, generator=generator, dtype=dtype)
    data_dtype = torch.complex128 if kind == "complex data" else dtype
    matrix = torch.randn(M, D, generator=generator, dtype=data_dtype) * 1.2 / D**0.5
    if kind == "mask":
        matrix = torch.eye(D, dtype=dtype)[::2]
    fields = {"domain_field": "complex", "range_field": "complex"} if kind == "complex" else {}
    if kind == "complex data":
        fields = {"domain_field": "real", "range_field": "complex"}
    A, noise = matrix_operator(matrix, **fields), GaussianNoise(SIGMA)
    prior = GaussianPrior(mean, covariance=C)
    y = noise.sample(A(prior.sample(1, generator)), generator)[0]
    posterior = prior.posterior(A, y, SIGMA)
    return Problem(A, y[None], noise, prior), posterior.mean, posterior.covariance.dense()


def propagated(solver: MMPS, problem: Problem) -> tuple[Tensor, Tensor]:
    """Exact mean and covariance of the sampler's output: for a Gaussian prior a step is affine in state and noise.

    ``solver.step`` is applied to the origin and the basis vectors at once, all with the same noise, which is known.
    """
    dtype = problem.dtype
    points = torch.cat([torch.zeros(1, D, dtype=dtype), torch.eye(D, dtype=dtype)])
    same = problem.select(torch.zeros(D + 1, dtype=torch.long))
    sigmas = solver.noise_schedule(solver.steps)
    mean, cov = torch.zeros(D, dtype=dtype), (1 + sigmas[0] ** 2) * torch.eye(D, dtype=dtype)
    streams = torch.zeros(D + 1, dtype=torch.long)
    for i in range(solver.steps):
        step = torch.full((D + 1,), i)
        state = SamplerState(points, points, step, streams, (torch.zeros(D + 1),) * 2)
        with torch.no_grad():
            out = solver.step(same, state).u
        spread = sigmas[i + 1] * (1 - (sigmas[i + 1] / sigmas[i]) ** 2).sqrt()
        out = out - spread * normal(solver.seed, streams, step + 1, (D,), dtype)
        T = (out[1:] - out[0]).mT
        mean = out[0] + T @ mean
        cov = T @ cov @ T.mH + spread**2 * torch.eye(D, dtype=dtype)
    return mean, cov


def root(S: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh((S + S.mH) / 2)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()).to(S.dtype) @ vectors.mH


def distance(mean: Tensor, cov: Tensor, wanted: Tensor, S: Tensor) -> float:
    """Wasserstein-2 distance of two Gaussians over the root of the trace of S."""
    r = root(S)
    square = (mean - wanted).abs().square().sum() + torch.trace(cov + S - 2 * root(r @ cov @ r)).real
    return float(square.clamp(min=0).sqrt() / torch.trace(S).real.sqrt())


@pytest.mark.parametrize(("kind", "steps"), [("random", 512), ("mask", 256), ("complex", 256), ("complex data", 256)])
def test_a_gaussian_posterior_is_reproduced_with_an_error_that_falls_as_one_over_steps(kind, steps) -> None:
    problem, mean, cov = gaussian_problem(kind)
    errors = []
    for n in (steps // 4, steps):
        solver = MMPS(steps=n, cg_rtol=1e-8, cg_max_iter=50, noise_schedule=KarrasSchedule())
        errors.append(distance(*propagated(solver, problem), mean, cov))
    assert errors[1] <= 0.05
    assert 3 < errors[0] / errors[1] < 5


def test_guidance_is_the_conditional_mean_and_reports_the_solve() -> None:
    problem, _, _ = gaussian_problem("random")
    prior, y = problem.prior, problem.data[0]
    u, sigma = torch.randn(3, D, dtype=torch.float64), torch.tensor([0.2, 1.0, 30.0], dtype=torch.float64)
    three = problem.select(torch.zeros(3, dtype=torch.long))
    with torch.no_grad():
        mean, info = matched_mean(three, prior, u, sigma, 1e-12, 50, 0.3)
        rough = matched_mean(three, prior, u, sigma, 1e-12, 2, 0.3)
    for i in range(3):
        # condition on u as on data of the identity, then on y
        given_u = prior.posterior(matrix_operator(torch.eye(D, dtype=torch.float64)), u[i], float(sigma[i]))
        torch.testing.assert_close(mean[i], given_u.posterior(problem.operator, y, SIGMA).mean)
    assert float(info.residual.max()) < 1e-11
    assert bool((rough.cg.iterations == 2).all())
    assert float(rough.cg.residual.min()) > 1e-6


def test_noise_levels_are_per_item() -> None:
    problem, _, _ = gaussian_problem("random")
    data = torch.cat([problem.data, problem.data])
    both = Problem(problem.operator, data, GaussianNoise(torch.tensor([0.1, 2.0])), problem.prior)
    loud = Problem(problem.operator, problem.data, GaussianNoise(2.0), problem.prior)
    solver = MMPS(steps=20, cg_rtol=1e-10, cg_max_iter=50)
    found = solver.solve(both).image
    torch.testing.assert_close(found[:1], solver.solve(problem).image)
    second = MMPS(steps=20, cg_rtol=1e-10, cg_max_iter=50, streams=(1,)).solve(loud).image
    torch.testing.assert_close(found[1:], second, rtol=1e-5, atol=1e-6)


def test_an_asymmetric_derivative_ends_the_solve_early() -> None:
    """Networks have derivatives that are not symmetric; conjugate gradients would amplify that part without end."""

    class Twisted(GaussianPrior):
        def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
            twist = torch.eye(D, dtype=u.dtype).roll(1, 0)
            return super().expectation(u, sigma) @ (0.5 * twist + torch.eye(D, dtype=u.dtype))

    problem, _, _ = gaussian_problem("random")
    prior = Twisted(problem.prior.mean, covariance=problem.prior.covariance.dense())
    u, sigma = torch.randn(1, D, dtype=torch.float64), torch.tensor([3.0], dtype=torch.float64)
    with torch.no_grad():
        guarded = matched_mean(problem, prior, u, sigma, 1e-12, 50, 0.3)
        unguarded = matched_mean(problem, prior, u, sigma, 1e-12, 50, float("inf"))
    assert int(guarded.cg.iterations) < M <= int(unguarded.cg.iterations)
    assert 0 < float(guarded.cg.residual) < 1


def test_mixture_is_a_heuristic_that_favours_the_right_mode() -> None:
    prior = GaussianMixturePrior(
        (0.5, 0.5),
        [GaussianPrior(torch.tensor([2.0, -1.0]), std=0.3), GaussianPrior(torch.tensor([-2.0, 1.0]), std=0.3)],
    )
    A, y, noise = matrix_operator(torch.tensor([[1.0, 0.2]], dtype=torch.float64)), torch.tensor([0.25]).double(), 0.5
    exact = float(prior.posterior(A, y, noise).weights[0])
    problem = Problem(A, y.expand(300, 1), GaussianNoise(noise), prior)
    x = MMPS(steps=60, noise_schedule=KarrasSchedule()).solve(problem).image
    share = float((x[:, 0] > 0).double().mean())
    assert exact > 0.9
    assert 0.5 < share < exact  # .64 in long runs: moment matching is known to flatten weights
    inside = x[x[:, 0] > 0] - torch.tensor([2.0, -1.0])
    assert float(inside.abs().max()) < 6 * 0.3
    assert MMPS.kind == "heuristic"


def test_what_it_cannot_do_is_refused_by_name() -> None:
    for options, message in (
        ({"cg_rtol": 0.0}, "0 < cg_rtol < 1"),
        ({"cg_max_iter": 0}, "cg_max_iter to be a positive whole number"),
        ({"cg_conjugacy": 0.0}, "cg_conjugacy > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            MMPS(**options)
