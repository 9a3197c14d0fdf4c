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

    min ‖Ax − y‖²/(2σ²) + λ TV(x) for 60 views of a 512² head with noise. recon's loop runs on the default model and on
    Joseph's, which is ASTRA's; ODL runs its own ``pdhg`` with the steps that recon has found for Joseph's model.
    deepinv's projector goes through the very loop of recon, with the data of a head moved to where its centre of
    rotation lies. Objectives are those of each one's own model.
    """
    torch.set_num_threads(threads)
    beam = ParallelBeam([torch.pi * a / VIEWS for a in range(VIEWS)], BINS)
    noise = SIGMA * torch.randn(beam.shape, generator=torch.Generator().manual_seed(0))
    data = shepp_logan(0.45 * SIZE).line_integrals(beam) + noise
    prior = LAM * TotalVariation()
    solver = PDHG(stop=MaxIter(iterations), check_every=max(iterations, 1))
    shear, joseph = (
        Problem(RayTransform(Volume((SIZE, SIZE)), beam, model), data, GaussianNoise(SIGMA), prior)
        for model in ("shear", "joseph")
    )
    runs = {
        "recon": lambda: _recon(solver, shear),
        "recon, Joseph": lambda: _recon(solver, joseph),
        "ODL with ASTRA CPU": lambda: _odl(joseph, solver, iterations),
        "deepinv": lambda: _deepinv(solver, beam, noise, prior),
    }
    found: dict[str, tuple[float, float]] = {}
    for name, run in runs.items():
        try:
            found[name] = run()
        except ImportError as reason:
            absent[name] = str(reason)
    print(f"\n{iterations} iterations of PDHG with TV, {SIZE}², {VIEWS} views, {threads} thread{'s' * (threads > 1)}")
    results: dict[str, Any] = {}
    for name, (seconds, objective) in found.items():
        ratio = seconds / found["recon"][0]
        results[name] = {"seconds": seconds, "ratio": ratio, "objective": objective}
        print(
            f"{name:25s} {seconds:9.2f} s  {1e3 * seconds / iterations:9.2f} ms each ({ratio:6.1f})  "
            f"objective {objective:.6g}"
        )
    return results


def _recon(solver: PDHG, problem: Problem) -> tuple[float, float]:
    replace(solver, stop=MaxIter(2)).solve(problem)  # compiles
    start = time.perf_counter()
    image = solver.solve(problem).image
    return time.perf_counter() - start, float(problem.objective(image))


def _deepinv(solver: PDHG, beam: ParallelBeam, noise: Tensor, prior: VariationalPrior) -> tuple[float, float]:
    from deepinv.physics import Tomography

    degrees = torch.rad2deg(torch.tensor(beam.angles))
    physics = Tomography(-degrees, SIZE, circle=False, normalize=False, adjoint_via_backprop=True)
    operator = from_deepinv(physics, (1, SIZE, SIZE))
    head = EllipsePhantom([replace(e, x=e.x - 0.5, y=e.y - 0.5) for e in shepp_logan(0.45 * SIZE).ellipses])
    extra = (operator.range_shape[-2] - beam.bins) // 2
    data = torch.nn.functional.pad(head.line_integrals(beam) + noise, (extra, extra)).T[None]
    problem = Problem(operator, data, GaussianNoise(SIGMA), prior)
    start = time.perf_counter()
    image = solver.solve(problem).image
    return time.perf_counter() - start, float(problem.objective(image))


def _odl(problem: Problem, solver: PDHG, iterations: int) -> tuple[float, float]:
    import odl
    from odl.applications.tomo import RayTransform as OdlRayTransform

    from recon.operators import to_odl_geometry

    state = solver.init(problem.flatten())
    for _ in range(iterations):
        state = solver.step(problem.flatten(), state)
    tau, (sigma, other) = float(state.tau), map(float, state.sigmas)
    balance = (other / sigma) ** 0.5  # ODL has one σ for all blocks
    A, data = problem.operator, problem.data
    assert isinstance(A, RayTransform)
    half = SIZE / 2
    space = odl.uniform_discr([-half] * 2, [half] * 2, (SIZE, SIZE), dtype="float32")
    rays = OdlRayTransform(space, to_odl_geometry(A.geometry), impl="astra_cpu")
    gradient = odl.Gradient(space, method="forward", pad_mode="symmetric")
    K = odl.BroadcastOperator(rays, balance * gradient)
    fidelity = odl.functionals.L2NormSquared(rays.range).translated(rays.range.element(data.numpy()))
    cost = odl.functionals.SeparableSum(
        0.5 / SIGMA**2 * fidelity, LAM / balance * odl.functionals.GroupL1Norm(gradient.range)
    )
    x = space.zero()
    start = time.perf_counter()
    odl.solvers.pdhg(x, odl.functionals.ZeroFunctional(space), cost, K, iterations, tau, sigma)
    return time.perf_counter() - start, float(problem.objective(torch.from_numpy(x.data.T.copy())))
