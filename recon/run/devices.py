"""The device that a job computes on."""

from __future__ import annotations

import torch

from recon.config.errors import ConfigError
from recon.config.resolve import JobSpec


def device_of(job: JobSpec) -> torch.device:
    """The job's device; a :class:`ConfigError` if this machine does not have it."""
    name: str = job.device
    mark = job.spec.at("device")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if count else "cpu")
    if name.startswith("cuda") and not count:
        raise ConfigError(
            mark, f"device {name!r} is not there: torch finds no CUDA device; use cpu or auto, or see recon doctor."
        )
    device = torch.device(name)
    if device.index is not None and device.index >= count:
        raise ConfigError(mark, f"device {name!r} is not there: torch finds {count} CUDA device(s), counted from 0.")
    return device
