"""Networks and pipelines of diffusers as diffusion priors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from recon.priors.learned.diffusers_scheduler import PREDICTIONS, DiffusersScheduler
from recon.priors.learned.edm_diffusion import EDMDiffusion
from recon.priors.learned.flow_matching import FlowMatching
from recon.priors.learned.held_network import Precision
from recon.priors.learned.network_diffusion import NetworkDiffusion, Preconditioning
from recon.priors.learned.ve_diffusion import VEDiffusion
from recon.priors.learned.vp_diffusion import VPDiffusion
from recon.priors.prior import Prior


class DiffusersDiffusion(NetworkDiffusion):
    """D(u, σ) from a network of diffusers, by the convention of its scheduler.

    Read from the scheduler: ``prediction_type`` (epsilon, sample, v_prediction, flow), ᾱ, β, EDM's ``sigma_data``, the
    levels of flow matching and of score networks, and the levels at which it stops in so many steps
    (``timestep_spacing``, ``shift``, ``use_karras_sigmas``, ...). Pipelines with an autoencoder have a prior of its
    latents: :class:`DiffusersLatent` makes one of images.

    Parameters
    ----------
    model
        A pipeline; the folder or hub name of one, which needs diffusers; or a network, with its ``scheduler``.
    shape
        Shape of one image; by default what the network's configuration says.
    folder
        The local folder of a pipeline, instead of ``model``: in jobs relative to their file.
    scheduler
        A scheduler of diffusers instead of the pipeline's.
    conditions
        Further arguments of the network by name (``encoder_hidden_states``, ``class_labels``): tensors for one image
        are given with a leading dimension of 1.
    network_range
        (low, high) of the images the network was trained on: [−1, 1], for score networks [0, 1].
    """

    names = ("diffusers_diffusion", "diffusers")

    def __init__(
        self,
        model: Callable[..., Any] | str | None = None,
        shape: Sequence[int] | None = None,
        *,
        folder: str | Path | None = None,
        scheduler: Callable[..., Any] | None = None,
        conditions: Mapping[str, Any] | None = None,
        value_range: Sequence[float] = (0.0, 1.0),
        network_range: Sequence[float] | None = None,
        complex_as: Literal["refuse", "parts"] = "refuse",
        precision: Precision = "weights",
        sigma: float = 0.05,
    ) -> None:
        network, scheduler = _parts(given_pipeline(model, folder, self.name), scheduler)
        self.convention = DiffusersScheduler.read(scheduler)
        shape = _shape(network) if shape is None else tuple(shape)
        called = _Called(network, {} if conditions is None else conditions, self._sign())
        settings: dict[str, Any] = {
            "channels": int(getattr(network.config, "in_channels", 1)),
            "value_range": value_range,
            "network_range": self.convention.network_range if network_range is None else network_range,
            "complex_as": complex_as,
            "precision": precision,
            "weights": None,
            "sigma": sigma,
        }
        super().__init__(called, shape, **settings)
        self.inner = self._inner(called, shape, settings)
        self.levels, self.sigma_range = self.inner.levels, self.inner.sigma_range

    def stops(self, steps: int) -> Tensor | None:
        lowest, highest = (self.scale * end for end in self.sigma_range)
        levels = None if self.levels is None else self.scale * self.levels
        found = self.convention.stops(steps, levels, lowest, highest)
        return self.inner.stops(steps) if found is None else found / self.scale

    def preconditioning(self, s: float | Tensor) -> Preconditioning:
        return self.inner.preconditioning(s)

    def _sign(self) -> float:
        """EDM's ``v_prediction`` is −F."""
        config = self.convention.scheduler.config
        return -1.0 if self.convention.kind == "edm" and config.get("prediction_type") == "v_prediction" else 1.0

    def _inner(self, network: _Called, shape: Sequence[int], settings: dict[str, Any]) -> NetworkDiffusion:
        kind, config = self.convention.kind, self.convention.scheduler.config
        if kind == "vp":
            prediction: Any = PREDICTIONS[config.get("prediction_type")]
            return VPDiffusion(
                network, shape, prediction=prediction, alphas_cumprod=self.convention.alphas(), **settings
            )
        if kind == "flow":
            return FlowMatching(network, shape, time_scale=self.convention.train_steps, **settings)
        ends = {"sigma_min": config.get("sigma_min", 0.002), "sigma_max": config.get("sigma_max", 80.0)}
        if kind == "edm":
            return EDMDiffusion(network, shape, sigma_data=config.get("sigma_data", 0.5), **ends, **settings)
        return VEDiffusion(network, shape, train_steps=self.convention.train_steps, **ends, **settings)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        config = {"prediction_type": "v_prediction", "num_train_timesteps": 50, "timestep_spacing": "trailing"}
        alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.2, 50), 0)
        scheduler: Any = SimpleNamespace(config=config, alphas_cumprod=alphas)
        yield cls(_NothingPredicted(), scheduler=scheduler)


