"""scico's solvers, run by the Python of an environment that has it: ``PYTHON -m benchmarks.optimisation_scico FILE``.

FILE is an ``.npz`` with the problem, the steps to try, the optimum where known and the seconds a run may take. The
answer goes to standard output, as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.optimisation_race import Race, fastest, forward, objective

RATIOS = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Multiples of τ and of ADMM's penalties that are tried."""


def main(path: str) -> None:
    """Run what suits a file and print what it took."""
    import scico

    with np.load(path) as stored:
        arrays = dict(stored)
    model = Model(arrays)
    value = objective(arrays, model.encode)
    loops = {name: _loop(model, make) for name, make in model.runs()}
    found = fastest(loops, value, arrays.get("best"), float(arrays["limit"]))
    print(json.dumps(found | {"version": scico.__version__}))


def _loop(model: Model, make: Callable[[], Any]) -> Callable[[Race], None]:
    def loop(race: Race) -> None:
        _warm(make)
        solver = make()
        race.since = time.perf_counter()
        while True:
            solver.step()
            solver.x.block_until_ready()
            race(lambda: model.image(solver.x))

    return loop


def _warm(make: Callable[[], Any]) -> None:
    """Compile."""
    solver = make()
    for _ in range(2):
        solver.step()
    solver.x.block_until_ready()


class Model:
    """One problem in scico's terms."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        import jax
        from scico import linop

        data = arrays["data"]
        kind = np.complex64 if np.iscomplexobj(data) else np.float32
        self.lam = float(arrays["lam"])
        self.tau, self.sigma, self.other = (float(s) for s in arrays["steps"])
        self.primal = float(arrays["primal"])
        self.data = jax.numpy.asarray(data.astype(kind))
        shape = tuple(int(n) for n in arrays["shape"])
        self.lead = len(shape) - 2
        if "transfer" in arrays:
            impulse = np.fft.irfft2(arrays["transfer"], s=shape[-2:]).astype(kind)
            self.A = linop.CircularConvolve(jax.numpy.asarray(impulse)[None, None], shape, ndims=2, input_dtype=kind)
        elif "maps" in arrays:
            self.A = _coils(arrays, shape, kind)
        else:
            from scico.linop.xray import XRayTransform2D

            bins = data.shape[-1]
            self.A = _rays(XRayTransform2D(shape[-2:], arrays["angles"], det_count=bins, dx=np.full(2, 1.0)), shape)
        self.D = linop.FiniteDifference(self.A.input_shape, kind, axes=(-2, -1), append=0, jit=True)
        self.encode = forward(arrays) if "angles" not in arrays else self._project

    def image(self, x: Any) -> Any:
        return np.asarray(x)

    def _project(self, x: Any) -> Any:
        return np.asarray(self.A(x.astype(np.float32)), np.float64)

    def runs(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """PDHG on both terms, PDHG with the prox of the data term, and ADMM with conjugate gradients."""
        from scico import functional, linop, loss
        from scico.optimize import ADMM, PDHG
        from scico.optimize.admm import LinearSubproblemSolver

        tv = self.lam * functional.L21Norm(l2_axis=0)
        balance = (self.other / self.sigma) ** 0.5
        for ratio in RATIOS:
            tau, sigma = ratio * self.tau, self.sigma / ratio
            K = linop.VerticalStack([self.A, balance * self.D])
            cost = functional.SeparableFunctional(
                [loss.SquaredL2Loss(self.data), self.lam / balance * functional.L21Norm(l2_axis=0)]
            )
            yield (
                f"PDHG, τ = {tau:.2g}",
                lambda K=K, cost=cost, tau=tau, sigma=sigma: PDHG(functional.ZeroFunctional(), cost, K, tau, sigma),
            )
        for ratio in RATIOS:
            rho = ratio / (8 * self.primal)
            for inner in (5, 20):
                yield (
                    f"ADMM, ρ = {rho:.2g}, {inner} CG",
                    lambda rho=rho, inner=inner: ADMM(
                        f=loss.SquaredL2Loss(self.data, self.A),
                        g_list=[tv],
                        C_list=[self.D],
                        rho_list=[rho],
                        alpha=1.6,
                        subproblem_solver=LinearSubproblemSolver(cg_kwargs={"tol": 1e-5, "maxiter": inner}),
                    ),
                )


def _rays(projector: Any, shape: tuple[int, ...]) -> Any:
    """The projector on a batch of one."""
    from scico import linop

    return linop.LinearOperator(
        shape,
        (1, *projector.output_shape),
        eval_fn=lambda x: projector(x[0])[None],
        adj_fn=lambda y: projector.adj(y[0])[None],
        input_dtype=np.float32,
    )


def _coils(arrays: dict[str, Any], shape: tuple[int, ...], kind: Any) -> Any:
    import jax
    from scico import linop

    ramp = np.exp(1j * np.pi * np.arange(shape[-1]))
    ramp = ramp[:, None] * ramp
    maps = jax.numpy.asarray((arrays["maps"] * ramp).astype(kind))[None]
    mask = jax.numpy.asarray((arrays["mask"] * ramp).astype(kind))

    def encode(x: Any) -> Any:
        return mask * jax.numpy.fft.fft2(maps * x[:, None], norm="ortho")

    def combine(y: Any) -> Any:
        return (maps.conj() * jax.numpy.fft.ifft2(mask.conj() * y, norm="ortho")).sum(1)

    return linop.LinearOperator(
        shape, (shape[0], *maps.shape[1:]), eval_fn=encode, adj_fn=combine, input_dtype=kind, output_dtype=kind
    )


if __name__ == "__main__":
    main(sys.argv[1])
