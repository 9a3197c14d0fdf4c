"""How much memory a computation takes at its peak, beyond what was in use before."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


class Peak:
    """Peak memory between :meth:`start` and :meth:`read`.

    On CUDA what torch has allocated; else the growth of the process's resident memory, by the high-water mark of the
    kernel where that can be reset (Linux), by that of the whole process elsewhere.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.before = 0

    def start(self) -> None:
        """Begin."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.before = torch.cuda.memory_allocated(self.device)
            return
        try:
            _RESET.write_text("5")
        except OSError:
            self.before = _high_water()
        else:
            self.before = resident()

    def read(self) -> dict[str, int | str]:
        """``peak`` in bytes, and of which ``kind``: rss or cuda."""
        if self.device.type == "cuda":
            return {"peak": torch.cuda.max_memory_allocated(self.device) - self.before, "kind": "cuda"}
        return {"peak": max(0, _high_water() - self.before), "kind": "rss"}


def resident() -> int:
    """Resident memory of this process in bytes."""
    return _field("VmRSS") or _high_water()


def _high_water() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return _field("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _field(name: str) -> int:
    try:
        text = _STATUS.read_text()
    except OSError:
        return 0
    start = text.find(f"{name}:")
    return int(text[start:].split(maxsplit=2)[1]) * 1024 if start >= 0 else 0
