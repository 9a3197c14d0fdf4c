"""Other libraries of posterior sampling, brought to one form for ``benchmarks.sampling``.

A peer offers what it can of the methods of ``sampling_tables``, each as candidates for one case. Noise levels, network,
mask, data, batch and single precision are those of the case; progress bars are off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import log
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from benchmarks.sampling_case import ALPHA_MIN, ITERATIONS, SIGMA_Y, Candidate, Case

LAMBDA = 7.0
"""DiffPIR's λ."""


class Azula:
    """Its own VP schedule and EDM preconditioning; data are flat there."""

    def __init__(self) -> None:
        from importlib.metadata import version

        import azula.guidance
        import azula.linalg.covariance
        import azula.noise
        import azula.sample

        self.lib, self.name = azula, f"azula {version('azula')}"

    def ancestral(self, case: Case) -> Iterator[Candidate]:
        yield self._candidate(case, "DDPMSampler", self._sampler("DDPMSampler", case))

    def ddim(self, case: Case) -> Iterator[Candidate]:
        yield self._candidate(case, "DDIMSampler", self._sampler("DDIMSampler", case))

    def heun(self, case: Case) -> Iterator[Candidate]:
        """Stops one level before zero, where a last call denoises."""
        last = 1 / case.steps
        sampler = self._sampler("HeunSampler", case, steps=case.steps - 1, stop=last)
        end = torch.tensor(last, device=case.device)

        def run(noise: Iterator[Tensor] | None) -> Tensor:
            with torch.no_grad():
                out: Tensor = sampler.denoiser(self._run(case, sampler, noise), end).mean
            return out

        yield Candidate(f"{self.name} HeunSampler", run)

    def dps(self, case: Case) -> Iterator[Candidate]:
        sampler = self._guided("DPSSampler", case, zeta=1.0)
        yield self._candidate(case, "DPSSampler", sampler, case.batch == 1, "its norm is that of the whole batch")

    def pigdm(self, case: Case) -> Iterator[Candidate]:
        sampler = self._guided("PGDMSampler", case, A_inv=lambda y: y.reshape(case.shape), eta=1.0)
        yield self._candidate(case, "PGDMSampler", sampler, False, "made for data without noise")

    def mmps(self, case: Case) -> Iterator[Candidate]:
        covariance = self.lib.linalg.covariance.IsotropicCovariance(SIGMA_Y**2)
        given = {"y": case.data.flatten(1), "A": self._forward(case), "cov_y": covariance}
        guided = self.lib.guidance.MMPSDenoiser(self._denoiser(case), **given, solver="cg", iterations=ITERATIONS)
        yield self._candidate(case, "MMPSDenoiser", self._sampler("DDPMSampler", case, guided))

    def diffpir(self, case: Case) -> Iterator[Candidate]:
        given = {"y": case.data.flatten(1), "A": self._forward(case), "var_y": SIGMA_Y**2, "lmbda": LAMBDA}
        guided = self.lib.guidance.DiffPIRDenoiser(self._denoiser(case), **given)
        sampler = self._sampler("DDPMSampler", case, guided)
        yield self._candidate(case, "DiffPIRDenoiser", sampler, False, "one GMRES iteration, DDPM steps")

    def _denoiser(self, case: Case) -> Any:
        schedule = self.lib.noise.VPSchedule(alpha_min=ALPHA_MIN, sigma_min=0.0)
        return self.lib.denoise.KarrasDenoiser(_Quarter(case.network), schedule)

    def _sampler(self, cls: str, case: Case, denoiser: Any = None, **options: Any) -> Any:
        given = {"steps": case.steps, "silent": True, **options}
        return getattr(self.lib.sample, cls)(self._denoiser(case) if denoiser is None else denoiser, **given)

    def _guided(self, cls: str, case: Case, **options: Any) -> Any:
        given = {"steps": case.steps, "silent": True, "y": case.data.flatten(1), "A": self._forward(case)}
        return getattr(self.lib.guidance, cls)(self._denoiser(case), **given, **options)

    def _forward(self, case: Case) -> Any:
        mask = case.mask
        return lambda x: (mask * x).flatten(1)

    def _candidate(self, case: Case, what: str, sampler: Any, same: bool = True, note: str = "") -> Candidate:
        return Candidate(f"{self.name} {what}", lambda noise: self._run(case, sampler, noise), same, note)

    def _run(self, case: Case, sampler: Any, noise: Iterator[Tensor] | None) -> Tensor:
        with _instead("torch.randn_like", noise):
            out: Tensor = sampler(sampler.init(case.shape, device=case.device))
        return out