def given_pipeline(model: Any, folder: str | Path | None, owner: str) -> Any:
    """What ``model`` or ``folder`` say: a pipeline or a network."""
    if (model is None) == (folder is None):
        raise ValueError(f"{owner} expects model or folder, one of them.")
    if folder is not None and not Path(folder).is_dir():
        raise FileNotFoundError(f"there is no folder {folder}.")
    name = model if folder is None else folder
    return load_pipeline(name) if isinstance(name, (str, Path)) else name


def load_pipeline(name: str | Path) -> Any:
    """A pipeline from a local folder, or from the hub by its name."""
    try:
        from diffusers import DiffusionPipeline
    except ImportError:
        raise ImportError(f"the pipeline {name} needs diffusers; install recon-imaging[diffusers].") from None
    return DiffusionPipeline.from_pretrained(name)


def _parts(model: Any, scheduler: Any) -> tuple[nn.Module, Any]:
    """The network and the scheduler of a pipeline, or of the two given."""
    network = model
    if not isinstance(model, nn.Module):
        network = next((net for key in ("unet", "transformer") if (net := getattr(model, key, None)) is not None), None)
        scheduler = getattr(model, "scheduler", None) if scheduler is None else scheduler
    if not isinstance(network, nn.Module):
        raise TypeError(f"DiffusersDiffusion expects a pipeline or a network of diffusers, got {type(model).__name__}.")
    if scheduler is None:
        raise ValueError("DiffusersDiffusion expects the scheduler of a network; give scheduler=.")
    return network, scheduler


def _shape(network: Any) -> tuple[int, ...]:
    """(C, rows, columns) as the network's configuration has them, without C for one channel."""
    size, channels = getattr(network.config, "sample_size", None), int(network.config.in_channels)
    if size is None:
        raise ValueError("DiffusersDiffusion cannot tell the size of the network's images; give shape=.")
    pixels = (int(size),) * 2 if isinstance(size, (int, float)) else tuple(int(n) for n in size)
    return pixels if channels == 1 else (channels, *pixels)


class _Called(nn.Module):
    """A network of diffusers as network(x, t), its further arguments repeated for every image."""

    def __init__(self, network: nn.Module, conditions: Mapping[str, Any], sign: float) -> None:
        super().__init__()
        self.network, self.sign = network, sign
        self.fixed = {key: value for key, value in conditions.items() if not isinstance(value, Tensor)}
        self.repeated = [key for key, value in conditions.items() if isinstance(value, Tensor)]
        for key in self.repeated:
            self.register_buffer(f"condition_{key}", conditions[key], persistent=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        tensors = {key: getattr(self, f"condition_{key}") for key in self.repeated}
        rows = {key: value.expand(len(x), *value.shape[1:]) for key, value in tensors.items()}
        out: Tensor = self.network(x, t, return_dict=False, **rows, **self.fixed)[0]
        return out if self.sign == 1 else self.sign * out


class _NothingPredicted(nn.Module):
    """The exact v of images N(0, I), which does not depend on x_t."""

    config = SimpleNamespace(in_channels=1, sample_size=(3, 4))

    def forward(self, x: Tensor, t: Tensor, return_dict: bool = False) -> tuple[Tensor]:
        return (0 * x,)
