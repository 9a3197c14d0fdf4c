"""What a run runs on."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch

import recon
from recon.run.describe import versions


@cache
def machine() -> str:
    """The name of this machine and of its processor."""
    return f"{platform.node()} ({_processor()})"


@cache
def device_name(device: str) -> str:
    """``cpu``, or what the GPU calls itself."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, hardware and settings that results and times depend on."""
    return {
        "recon": recon.__version__,
        "packages": versions(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device_name(str(device)),
        "cuda": torch.version.cuda if device.type == "cuda" else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
