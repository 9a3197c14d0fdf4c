"""What one iteration costs beside its arithmetic: the loop's overhead, and waiting for the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from recon.operators import Blur, GaussianNoise, gaussian_psf
from recon.priors import DenoiserPrior, Tikhonov, TotalVariation
from recon.solvers import ADMM, FISTA, PDHG, MaxIter, PnPPGD, Problem, ProximalGradient
from recon.solvers.solver import Solver
from recon.testing.host_reads import HostReads

SHORT, LONG, ROUNDS = 20, 220, 7


def iteration_times(absent: dict[str, str]) -> dict[str, float]:
    """Seconds of one iteration at 64², from runs of two lengths so that preparations cancel; medians, interleaved.

    Everybody solves with the same blur, data and step length; the denoiser is the identity.
    """
    A = Blur(gaussian_psf(1.0), (1, 64, 64), method="fft")
    data = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    plain = Problem(A, data, GaussianNoise(1.0), DenoiserPrior(lambda x, sigma: x))
    smooth = Problem(A, data, GaussianNoise(1.0), Tikhonov(1e-6))
    runs: dict[str, Callable[[int], object]] = {
        "recon PnPPGD": lambda n: _solve(PnPPGD(), plain, n),
        "recon FISTA": lambda n: _solve(FISTA(), smooth, n),
        "recon ProximalGradient": lambda n: _solve(ProximalGradient(), smooth, n),
    }
    try:
        runs["deepinv PGD"] = _deepinv(A, data)
    except ImportError as reason:
        absent["deepinv"] = str(reason)
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, function in runs.items():
            seconds = []
            for iterations in (SHORT, LONG):
                start = time.perf_counter()
                function(iterations)
                seconds.append(time.perf_counter() - start)
            samples[name].append((seconds[1] - seconds[0]) / (LONG - SHORT))
    return {name: statistics.median(times) for name, times in samples.items()}


def _solve(solver: Solver, problem: Problem, iterations: int) -> None:
    replace(solver, stop=MaxIter(iterations), check_every=iterations).solve(problem)


def _deepinv(A: Blur, data: Tensor) -> Callable[[int], object]:
    from deepinv.optim import L2, PGD, PnP
    from deepinv.physics import BlurFFT

    class Nothing(torch.nn.Module):
        def forward(self, x: Tensor, sigma: object = None) -> Tensor:
            return x

    physics = BlurFFT(img_size=A.domain_shape, filter=A.psf.float()[None, None])

    def run(iterations: int) -> object:
        model = PGD(
            data_fidelity=L2(),
            prior=PnP(denoiser=Nothing()),
            stepsize=1.0,
            g_param=0.1,
            max_iter=iterations,
            thres_conv=0.0,
        )
        return model(data, physics)

    return run


def reads_per_step() -> dict[str, float]:
    """How many numbers the host reads in a step of the solvers that have no inner loop here."""
    A = Blur(gaussian_psf(1.0), (32, 32))
    data = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))
    cases: dict[str, tuple[Solver, Problem]] = {
        "ADMM": (ADMM(), Problem(A, data, GaussianNoise(1.0), TotalVariation(0.01))),
        "FISTA": (FISTA(), Problem(A, data, GaussianNoise(1.0), Tikhonov(0.01))),
        "PDHG": (PDHG(), Problem(A, data, GaussianNoise(1.0), TotalVariation(0.01))),
        "PnPPGD": (PnPPGD(), Problem(A, data, GaussianNoise(1.0), DenoiserPrior(lambda x, sigma: x))),
    }
    found = {}
    for name, (solver, problem) in cases.items():
        state = solver.step(problem, solver.init(problem))
        with HostReads() as reads:
            for _ in range(10):
                state = solver.step(problem, state)
        found[name] = sum(reads.counts.values()) / 10
    return found
