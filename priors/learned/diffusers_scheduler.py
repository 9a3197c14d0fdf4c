"""What a scheduler of diffusers says about the network it was made for."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from recon.operators.linear import CapabilityError

PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v", "sample": "x0"}


@dataclass(frozen=True)
class DiffusersScheduler:
    """The convention of a scheduler, read from its configuration.

    ``kind`` is ``"vp"`` for schedulers with ``alphas_cumprod`` (those that scale the input by 1/√(1 + σ²) too: that is
    the variance-preserving state), ``"flow"`` for flow matching, ``"edm"`` for EDM preconditioning, ``"ve"`` for score
    networks. Clipping and thresholding of x₀ are left aside: they are no part of E[x₀ | u].

    Errors: CapabilityError, in one sentence, for schedulers of other conventions.
    """

    scheduler: Any
    kind: Literal["vp", "flow", "edm", "ve"]

    @classmethod
    def read(cls, scheduler: Any) -> DiffusersScheduler:
        """The convention of ``scheduler``."""
        name, config = type(scheduler).__name__, getattr(scheduler, "config", None)
        if config is None:
            raise TypeError(f"expected a scheduler of diffusers, got {name}.")
        prediction = config.get("prediction_type")
        if name.startswith(("LCM", "TCD", "CMStochastic")):
            raise CapabilityError(f"{name} is for consistency models, which do not give E[x₀ | u].")
        if config.get("invert_sigmas"):
            raise CapabilityError(f"{name} with invert_sigmas is not known here; wrap the network as FlowMatching.")
        if name.startswith("FlowMatch") or prediction == "flow_prediction" or config.get("use_flow_sigmas"):
            return cls(scheduler, "flow")
        if name.startswith("EDM"):
            if prediction not in ("epsilon", "v_prediction"):
                raise CapabilityError(f"{name} with prediction_type {prediction!r} is not known here.")
            return cls(scheduler, "edm")
        if name.startswith("ScoreSdeVe"):
            return cls(scheduler, "ve")
        if not isinstance(getattr(scheduler, "alphas_cumprod", None), Tensor):
            raise CapabilityError(
                f"{name} states neither alphas_cumprod nor a convention known here; wrap the network as VPDiffusion, "
                "VEDiffusion, EDMDiffusion or FlowMatching."
            )
        if prediction not in PREDICTIONS:
            known = ", ".join(map(repr, PREDICTIONS))
            raise CapabilityError(f"{name} has prediction_type {prediction!r}; expected one of {known}.")
        return cls(scheduler, "vp")

    @property
    def network_range(self) -> tuple[float, float]:
        """The range of images that pipelines with such schedulers give: [0, 1] for score networks, else [−1, 1]."""
        return (0.0, 1.0) if self.kind == "ve" else (-1.0, 1.0)

    @property
    def train_steps(self) -> int:
        return int(self.scheduler.config.get("num_train_timesteps", 1000))

    def alphas(self) -> Tensor:
        """ᾱ in double precision: from β where ᾱ is its product, so that 1 − ᾱ is accurate too."""
        stored: Tensor = self.scheduler.alphas_cumprod.detach().double().cpu()
        betas = getattr(self.scheduler, "betas", None)
        if isinstance(betas, Tensor) and betas.shape == stored.shape:
            exact = torch.cumprod(1 - betas.detach().double().cpu(), 0)
            if torch.allclose(exact, stored, rtol=1e-3, atol=1e-7):
                return exact
        return stored

    def stops(self, steps: int, levels: Tensor | None, lowest: float, highest: float) -> Tensor | None:
        """The network's noise levels at which the scheduler stops, within its range; None where it does not say.

        ``levels`` are those of training.
        """
        if self.kind == "ve" or self.scheduler.config.get("use_dynamic_shifting"):
            return None
        scheduler = copy.deepcopy(self.scheduler)
        if self.kind == "vp" and not isinstance(getattr(scheduler, "sigmas", None), Tensor):
            assert levels is not None
            sigmas = levels[self._indices(steps).clamp(max=len(levels) - 1)]
        else:
            scheduler.set_timesteps(steps)
            sigmas = scheduler.sigmas[:steps].detach().double().cpu()
            if self.kind == "flow":
                sigmas = torch.where(sigmas < 1, sigmas / (1 - sigmas), inf)
            sigmas = sigmas.clamp(lowest, highest)
        return sigmas if len(sigmas) == steps and bool((sigmas[1:] < sigmas[:-1]).all()) else None

    def _indices(self, steps: int) -> Tensor:
        """Levels of training, descending, by ``timestep_spacing``."""
        count, config = self.train_steps, self.scheduler.config
        if steps > count:
            raise ValueError(f"a process of {count} levels allows at most that many steps, got {steps}.")
        spacing = config.get("timestep_spacing", "leading")
        if spacing == "linspace":
            chosen = np.linspace(0, count - 1, steps).round()[::-1]
        elif spacing == "trailing":
            chosen = np.round(np.arange(count, 0, -count / steps))[:steps] - 1
        else:
            chosen = (np.arange(steps) * (count // steps)).round()[::-1] + config.get("steps_offset", 0)
        return torch.from_numpy(chosen.astype(np.int64))
