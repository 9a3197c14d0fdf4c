"""Trained diffusion priors in files of safetensors, which hold numbers and words but no code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save

from recon.priors.learned.diffusion_unet import DiffusionUNet
from recon.priors.learned.edm_diffusion import EDMDiffusion
from recon.priors.learned.weights import fitted, read_safetensors

FORMAT = "recon diffusion prior 1"


class SavedDiffusion(NamedTuple):
    """What such a file tells: the network in evaluation mode, and what :class:`EDMDiffusion` needs to know of it."""

    network: DiffusionUNet
    shape: tuple[int, ...]
    value_range: tuple[float, float]
    network_range: tuple[float, float]
    sigma_data: float
    sigma_min: float
    sigma_max: float


def save_diffusion(
    prior: EDMDiffusion,
    path: str | Path,
    *,
    dtype: torch.dtype = torch.float16,
    notes: Mapping[str, str] | None = None,
) -> None:
    """Write a prior with a :class:`DiffusionUNet` to a file that :class:`PretrainedDiffusion` reads.

    The head of the file says ``format``, ``network`` (the constructor's arguments) and ``prior`` (shape, ranges and
    levels), the latter two in JSON, and ``notes``, such as a licence.

    Parameters
    ----------
    prior
        The prior.
    path
        The file, ``*.safetensors``.
    dtype
        Precision of the weights in the file; half by default.
    notes
        Further words for the head of the file.

    Errors: TypeError for other networks; ValueError for another ending of the name.
    """
    network = prior.network.network
    if not isinstance(network, DiffusionUNet) or prior.preconditioned:
        raise TypeError(
            f"save_diffusion writes EDMDiffusion priors with a DiffusionUNet, got {type(network).__name__}."
        )
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"save_diffusion expects the name of a file *.safetensors, got {path}.")
    known = {
        "shape": list(prior.shape or ()),
        "value_range": list(prior.range.images),
        "network_range": list(prior.range.network),
        "sigma_data": prior.sigma_data,
        "sigma_min": prior.sigma_range[0] * prior.scale,
        "sigma_max": prior.sigma_range[1] * prior.scale,
    }
    head = {**(notes or {}), "format": FORMAT, "network": json.dumps(network.settings), "prior": json.dumps(known)}
    weights = {key: value.detach().to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
    Path(path).write_bytes(save(weights, head))


def read_diffusion(path: str | Path) -> SavedDiffusion:
    """The prior in a file that :func:`save_diffusion` wrote, its weights in single precision.

    Errors: FileNotFoundError; ValueError where it is not such a file, is damaged, or contradicts itself.
    """
    tensors, head = read_safetensors(path)
    if head.get("format") != FORMAT:
        other = repr(head["format"]) if "format" in head else "none"
        raise ValueError(f"{path} is not a diffusion prior of recon: expected the format {FORMAT!r}, found {other}.")
    try:
        settings, known = (json.loads(head[name]) for name in ("network", "prior"))
        with torch.random.fork_rng(devices=[]):  # what it starts from is replaced
            network = DiffusionUNet(**settings)
        found = SavedDiffusion(
            network,
            tuple(_number(n, int) for n in known["shape"]),
            _pair(known["value_range"]),
            _pair(known["network_range"]),
            *(_number(known[name], float) for name in ("sigma_data", "sigma_min", "sigma_max")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"the head of {path} does not describe a diffusion prior: {error}.") from error
    return found._replace(network=fitted(network, {key: value.float() for key, value in tensors.items()}, path))


def _pair(values: Sequence[Any]) -> tuple[float, float]:
    low, high = (_number(value, float) for value in values)
    return low, high


def _number(value: Any, kind: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -inf < value < inf or kind(value) != value:
        raise ValueError(f"expected a number, got {value!r}")
    return kind(value)
