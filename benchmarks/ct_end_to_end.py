"""PDHG with total variation on recon, on ODL with ASTRA, and on deepinv's projector."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from recon.operators import GaussianNoise, ParallelBeam, RayTransform, Volume, from_deepinv
from recon.phantoms import EllipsePhantom, shepp_logan
from recon.priors import TotalVariation, VariationalPrior
from recon.solvers import PDHG, MaxIter, Problem

SIZE, VIEWS, BINS, SIGMA, LAM = 512, 60, 729, 0.5, 2.0


def end_to_end(iterations: int, threads: int, absent: dict[str, str]) -> dict[str, Any]:
    """Seconds and final objective of each, in one process; prints them as they come.

    min ‖Ax − y‖²/(2σ²) + λ TV(x) for 60 views of a 512² head with noise. deepinv's projector goes through the very loop
    of recon, with the data of a head moved to where its centre of rotation lies. ODL runs its own ``pdhg``, with the
    steps that recon's loop has found for itself. Every result is judged by recon's objective.
    """
    torch.set_num_threads(threads)
    beam = ParallelBeam([torch.pi * a / VIEWS for a in range(VIEWS)], BINS)
    A = RayTransform(Volume((SIZE, SIZE)), beam)
    noise = SIGMA * torch.randn(beam.shape, generator=torch.Generator().manual_seed(0))
    data = shepp_logan(0.45 * SIZE).line_integrals(beam) + noise
    prior = LAM * TotalVariation()
    problem = Problem(A, data, GaussianNoise(SIGMA), prior)
    solver = PDHG(stop=MaxIter(iterations), check_every=max(iterations, 1))
    replace(solver, stop=MaxIter(2)).solve(problem)  # compiles
    start = time.perf_counter()
    ours = solver.solve(problem)
    images = {"recon": (time.perf_counter() - start, ours.image)}
    tau = float(ours.history["tau"][-1])
    runs = {
        "ODL with ASTRA CPU": lambda: _odl(A, data, iterations, tau),
        "deepinv": lambda: _deepinv(solver, beam, noise, prior),
    }
    for name, run in runs.items():
        try:
            images[name] = run()
        except ImportError as reason:
            absent[name] = str(reason)
    print(f"\n{iterations} iterations of PDHG with TV, {SIZE}², {VIEWS} views, {threads} thread{'s' * (threads > 1)}")
    results: dict[str, Any] = {}
    for name, (seconds, image) in images.items():
        ratio, objective = seconds / images["recon"][0], float(problem.objective(image))
        results[name] = {"seconds": seconds, "ratio": ratio, "objective": objective}
        print(
            f"{name:25s} {seconds:9.2f} s  {1e3 * seconds / iterations:9.2f} ms each ({ratio:6.1f})  "
            f"objective {objective:.6g}"
        )
    return results


def _deepinv(solver: PDHG, beam: ParallelBeam, noise: Tensor, prior: VariationalPrior) -> tuple[float, Tensor]:
    from deepinv.physics import Tomography

    degrees = torch.rad2deg(torch.tensor(beam.angles))
    physics = Tomography(-degrees, SIZE, circle=False, normalize=False, adjoint_via_backprop=True)
    operator = from_deepinv(physics, (1, SIZE, SIZE))
    head = EllipsePhantom([replace(e, x=e.x - 0.5, y=e.y - 0.5) for e in shepp_logan(0.45 * SIZE).ellipses])
    extra = (operator.range_shape[-2] - beam.bins) // 2
    data = torch.nn.functional.pad(head.line_integrals(beam) + noise, (extra, extra)).T[None]
    problem = Problem(operator, data, GaussianNoise(SIGMA), prior)
    start = time.perf_counter()
    image = solver.solve(problem).image[0]
    return time.perf_counter() - start, image


def _odl(A: RayTransform, data: Tensor, iterations: int, tau: float) -> tuple[float, Tensor]:
    import odl
    from odl.applications.tomo import RayTransform as OdlRayTransform

    from recon.operators import to_odl_geometry

    half = SIZE / 2
    space = odl.uniform_discr([-half] * 2, [half] * 2, (SIZE, SIZE), dtype="float32")
    rays = OdlRayTransform(space, to_odl_geometry(A.geometry), impl="astra_cpu")
    gradient = odl.Gradient(space, method="forward", pad_mode="symmetric")
    balance = A.norm_bound() / 8**0.5  # ODL has one σ for all blocks, so that their norms must be alike
    K = odl.BroadcastOperator(rays, balance * gradient)
    fidelity = odl.functionals.L2NormSquared(rays.range).translated(rays.range.element(data.numpy()))
    cost = odl.functionals.SeparableSum(
        0.5 / SIGMA**2 * fidelity, LAM / balance * odl.functionals.GroupL1Norm(gradient.range)
    )
    sigma = 0.95 / (tau * 2 * A.norm_bound() ** 2)
    x = space.zero()
    start = time.perf_counter()
    odl.solvers.pdhg(x, odl.functionals.ZeroFunctional(space), cost, K, iterations, tau, sigma)
    return time.perf_counter() - start, torch.from_numpy(x.data.T.copy())
