"""deepinv's solvers on the problems of ``benchmarks.optimisation``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.optimisation_race import Race
from recon.operators import Blur, CartesianMRI, ParallelBeam, RayTransform
from recon.solvers import Problem

Loop = Callable[[Race], object]
INNER = (10, 50)
"""Inner iterations offered to methods that have inner iterations."""

RATIOS = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Multiples of the given step size τ that are tried."""


class Adapter:
    """One problem in deepinv's terms.

    Complex images have two channels there, so that the lengths of complex differences are norms over two axes.
    ``forward`` is deepinv's own model of images as NumPy arrays, for the common objective.
    """

    def __init__(self, problem: Problem) -> None:
        from deepinv import physics

        A = problem.operator
        self.lam = float(problem.prior.lam)  # type: ignore[union-attr, arg-type]
        self.data, self.complex = problem.data, isinstance(A, CartesianMRI)
        self.axes: Any = -1
        self.shift = 0
        if isinstance(A, Blur):
            psf = A.psf.float()[None, None]
            self.physics = physics.BlurFFT(img_size=A.domain_shape, filter=psf)
        elif isinstance(A, CartesianMRI):
            self.physics = physics.MultiCoilMRI(
                mask=A.mask.float()[None, None], coil_maps=A.coil_maps[None], img_size=(1, 2, *A.domain_shape)
            )
            self.data, self.axes = _channels(problem.data), (1, -1)
        else:
            assert isinstance(A, RayTransform)
            assert isinstance(A.geometry, ParallelBeam)
            size = A.domain_shape[-1]
            degrees = -torch.rad2deg(torch.tensor(A.geometry.angles, dtype=torch.float32))
            self.physics = physics.Tomography(degrees, size, circle=False, normalize=False, adjoint_via_backprop=True)
            bins = self.physics.A(torch.zeros(1, 1, size, size)).shape[-2]
            extra = bins - problem.data.shape[-1]
            rows = torch.nn.functional.pad(problem.data, (extra // 2, extra - extra // 2))
            self.data = rows.transpose(-1, -2)[:, None].contiguous()
        self.start = torch.zeros_like(self.physics.A_adjoint(self.data))
        self.norm = float(self.physics.compute_sqnorm(torch.randn_like(self.start), verbose=False)) ** 0.5

    def image(self, x: Tensor) -> Any:
        """The iterate in recon's layout, as an array."""
        if self.complex:
            return torch.complex(x[:, 0], x[:, 1]).numpy()
        return x.numpy() if x.shape[1] > 1 else x[:, 0].numpy()

    def forward(self, x: Any) -> Any:
        """deepinv's A; only where it differs from recon's."""
        return self.physics.A(torch.from_numpy(x).float()[:, None]).double().numpy()

    def runs(self, tau: float) -> Iterator[tuple[str, Loop]]:
        """Its solvers that can minimise this objective: Chambolle-Pock, and accelerated proximal gradient.

        Chambolle-Pock with τ and σ = 1/(8τ) for the gradient takes the prox of the data term, in closed form for the
        blur and by conjugate gradients otherwise. FISTA takes deepinv's TV prox, which has no complex form.
        """
        from deepinv.models import TVDenoiser
        from deepinv.optim import FISTA, L2, PDCP, L12Prior, TVPrior

        def primal_dual(step: float, **solver: Any) -> Loop:
            def loop(race: Race) -> object:
                model = PDCP(
                    K=TVDenoiser.nabla,
                    K_adjoint=TVDenoiser.nabla_adjoint,
                    data_fidelity=_fidelity(L2, solver),
                    prior=L12Prior(l2_axis=self.axes),
                    lambda_reg=self.lam,
                    stepsize=step,
                    stepsize_dual=0.99 / (8 * step),
                    g_first=True,
                    **self._loop(race),
                    custom_init=lambda y, physics: {
                        "est": (self.start, self.start, torch.zeros_like(TVDenoiser.nabla(self.start)))
                    },
                )
                return model(self.data, self.physics, compute_metrics=True)

            return loop

        def accelerated(inner: int) -> Loop:
            def loop(race: Race) -> object:
                model = FISTA(
                    data_fidelity=L2(),
                    prior=TVPrior(n_it_max=inner),
                    lambda_reg=self.lam,
                    stepsize=1 / self.norm**2,
                    **self._loop(race),
                    custom_init=lambda y, physics: {"est": (self.start, self.start)},
                )
                return model(self.data, self.physics, compute_metrics=True)

            return loop

        closed = hasattr(self.physics, "V_adjoint")
        for ratio in RATIOS:
            for inner in (0,) if closed else INNER:
                extra = {} if closed else {"solver": "CG", "max_iter": inner, "tol": 1e-6}
                label = "" if closed else f", {inner} CG"
                yield f"PDCP, τ = {ratio * tau:.2g}{label}", primal_dual(ratio * tau, **extra)
        if not self.complex:
            for inner in INNER:
                yield f"FISTA, {inner} inner", accelerated(inner)

    def _loop(self, race: Race) -> dict[str, Any]:
        """What lets the race watch: a metric of whole batches, which deepinv asks for item by item."""
        seen: list[Tensor] = []

        def watch(_: Any, __: Tensor, x: Tensor) -> float:
            seen.append(x)
            if len(seen) == len(self.data):
                race(lambda: self.image(torch.stack(seen)))
                seen.clear()
            return 0.0

        return {"max_iter": 100000, "thres_conv": 0.0, "custom_metrics": {"watch": watch}}


def _fidelity(kind: Any, settings: dict[str, Any]) -> Any:
    """L2 whose prox is computed with the given settings of deepinv's linear solver."""
    if not settings:
        return kind()

    class Settled(kind):  # type: ignore[misc]
        def prox(self, x: Tensor, y: Tensor, physics: Any, *args: Any, gamma: float = 1.0, **kwargs: Any) -> Tensor:
            result: Tensor = physics.prox_l2(x, y, gamma, **settings)
            return result

    return Settled()


def _channels(x: Tensor) -> Tensor:
    return torch.view_as_real(x).movedim(-1, 1).contiguous()