class Deepinv:
    """Its own VP process and EDM preconditioning, everything in single precision as elsewhere."""

    def __init__(self) -> None:
        import deepinv.sampling

        self.lib, self.name = deepinv, f"deepinv {deepinv.__version__}"

    def ancestral(self, case: Case) -> Iterator[Candidate]:
        yield self._prior(case, "DDPMSolver")

    def ddim(self, case: Case) -> Iterator[Candidate]:
        yield self._prior(case, "DDIMSolver")

    def dps(self, case: Case) -> Iterator[Candidate]:
        yield self._posterior(case, "DPSDataFidelity", False, "another step length", clip=None)

    def pigdm(self, case: Case) -> Iterator[Candidate]:
        yield self._posterior(case, "PiGDMDataFidelity")

    def mmps(self, case: Case) -> Iterator[Candidate]:
        """It spends one adjoint derivative on the operator applied to zero, so that it has an iteration less."""
        less = {"cg_max_iter": ITERATIONS - 1, "cg_tol": 0.0}
        yield self._posterior(case, "MomentMatchingDataFidelity", False, "an iteration less", **less)

    def diffpir(self, case: Case) -> Iterator[Candidate]:
        fidelity, options = self.lib.optim.data_fidelity.L2(sigma=SIGMA_Y), {"lambda_": LAMBDA, "zeta": 0.3}
        given = {"sigma": SIGMA_Y, "max_iter": case.steps, "device": case.device}
        model, physics, y = (
            self.lib.sampling.DiffPIR(self._denoiser(case), fidelity, **given, **options),
            *self._data(case),
        )
        note = "levels and a clipping of its own"
        yield Candidate(f"{self.name} DiffPIR", lambda noise: model(y, physics), False, note)

    def _denoiser(self, case: Case) -> Any:
        from deepinv.models.precond import EDMPrecond

        return EDMPrecond(case.network, pixel_std=1.0)

    def _data(self, case: Case) -> tuple[Any, Tensor]:
        mask, noise = case.mask[None], self.lib.physics.GaussianNoise(SIGMA_Y)
        options = {"img_size": case.shape[1:], "mask": mask, "noise_model": noise, "device": case.device}
        return self.lib.physics.Inpainting(**options), case.data

    def _process(self, case: Case, solver: str) -> tuple[dict[str, Any], Any]:
        given = {"dtype": torch.float32, "device": case.device, "minus_one_one": False}
        t = torch.linspace(1, 0, case.steps + 1, device=case.device)
        return given, getattr(self.lib.sampling, solver)(timesteps=t)

    def _prior(self, case: Case, name: str) -> Candidate:
        given, solver = self._process(case, name)
        options = {"beta_min": 0.0, "beta_max": -4 * log(ALPHA_MIN), "denoiser": self._denoiser(case)}
        sde = self.lib.sampling.VariancePreservingDiffusion(**options, solver=solver, **given)

        def run(noise: Iterator[Tensor] | None) -> Tensor:
            with _instead("torch.Tensor.normal_", noise):
                out: Tensor = sde.sample(case.shape if noise is None else next(noise))
            return out

        return Candidate(f"{self.name} {name}", run)

    def _posterior(self, case: Case, term: str, same: bool = True, note: str = "", **options: Any) -> Candidate:
        given, solver = self._process(case, "DDPMSolver")
        process = {"beta_min": 0.0, "beta_max": -4 * log(ALPHA_MIN)}
        denoiser, fidelity = self._denoiser(case), getattr(self.lib.sampling, term)(**options)
        sde = self.lib.sampling.VariancePreservingDiffusion(**process, **given)
        model = self.lib.sampling.PosteriorDiffusion(fidelity, denoiser, sde, solver, **given)
        physics, y = self._data(case)

        def run(noise: Iterator[Tensor] | None) -> Tensor:
            with _instead("torch.Tensor.normal_", noise):
                start = case.shape if noise is None else next(noise)
                out: Tensor = model(y, physics, x_init=start, denoise_output=False)
            return out

        return Candidate(f"{self.name} {term}", run, same, note)


class _Quarter(nn.Module):
    """A network that is told ln(s)/4, behind one that is told ln(s)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        out: Tensor = self.network(x, level / 4)
        return out


def _instead(name: str, noise: Iterator[Tensor] | None) -> AbstractContextManager[object]:
    """A function that draws numbers replaced by one that takes given ones."""
    return nullcontext() if noise is None else patch(name, lambda *_, **__: next(noise))


PEERS = {"deepinv": Deepinv, "azula": Azula}
