"""Nonuniform Fourier sums on GPUs by cufinufft, an extra.

Its wheels need the runtime and the FFT of CUDA 12, which a torch for another CUDA does not bring: they are loaded from
NVIDIA's wheels beforehand. Sums over points are taken by atomic additions there, in an order that changes from call to
call, so that adjoints repeat to rounding only.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.operator import Shape

KEPT = 4
"""Plans kept for each trajectory: of both kinds, for two numbers of items."""

LIBRARIES = (("cuda_runtime", "libcudart.so.12"), ("nvjitlink", "libnvJitLink.so.12"), ("cufft", "libcufft.so.11"))
"""What cufinufft links to, folder of NVIDIA's wheel and file."""


class CudaPlans:
    """Sums over points at ``radians``, one array for each axis of images of ``shape``."""

    def __init__(self, shape: Shape, radians: Sequence[np.ndarray[Any, Any]]) -> None:
        self.shape, self.radians = shape, radians
        self.kept: dict[tuple[Any, ...], Any] = {}

    def transform(self, kind: int, eps: float, source: Tensor, out: Tensor) -> Tensor:
        """Fill ``out`` with the sums of kind 1 (adjoint) or 2 (forward) of all items of ``source`` at once."""
        if len(source):
            plan = self._plan(kind, eps, source)
            plan.execute(source if len(source) > 1 else source[0], out=out if len(out) > 1 else out[0])
        return out

    def _plan(self, kind: int, eps: float, like: Tensor) -> Any:
        stream = torch.cuda.current_stream(like.device).cuda_stream
        key = (kind, len(like), like.dtype, like.device, stream)
        if key in self.kept:
            self.kept[key] = plan = self.kept.pop(key)  # now the last to go
            return plan
        while len(self.kept) >= KEPT:
            self.kept.pop(next(iter(self.kept)))
        single = like.dtype == torch.complex64
        plan = load_cufinufft().Plan(
            kind,
            self.shape,
            len(like),
            eps,
            1 if kind == 1 else -1,
            "complex64" if single else "complex128",
            gpu_device_id=like.device.index or 0,
            gpu_stream=stream,
            upsampfac=2.0,
        )
        real = torch.float32 if single else torch.float64
        plan.setpts(*(torch.from_numpy(row).to(like.device, real) for row in self.radians))
        self.kept[key] = plan
        return plan


@cache
def load_cufinufft() -> Any:
    """The module; RuntimeError that says what to install where it or a library that it needs is missing."""
    for folder, file in LIBRARIES:
        for place in sys.path:
            library = Path(place) / "nvidia" / folder / "lib" / file
            if library.is_file():
                ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
                break
    try:
        import cufinufft
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise RuntimeError(
            "non-Cartesian MRI on a GPU needs cufinufft with the runtime and the FFT of CUDA 12: pip install "
            f"'recon-imaging[cufinufft]', or move the tensors to the CPU ({reason})."
        ) from None
    return cufinufft
